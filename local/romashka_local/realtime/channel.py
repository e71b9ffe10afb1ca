"""One channel of one socket, from `phx_join` to `phx_close`: its inbox and its task.

Each channel has a task of its own, so that a slow policy holds up nothing but its channel.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final, Protocol

from romashka_local.realtime.access import Access, Refused
from romashka_local.realtime.hub import Topic
from romashka_local.realtime.join import InvalidJoin, parse
from romashka_local.realtime.member import Member
from romashka_local.realtime.protocol import Frame, Message, Version, push, reply, to_json
from romashka_local.realtime.services import Services
from romashka_local.realtime.tokens import InvalidToken, Token, verify

_log = logging.getLogger("romashka.local.realtime")

_WAITING_MESSAGES: Final = 100


class Client(Protocol):
    """What a channel needs of its socket."""

    version: Version
    token: Token
    headers: Mapping[str, str]

    def send(self, frame: Frame) -> None: ...
    def forget(self, channel: "Channel") -> None: ...
    def refuse_unmatched(self, message: Message) -> None: ...


class Channel:
    """A channel that a client wants to join, has joined, or has left."""

    def __init__(self, services: Services, client: Client, joining: Message) -> None:
        self._services = services
        self._client = client
        self._joining = joining
        self._inbox: asyncio.Queue[Message] = asyncio.Queue(_WAITING_MESSAGES)
        self._member: Member | None = None
        self._is_answered = False
        self._is_closed = False
        self.topic = joining.topic
        self.join_ref = joining.join_ref
        self._task = asyncio.create_task(self._run(), name="realtime.channel")
        self._task.add_done_callback(self._report_crash)

    async def put(self, message: Message) -> None:
        """Let the channel handle `message` after those before it; waits while too many wait."""
        await self._inbox.put(message)

    async def _run(self) -> None:
        try:
            self._member = member = await self._admit()
            await member.enter()
        except (Refused, InvalidToken, InvalidJoin) as error:
            self._refuse(str(error))
            return
        self._is_answered = True
        while not self._is_closed:
            await member.handle(await self._inbox.get())

    async def _admit(self) -> Member:
        """Return the member that the join makes, if its token may read the topic."""
        name = self.topic.removeprefix("realtime:")
        if not name:
            raise Refused("TopicNameRequired", "You must provide a topic name")
        join = parse(self._joining.payload, name)
        topic = Topic(name, join.is_private)
        raw = self._client.token.raw if join.access_token is None else join.access_token
        token = verify(raw, self._services.jwt_secret)
        access = Access(self._services.pool, topic, self._client.headers, token)
        await access.admit(token, with_presence=join.has_presence)
        return Member(
            self._services,
            join,
            access,
            joining=self._joining,
            topic=topic,
            version=self._client.version,
            send=self._client.send,
            close=self.close,
        )

    def _refuse(self, reason: str) -> None:
        _log.info("channel.refused", extra={"code": reason.partition(":")[0]})
        response = to_json({"reason": reason})
        self._client.send(reply(self._client.version, self._joining, "error", response))
        waiting = [self._inbox.get_nowait() for _ in range(self._inbox.qsize())]
        self.close()
        for message in waiting:
            self._client.refuse_unmatched(message)

    def announce_stop(self) -> None:
        """Tell the client that the server is about to close the socket."""
        if self._member is not None and self._is_answered:
            self._member.announce_stop()

    def close(self, event: str = "phx_close") -> None:
        """Leave the topic and tell the client; what still waits is dropped."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._is_answered:
            version, ref = self._client.version, self.join_ref
            self._client.send(push(version, self.topic, event, "{}", ref, ref))
        if self._member is not None:
            self._member.leave()
        if self._task is not asyncio.current_task():
            self._task.cancel()
        while not self._inbox.empty():  # lets go whoever waits to put more
            self._inbox.get_nowait()
        self._client.forget(self)

    def _report_crash(self, task: "asyncio.Task[None]") -> None:
        """Tell the client of a defect; as in the original, only this channel ends."""
        if task.cancelled() or task.exception() is None:
            return
        _log.error("channel.crashed", exc_info=task.exception())
        self._is_answered = True
        self.close("phx_error")
