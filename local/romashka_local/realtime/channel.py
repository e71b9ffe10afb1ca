"""One joined channel of one socket: join, messages in their order, leave.

Each channel has a task of its own, so that a slow policy holds up nothing but its channel.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final, Protocol

import psycopg
from psycopg_pool import PoolTimeout

from romashka_local.realtime.access import Access, Refused, unauthorized
from romashka_local.realtime.broadcast import MAX_PAYLOAD_BYTES, ReplayFailed, read_stored
from romashka_local.realtime.filters import BadParameters
from romashka_local.realtime.hub import Topic
from romashka_local.realtime.join import InvalidJoin, Join, change_id, parse
from romashka_local.realtime.protocol import (
    BinaryBroadcast,
    Frame,
    Message,
    Version,
    push,
    reply,
    to_json,
)
from romashka_local.realtime.services import Services
from romashka_local.realtime.tokens import InvalidToken, Token, verify

_log = logging.getLogger("romashka.local.realtime")

_WAITING_MESSAGES: Final = 100
_TOKEN_CHECK_SECONDS: Final = 300
_RETRY_SECONDS: Final = 5
_READY_SECONDS: Final = 60


class Connection(Protocol):
    """What a channel needs of its socket."""

    version: Version
    token: Token
    headers: Mapping[str, str]

    def send(self, frame: Frame) -> None: ...
    def forget(self, channel: "Channel") -> None: ...
    def refuse_unmatched(self, message: Message) -> None: ...


class Channel:
    """A member of a topic, from `phx_join` until it leaves or is closed."""

    def __init__(self, services: Services, socket: Connection, joining: Message) -> None:
        self._services = services
        self._socket = socket
        self._joining = joining
        self._inbox: asyncio.Queue[Message] = asyncio.Queue(_WAITING_MESSAGES)
        self._held: list[Frame] | None = []  # until the join is answered
        self._seen_ids: set[str] = set()
        self._is_joined = False
        self._is_closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.version = socket.version
        self.join_ref = joining.join_ref
        self.topic_name = joining.topic.removeprefix("realtime:")

    def start(self) -> None:
        """Begin to join."""
        self._run_beside("messages", self._run())

    async def put(self, message: Message) -> None:
        """Let the channel handle `message` after those before it."""
        await self._inbox.put(message)

    async def _run(self) -> None:
        try:
            await self._join()
        except (Refused, InvalidToken, InvalidJoin) as error:
            self._refuse(str(error))
            return
        while not self._is_closed:
            await self._handle(await self._inbox.get())

    # Joining

    async def _join(self) -> None:
        self._settings = join = parse(self._joining.payload, self.topic_name)
        if not self.topic_name:
            raise Refused("TopicNameRequired", "You must provide a topic name")
        self._topic = Topic(self.topic_name, join.is_private)
        self._has_presence = join.has_presence
        token = self._socket.token
        raw = join.access_token if join.access_token is not None else token.raw
        token = verify(raw, self._services.jwt_secret)
        self._access = Access(self._services.pool, self._topic, self._socket.headers, token)
        await self._access.admit(token, with_presence=join.has_presence)
        self._services.hub.add(self._topic, self)  # what is broadcast from here on is held
        replayed = await self._replay_frames(join)
        if join.wait_ms is not None and join.changes:
            await self._subscribe_in_time(join.wait_ms)
        self._answer(join, replayed)

    async def _replay_frames(self, join: Join) -> list[Frame]:
        if join.replay is None:
            return []
        if not self.hears_broadcasts:
            raise unauthorized(self.topic_name)
        try:
            stored = await read_stored(self._services.pool, self.topic_name, join.replay)
        except ReplayFailed as error:
            text = "Realtime was unable to replay messages"
            raise Refused("UnableToReplayMessages", text) from error
        missed = [message for message in stored if message.id not in self._seen_ids]
        self._seen_ids = {message.id for message in missed}
        frames = (message.frame(self.version, self._topic, self.join_ref) for message in missed)
        return [frame for frame in frames if frame is not None]

    async def _subscribe_in_time(self, milliseconds: int) -> None:
        try:
            async with asyncio.timeout(milliseconds / 1000):
                await self._subscribe_once()
        except BadParameters as error:
            raise Refused("RealtimeDisabledForConfiguration", str(error)) from error
        except (TimeoutError, psycopg.Error, PoolTimeout) as error:
            text = f"Timed out after {milliseconds}ms waiting for the postgres_changes subscription"
            raise Refused("PostgresChangesSubscribeTimeout", text) from error

    def _answer(self, join: Join, replayed: list[Frame]) -> None:
        """Send the reply and what follows it; nothing else is sent in between."""
        changes = [{**change, "id": change_id(change)} for change in join.changes]
        held, self._held = self._held or [], None
        self._is_joined = True
        self._reply(self._joining, "ok", to_json({"postgres_changes": changes}))
        if self._has_presence and self.hears_presence:
            self._push("presence_state", self._services.presence.state(self._topic))
        for frame in [*replayed, *held]:
            self.send(frame)
        self._watch_token()
        if join.wants_replication_ready:
            self._run_beside("replication", self._announce_replication())
        if join.changes and join.wait_ms is not None:
            self._tell("postgres_changes", "ok", "Subscribed to PostgreSQL")
        elif join.changes:
            self.resubscribe()

    def _refuse(self, reason: str) -> None:
        _log.info("channel.refused", extra={"code": reason.partition(":")[0]})
        self._held = None
        self._reply(self._joining, "error", to_json({"reason": reason}))
        waiting = [self._inbox.get_nowait() for _ in range(self._inbox.qsize())]
        self.close()
        for message in waiting:
            self._socket.refuse_unmatched(message)

    # What the hub and the delivery of changes see

    @property
    def has_old_form(self) -> bool:
        return self._settings.is_old_form

    @property
    def hears_broadcasts(self) -> bool:
        return self._access.policies.reads_broadcast is True

    @property
    def hears_presence(self) -> bool:
        return self._access.policies.reads_presence is True

    def wants(self, message_id: str) -> bool:
        """Say whether a stored broadcast is news: while joining, what is heard is not replayed."""
        if self._held is not None:
            self._seen_ids.add(message_id)
            return True
        return message_id not in self._seen_ids

    def send(self, frame: Frame) -> None:
        """Send a frame, after the answer to the join."""
        if self._held is not None:
            self._held.append(frame)
        elif not self._is_closed:
            self._socket.send(frame)

    def resubscribe(self) -> None:
        """Subscribe to the changes (again), beside everything else."""
        self._run_beside("changes", self._subscribe())

    # Messages

    async def _handle(self, message: Message) -> None:
        match message.event:
            case "broadcast":
                await self._broadcast(message)
            case "presence":
                await self._presence(message)
            case "access_token":
                await self._refresh(message.payload)
            case "phx_leave":
                self._reply(message, "ok", "{}")
                self.close()
            case _:
                pass  # as in the original, no answer

    async def _broadcast(self, message: Message) -> None:
        content = message.payload
        if not isinstance(content, Mapping | BinaryBroadcast):
            return
        if not await self._access.may_broadcast():
            return
        is_sent = self._hand_on(content)
        if self._settings.acknowledges:
            status, response = ("ok", "{}") if is_sent else ("error", '"payload_size_exceeded"')
            self._reply(message, status, response)

    def _hand_on(self, content: Mapping[str, Any] | BinaryBroadcast) -> bool:
        """Hand a broadcast to the other members; False if it is too large."""
        sender = None if self._settings.echoes_self else self
        hub = self._services.hub
        if isinstance(content, BinaryBroadcast):
            if len(content.data) > MAX_PAYLOAD_BYTES:
                return False
            hub.broadcast(self._topic, content, sender=sender)
        else:
            payload = to_json(content)
            if len(payload) > MAX_PAYLOAD_BYTES:
                return False
            hub.broadcast_json(self._topic, payload, sender=sender)
        return True

    async def _presence(self, message: Message) -> None:
        payload = message.payload
        event = payload.get("event") if isinstance(payload, Mapping) else None
        if event is None:
            self._reply(message, "ok", "{}")
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
            key = self._settings.presence_key
            self._services.presence.track(self._topic, self, key, tracked)
            self._reply(message, "ok", "{}")

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
        if self._settings.changes:
            self.resubscribe()

    # Beside the messages

    async def _subscribe(self) -> None:
        while True:
            try:
                await self._subscribe_once()
            except BadParameters as error:
                self._tell("postgres_changes", "error", str(error))
                return
            except (psycopg.Error, PoolTimeout) as error:
                _log.warning("changes.not_subscribed", extra={"reason": type(error).__name__})
                self._tell("postgres_changes", "error", "Unable to subscribe to PostgreSQL")
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                self._tell("postgres_changes", "ok", "Subscribed to PostgreSQL")
                return

    async def _subscribe_once(self) -> None:
        await self._services.replication.is_live.wait()
        token = self._access.token
        await self._services.subscriptions.subscribe(self, self._settings.changes, token)

    async def _announce_replication(self) -> None:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._services.replication.is_live.wait()
        except TimeoutError:
            self._shut_down("Replication connection was not established in time")
        else:
            self._tell("system", "ok", "Replication connection established")

    def _watch_token(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        left = self._access.token.seconds_left()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(min(left, _TOKEN_CHECK_SECONDS), self._check_token)

    def _check_token(self) -> None:
        try:
            verify(self._access.token.raw, self._services.jwt_secret)
        except InvalidToken as error:
            self._shut_down(error.text)
        else:
            self._watch_token()

    def _run_beside(self, name: str, work: Any) -> None:
        if (running := self._tasks.get(name)) is not None:
            running.cancel()
        task = asyncio.create_task(work, name=f"realtime.{name}")
        self._tasks[name] = task
        task.add_done_callback(self._report)

    def _report(self, task: asyncio.Task[None]) -> None:
        """Tell the client of a crash; only the channel ends, as in the original."""
        if task.cancelled() or task.exception() is None:
            return
        _log.error("channel.crashed", exc_info=task.exception())
        self._push("phx_error", "{}", ref=self.join_ref)
        self._is_joined = False
        self.close()

    # Leaving

    def disconnect(self) -> None:
        """Tell the client that the server is about to close the socket."""
        if self._is_joined:
            self._tell("system", "ok", "Server requested disconnect")

    def close(self) -> None:
        """Leave the topic and tell the client; what still waits is dropped."""
        if self._is_closed:
            return
        if self._is_joined:
            self._push("phx_close", "{}", ref=self.join_ref)
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks.values():
            if task is not asyncio.current_task():
                task.cancel()
        while not self._inbox.empty():
            self._inbox.get_nowait()
        if hasattr(self, "_topic"):
            self._services.hub.remove(self._topic, self)
            self._services.presence.untrack(self._topic, self)
        self._services.subscriptions.unsubscribe(self)
        self._socket.forget(self)

    def _shut_down(self, text: str) -> None:
        self._tell("system", "error", text)
        self.close()

    def _tell(self, extension: str, status: str, text: str) -> None:
        payload = {
            "extension": extension,
            "status": status,
            "message": text,
            "channel": self.topic_name,
        }
        self._push("system", to_json(payload))

    def _push(self, event: str, payload: str, ref: Any = None) -> None:
        self.send(push(self.version, self._joining.topic, event, payload, self.join_ref, ref))

    def _reply(self, message: Message, status: str, response: str) -> None:
        self._socket.send(reply(self.version, message, status, response))
