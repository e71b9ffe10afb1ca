"""A Realtime server on a port of its own, and a client that shows every frame as it came."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import uvicorn
import websockets
from romashka_local.config import StackConfig
from romashka_local.gateway import Gateway
from romashka_local.realtime import open_realtime

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


@dataclass(frozen=True)
class Received:
    """One message of the server, whatever protocol carried it."""

    topic: str
    event: str
    payload: Any
    ref: str | None = None
    join_ref: str | None = None


@dataclass
class RawSocket:
    """A socket that speaks one protocol version and hides nothing."""

    connection: websockets.ClientConnection
    version: str
    refs: int = 0
    unread: list[Received] = field(default_factory=list)
    joined: set[str] = field(default_factory=set)

    async def push(
        self, name: str, event: str, payload: Any = None, join_ref: str | None = None
    ) -> str:
        """Send a message to a channel and return its ref."""
        self.refs += 1
        ref = str(self.refs)
        topic = name if name == "phoenix" else f"realtime:{name}"
        payload = {} if payload is None else payload
        if self.version == "1.0.0":
            message: Any = {"topic": topic, "event": event, "payload": payload, "ref": ref}
            message |= {"join_ref": join_ref} if join_ref else {}
        else:
            message = [join_ref, ref, topic, event, payload]
        await self.connection.send(json.dumps(message))
        return ref

    async def join(self, name: str, token: str | None = None, **config: Any) -> Received:
        """Join a channel and return the reply."""
        self.joined.add(name)
        payload = {"config": config} | ({"access_token": token} if token else {})
        ref = await self.push(name, "phx_join", payload, join_ref=str(self.refs + 1))
        return await self.reply_to(ref)

    async def subscribe(self, name: str, *changes: dict[str, Any], **join: Any) -> Received:
        """Join for changes and wait until they are live."""
        reply = await self.join(name, postgres_changes=list(changes), **join)
        system = await self.next("system", name)
        assert system.payload["message"] == "Subscribed to PostgreSQL"
        return reply

    async def reply_to(self, ref: str) -> Received:
        """Return the reply to the message `ref`."""
        return await self._first(lambda m: m.event == "phx_reply" and m.ref == ref)

    async def next(self, event: str, name: str | None = None) -> Received:
        """Return the next message of that event (and channel); others are kept."""
        topic = None if name is None else f"realtime:{name}"
        return await self._first(lambda m: m.event == event and topic in (None, m.topic))

    async def settle(self) -> list[Received]:
        """Return what has come and was not read, when all that was pushed is dealt with."""
        for name in self.joined:  # each channel answers in its own order
            await self.reply_to(await self.push(name, "presence", {}))
        await self.reply_to(await self.push("phoenix", "heartbeat"))
        unread, self.unread = self.unread, []
        return unread

    async def _first(self, wanted: Any) -> Received:
        for number, message in enumerate(self.unread):
            if wanted(message):
                return self.unread.pop(number)
        async with asyncio.timeout(10):
            while True:
                message = decode(await self.connection.recv())
                if wanted(message):
                    return message
                self.unread.append(message)


def decode(frame: str | bytes) -> Received:
    """Return the message of a server's frame."""
    if isinstance(frame, bytes):
        return _decode_broadcast(frame)
    data = json.loads(frame)
    if isinstance(data, dict):
        assert set(data) == {"topic", "event", "payload", "ref"}
        return Received(**data)
    join_ref, ref, topic, event, payload = data
    return Received(topic, event, payload, ref, join_ref)


def _decode_broadcast(frame: bytes) -> Received:
    kind, topic_size, event_size, meta_size, is_json = frame[:5]
    assert kind == 4
    parts, start = [], 5
    for size in (topic_size, event_size, meta_size):
        parts.append(frame[start : start + size].decode())
        start += size
    data: Any = json.loads(frame[start:]) if is_json else frame[start:]
    payload = {"type": "broadcast", "event": parts[1], "payload": data}
    if parts[2]:
        payload["meta"] = json.loads(parts[2])
    return Received(parts[0], "broadcast", payload)


def broadcast_frame(
    name: str, event: str, data: bytes, *, is_json: bool, ref: str = "", join_ref: str = ""
) -> bytes:
    """Return the binary frame that supabase-js sends for a broadcast."""
    fields = [part.encode() for part in (join_ref, ref, f"realtime:{name}", event, "")]
    return b"".join([bytes([3, *map(len, fields), is_json]), *fields, data])


@dataclass
class RealtimeServer:
    """A running server, and what a test does beside talking to it."""

    config: StackConfig
    port: int
    database: Connection
    """Connected as `postgres`, which runs migrations; every statement commits."""

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/realtime/v1"

    def token(self, role: str = "authenticated", *, seconds: float = 3600, **claims: Any) -> str:
        """Return a signed token."""
        expires_at = int(time.time() + seconds)
        return self.config.keys.sign({"role": role, "exp": expires_at, **claims})

    @asynccontextmanager
    async def connect(
        self, version: str = "2.0.0", key: str | None = None, **headers: str
    ) -> AsyncIterator[RawSocket]:
        """Open a socket, by default with the anon key."""
        key = key or self.config.keys.anon_key
        url = f"ws://127.0.0.1:{self.port}/realtime/v1/websocket?apikey={key}&vsn={version}"
        async with websockets.connect(
            url, max_size=None, compression=None, additional_headers=headers
        ) as connection:
            yield RawSocket(connection, version)

    async def execute(self, *statements: str) -> None:
        """Run statements, each in a transaction of its own."""
        for statement in statements:
            await self.database.execute(statement.encode())


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@asynccontextmanager
async def running_realtime(config: StackConfig) -> AsyncIterator[RealtimeServer]:
    """Serve Realtime as the stack does, behind its gateway, on a free port."""
    async with open_realtime(config) as app:
        settings = uvicorn.Config(
            Gateway(config.keys, {"realtime": app}),
            port=0,
            ws="websockets-sansio",
            ws_max_size=5_000_000,
            ws_ping_interval=None,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=2,
        )
        server = _Server(settings)
        serving = asyncio.create_task(server.serve())
        try:
            await server.listens.wait()
            port = server.servers[0].sockets[0].getsockname()[1]
            async with await psycopg.AsyncConnection.connect(
                config.database_url(), autocommit=True
            ) as database:
                yield RealtimeServer(config, port, database)
        finally:
            server.should_exit = True
            await serving
