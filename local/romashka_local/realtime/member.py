"""A member of a topic: what it hears and says, from the moment that its join was allowed."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from romashka_local.realtime.access import Access, Refused, unauthorized
from romashka_local.realtime.broadcast import (
    MAX_PAYLOAD_BYTES,
    ReplayFailed,
    broadcast_from_socket,
    read_stored,
)
from romashka_local.realtime.change_subscriber import ChangeSubscriber
from romashka_local.realtime.hub import Topic
from romashka_local.realtime.join import Join, change_id
from romashka_local.realtime.protocol import (
    BinaryBroadcast,
    Frame,
    Message,
    Version,
    push,
    reply,
    to_json,
)
from romashka_local.realtime.rate_limit import PresenceLimit
from romashka_local.realtime.services import Services
from romashka_local.realtime.tokens import InvalidToken, verify

_TOKEN_CHECK_SECONDS: Final = 300
_READY_SECONDS: Final = 60


class Member:
    """One joined channel of one socket."""

    def __init__(
        self,
        services: Services,
        join: Join,
        access: Access,
        *,
        joining: Message,
        topic: Topic,
        version: Version,
        send: Callable[[Frame], None],
        close: Callable[[], None],
    ) -> None:
        """`send` puts a frame on the socket; `close` ends the channel."""
        self._services = services
        self._join = join
        self._access = access
        self._joining = joining
        self._topic = topic
        self._send = send
        self._close = close
        self._held: list[Frame] | None = []  # until the join is answered
        self._seen_ids: set[str] = set()
        self._has_presence = join.has_presence
        self._presence_limit = PresenceLimit()
        self._timer: asyncio.TimerHandle | None = None
        self._announcing: asyncio.Task[None] | None = None
        self._changes = ChangeSubscriber(services, version, topic.name, join, self.send, self._tell)
        self.version = version

    # Joining and leaving

    async def enter(self) -> None:
        """Join the topic, answer the client, and send what follows the answer.

        Raises:
            Refused: what the join asks for cannot be had.
        """
        self._services.hub.add(self._topic, self)  # what is broadcast from here on is held
        replayed = await self._replay()
        if self._join.wait_ms is not None and self._join.changes:
            await self._changes.subscribe_in_time(self._access.token, self._join.wait_ms)
        self._answer(replayed)

    def leave(self) -> None:
        """Leave the topic; nothing is sent any more."""
        self._held = []
        for running in (self._timer, self._announcing):
            if running is not None:
                running.cancel()
        self._changes.close()
        self._services.hub.remove(self._topic, self)
        self._services.presence.untrack(self._topic, self)

    async def _replay(self) -> list[Frame]:
        if self._join.replay is None:
            return []
        if not self.hears_broadcasts:
            raise unauthorized(self._topic.name)
        try:
            stored = await read_stored(self._services.pool, self._topic.name, self._join.replay)
        except ReplayFailed as error:
            text = "Realtime was unable to replay messages"
            raise Refused("UnableToReplayMessages", text) from error
        missed = [message for message in stored if message.id not in self._seen_ids]
        self._seen_ids = {message.id for message in missed}
        join_ref = self._joining.join_ref
        frames = (message.frame(self.version, self._topic, join_ref) for message in missed)
        return [frame for frame in frames if frame is not None]

    def _answer(self, replayed: list[Frame]) -> None:
        """Send the reply and what follows it, in the order that clients expect."""
        held, self._held = self._held or [], None
        changes = [{**change, "id": change_id(change)} for change in self._join.changes]
        self._reply(self._joining, "ok", to_json({"postgres_changes": changes}))
        if self._has_presence and self.hears_presence:
            self._push("presence_state", self._services.presence.state(self._topic))
        for frame in [*replayed, *held]:
            self.send(frame)
        self._watch_token()
        if self._join.wants_replication_ready:
            self._announcing = asyncio.create_task(self._announce_replication())
        if changes and self._join.wait_ms is not None:
            self._changes.announce()
        else:
            self._changes.subscribe(self._access.token)

    async def _announce_replication(self) -> None:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._services.are_broadcasts_live.wait()
        except TimeoutError:
            self._shut_down("Replication connection was not established in time")
        else:
            self._tell("system", "ok", "Replication connection established")

    # What the hub sees

    @property
    def hears_broadcasts(self) -> bool:
        return self._access.policies.reads_broadcast is True

    @property
    def hears_presence(self) -> bool:
        return self._access.policies.reads_presence is True

    def wants(self, message_id: str) -> bool:
        """Say whether a stored broadcast is news: what is heard while joining is not replayed."""
        if self._held is not None:
            self._seen_ids.add(message_id)
            return True
        return message_id not in self._seen_ids

    def end_flood(self) -> None:
        """Leave, because the project sends too much; who is still joining stays."""
        if self._held is None:
            self._shut_down("Too many messages per second")

    def send(self, frame: Frame) -> None:
        """Send a frame, after the answer to the join."""
        if self._held is not None:
            self._held.append(frame)
        else:
            self._send(frame)

    # Messages of the client

    async def handle(self, message: Message) -> None:
        """Do what the client asks; as in the original, unknown events get no answer."""
        match message.event:
            case "broadcast":
                await self._broadcast(message)
            case "presence":
                await self._presence(message)
            case "access_token":
                await self._refresh(message.payload)
            case "phx_leave":
                self._reply(message, "ok", "{}")
                self._close()

    async def _broadcast(self, message: Message) -> None:
        content = message.payload
        if not isinstance(content, Mapping | BinaryBroadcast):
            return
        if not await self._access.may_broadcast():
            return
        sender = None if self._join.echoes_self else self
        is_sent = broadcast_from_socket(self._services.hub, self._topic, content, sender)
        if self._join.acknowledges:
            status, response = ("ok", "{}") if is_sent else ("error", '"payload_size_exceeded"')
            self._reply(message, status, response)

    async def _presence(self, message: Message) -> None:
        payload = message.payload
        event = payload.get("event") if isinstance(payload, Mapping) else None
        if event is None:
            self._reply(message, "ok", "{}")
        elif not self._presence_limit.admits():
            self._shut_down("Client presence rate limit exceeded")
        elif str(event).lower() == "untrack":
            self._services.presence.untrack(self._topic, self)
            self._reply(message, "ok", "{}")
        elif str(event).lower() == "track" and await self._access.may_track():
            self._track(message, payload.get("payload", {}))
        else:
            self._reply(message, "error", "{}")

    def _track(self, message: Message, tracked: Any) -> None:
        if not isinstance(tracked, Mapping):
            reason = {"reason": "Presence track payload must be a map"}
            self._reply(message, "error", to_json(reason))
        elif len(to_json(tracked)) > MAX_PAYLOAD_BYTES:
            self._shut_down("Track message size exceeded")
        else:
            self._has_presence = True
            self._services.presence.track(self._topic, self, self._join.presence_key, tracked)
            self._reply(message, "ok", "{}")

    # The token

    async def _refresh(self, payload: Any) -> None:
        raw = payload.get("access_token") if isinstance(payload, Mapping) else None
        if not isinstance(raw, str) or raw.startswith("sb_") or raw == self._access.token.raw:
            return
        try:
            token = verify(raw, self._services.jwt_secret)
            await self._access.admit(token, with_presence=self._has_presence)
        except (Refused, InvalidToken) as error:
            self._shut_down(error.text)
            return
        self._watch_token()
        self._changes.subscribe(token)

    def _watch_token(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        seconds = min(self._access.token.seconds_left(), _TOKEN_CHECK_SECONDS)
        self._timer = asyncio.get_running_loop().call_later(seconds, self._check_token)

    def _check_token(self) -> None:
        try:
            verify(self._access.token.raw, self._services.jwt_secret)
        except InvalidToken as error:
            self._shut_down(error.text)
        else:
            self._watch_token()

    # Messages to the client

    def announce_stop(self) -> None:
        """Tell the client that the server is about to close the socket."""
        self._tell("system", "ok", "Server requested disconnect")

    def _shut_down(self, text: str) -> None:
        self._tell("system", "error", text)
        self._close()

    def _tell(self, extension: str, status: str, text: str) -> None:
        payload = {
            "extension": extension,
            "status": status,
            "message": text,
            "channel": self._topic.name,
        }
        self._push("system", to_json(payload))

    def _push(self, event: str, payload: str) -> None:
        join_ref = self._joining.join_ref
        self.send(push(self.version, self._topic.full_name, event, payload, join_ref))

    def _reply(self, message: Message, status: str, response: str) -> None:
        self.send(reply(self.version, message, status, response))
