"""One WebSocket connection: frames in, frames out, and the channels that were joined on it."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from starlette.types import Receive, Send

from romashka_local.realtime.channel import Channel
from romashka_local.realtime.outbox import Outbox, OutboxClosed
from romashka_local.realtime.protocol import (
    Frame,
    MalformedFrame,
    Message,
    Version,
    decode,
    reply,
    to_json,
)
from romashka_local.realtime.services import Services
from romashka_local.realtime.tokens import Token

_log = logging.getLogger("romashka.local.realtime")

_SILENT_SECONDS: Final = 60
_CLOSE_SECONDS: Final = 2
_MAX_CHANNELS: Final = 100
_TOO_MANY_CHANNELS: Final = to_json({"reason": "ChannelRateLimitReached: Too many channels"})
_UNMATCHED: Final = to_json({"reason": "unmatched topic"})


class Socket:
    """A connected client."""

    def __init__(
        self, services: Services, version: Version, token: Token, headers: Mapping[str, str]
    ) -> None:
        self._services = services
        self._channels: dict[str, Channel] = {}
        self._outbox = Outbox()
        self.version = version
        self.token = token
        self.headers = headers
        """The `x-*` headers of the handshake: policies see them."""

    async def run(self, receive: Receive, send: Send) -> None:
        """Serve the client until it goes, falls silent, or is too slow."""
        reading = asyncio.create_task(self._read(receive))
        writing = asyncio.create_task(self._write(send))
        try:
            await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for channel in list(self._channels.values()):
                channel.close()
            self._outbox.close()
            reading.cancel()
            writing.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)
        # A client that is gone or does not read cannot be told; the server below gives up on it.
        with suppress(OSError, RuntimeError, TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await send({"type": "websocket.close", "code": self._close_code()})

    def _close_code(self) -> int:
        return 1013 if self._outbox.has_overflown else 1000

    def disconnect(self) -> None:
        """Tell the client that the server goes, and close."""
        for channel in self._channels.values():
            channel.announce_stop()
        self._outbox.close()

    def send(self, frame: Frame) -> None:
        """Queue a frame; a client that does not keep up is disconnected."""
        self._outbox.put(frame)

    def forget(self, channel: Channel) -> None:
        """Drop a channel that has closed."""
        if self._channels.get(channel.topic) is channel:
            del self._channels[channel.topic]

    def refuse_unmatched(self, message: Message) -> None:
        """Answer a message to a topic that is not joined."""
        status, response = ("ok", "{}") if message.event == "phx_leave" else ("error", _UNMATCHED)
        self.send(reply(self.version, message, status, response))

    async def _write(self, send: Send) -> None:
        with suppress(OutboxClosed, OSError):
            while True:
                frame = await self._outbox.take()
                kind = "text" if isinstance(frame, str) else "bytes"
                await send({"type": "websocket.send", kind: frame})
        if self._outbox.has_overflown:
            _log.warning("socket.too_slow")

    async def _read(self, receive: Receive) -> None:
        while True:
            try:
                async with asyncio.timeout(_SILENT_SECONDS):
                    event = await receive()
            except TimeoutError:
                return
            if event["type"] == "websocket.disconnect":
                return
            text = event.get("text")
            await self._handle(text if text is not None else event["bytes"])

    async def _handle(self, frame: Frame) -> None:
        try:
            message = decode(self.version, frame)
        except MalformedFrame as error:
            _log.info("frame.malformed", extra={"reason": str(error)})
            return
        channel = self._channels.get(message.topic)
        if message.topic == "phoenix" and message.event == "heartbeat":
            self.send(reply(self.version, message, "ok", "{}"))
        elif message.event == "phx_join" and message.topic.startswith("realtime:"):
            self._join(message, channel)
        elif channel is None:
            self.refuse_unmatched(message)
        elif not message.join_ref or channel.join_ref in (None, message.join_ref):
            await channel.put(message)

    def _join(self, message: Message, joined: Channel | None) -> None:
        if joined is not None:
            joined.close()
        if len(self._channels) >= _MAX_CHANNELS:
            self.send(reply(self.version, message, "error", _TOO_MANY_CHANNELS))
            return
        self._channels[message.topic] = Channel(self._services, self, message)
