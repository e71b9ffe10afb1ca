"""A network between a client and the project that delays, cuts, refuses and falls silent, and that
sees which function is called: a trap in it says when a worker is at a named point.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

_CHUNK = 65536
_REALTIME = b"/realtime/v1/websocket"

Part = Literal["rest", "realtime"]


@dataclass(slots=True)
class Trap:
    """Waits for a call of a function, and keeps it, or its answer, from getting through."""

    function: bytes
    keeps: Literal["request", "answer"]
    holding: bytes = b""
    """What the answer must have in it: a claim that claimed nothing is none."""
    is_sprung: bool = False


@dataclass(slots=True, eq=False)
class _Link:
    """One connection."""

    part: Part
    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    is_asked: bool = False
    """Is the trap's function called, and not answered?"""


class Network:
    """Passes bytes on to the project, unless a fault holds."""

    def __init__(self, url: str) -> None:
        self._server = urlsplit(url)
        self._links: set[_Link] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self.url = ""
        self.refused: set[Part] = set()
        """New connections of these parts are closed at once."""
        self._talking: dict[Part, asyncio.Event] = {
            "rest": asyncio.Event(),
            "realtime": asyncio.Event(),
        }
        for part in self._talking:
            self.resume(part)
        self.delay_seconds = 0.0
        self.trap: Trap | None = None

    @property
    def has_caught(self) -> bool:
        """Is somebody in the trap?"""
        return self.trap is not None and self.trap.is_sprung

    def cut(self, part: Part) -> None:
        """Reset all connections of a part."""
        for link in self._links:
            if link.part == part:
                for writer in link.writers:
                    writer.transport.abort()

    def silence(self, part: Part) -> None:
        """Let nothing of a part pass, with nobody told: half-open connections."""
        self._talking[part].clear()

    def resume(self, part: Part) -> None:
        """Let it pass again."""
        self._talking[part].set()

    async def serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        link = None
        try:
            first = await reader.read(_CHUNK)
            part: Part = "realtime" if _REALTIME in first.partition(b"\r\n")[0] else "rest"
            if part in self.refused:
                return
            server = await asyncio.open_connection(self._server.hostname, self._server.port)
            link = _Link(part, (writer, server[1]))
            self._links.add(link)
            await asyncio.gather(
                self._pass(link, reader, server[1], first, is_request=True),
                self._pass(link, server[0], writer, is_request=False),
            )
        except (OSError, asyncio.CancelledError):
            pass  # either side went, or the run is over
        finally:
            if link is not None:
                self._links.discard(link)
                link.writers[1].close()
            writer.close()
            self._serving.discard(task)

    async def close(self) -> None:
        """End every connection."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _pass(
        self,
        link: _Link,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        data: bytes = b"",
        *,
        is_request: bool,
    ) -> None:
        with suppress(OSError):
            while data := data or await reader.read(_CHUNK):
                await self._talking[link.part].wait()
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                if self._traps(link, data, is_request=is_request):
                    await asyncio.Event().wait()
                if writer.is_closing():
                    break
                writer.write(data)
                await writer.drain()
                data = b""
        writer.close()

    def _traps(self, link: _Link, data: bytes, *, is_request: bool) -> bool:
        """Tell whether these bytes are to be kept: then whoever set the trap has heard of it."""
        trap = self.trap
        if trap is None or trap.is_sprung:
            return False
        if is_request:
            link.is_asked = trap.function in data or (link.is_asked and b"POST " not in data[:5])
            is_it = link.is_asked and trap.keeps == "request"
        else:
            is_it = link.is_asked and trap.keeps == "answer" and trap.holding in data
        if is_it:
            trap.is_sprung = True
        return is_it


@asynccontextmanager
async def open_network(url: str) -> AsyncIterator[Network]:
    """Run a network in front of `url`."""
    network = Network(url)
    server = await asyncio.start_server(network.serve_one, "127.0.0.1", 0)
    network.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield network
    finally:
        server.close()
        await network.close()
