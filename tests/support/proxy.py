"""A network between a client and a stack that can be cut, as networks are."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

_CHUNK = 65536
_STALL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to whichever connection carries that byte, counted from the fault before."""

    after_bytes: int
    kind: Literal["reset", "close", "half_close", "stall"]


class Proxy:
    """Passes bytes on to a server, until told otherwise."""

    def __init__(self, url: str) -> None:
        self._server = urlsplit(url)
        self._open: set[asyncio.StreamWriter] = set()
        self.url = ""
        self.refuses: bytes | None = None
        """Connections whose first line contains this are closed at once (`b""`: all of them)."""
        self.faults: deque[Fault] = deque()
        self._passed = 0
        self._serving: set[asyncio.Task[None]] = set()

    def fail(self, *faults: Fault) -> None:
        """Let this happen, in order, from now on; what was to happen before does not."""
        self.faults = deque(faults)
        self._passed = 0

    def cut(self) -> None:
        """Reset every connection that is open now."""
        for writer in self._open:
            writer.transport.abort()

    async def serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        writers = [writer]
        try:
            first = await reader.read(_CHUNK)
            if self.refuses is not None and self.refuses in first:
                return
            assert self._server.hostname is not None
            server = await asyncio.open_connection(self._server.hostname, self._server.port)
            writers.append(server[1])
            self._open.update(writers)
            await asyncio.gather(
                self._pump(reader, server[1], first), self._pump(server[0], writer)
            )
        except (OSError, asyncio.CancelledError):
            pass  # the client went, or the test
        finally:
            self._open.difference_update(writers)
            for one in writers:
                one.close()
                with suppress(OSError):
                    await one.wait_closed()
            self._serving.discard(task)

    async def close(self) -> None:
        """Reset every connection, and wait until nothing of them is left."""
        self.cut()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes = b""
    ) -> None:
        with suppress(OSError):
            while data := data or await reader.read(_CHUNK):
                size, fault = self._next_fault(len(data))
                head, data = data[:size], data[size:]
                writer.write(head)
                await writer.drain()
                if fault is not None and not await _survives(fault, writer):
                    data = b""
                    while await reader.read(_CHUNK):  # it goes nowhere
                        pass
        writer.close()

    def _next_fault(self, size: int) -> tuple[int, Fault | None]:
        """Return how many of the next `size` bytes pass, and the fault after them, if any."""
        if not self.faults:
            return size, None
        left = self.faults[0].after_bytes - self._passed
        if left > size:
            self._passed += size
            return size, None
        self._passed = 0
        return left, self.faults.popleft()


async def _survives(fault: Fault, writer: asyncio.StreamWriter) -> bool:
    """Let a fault happen; False if nothing can be written afterwards."""
    match fault.kind:
        case "stall":
            await asyncio.sleep(_STALL_SECONDS)
        case "close":
            writer.close()
        case "half_close":
            writer.write_eof()
        case "reset":
            writer.transport.abort()
    return fault.kind == "stall"


@asynccontextmanager
async def open_proxy(url: str) -> AsyncIterator[Proxy]:
    """Run a proxy in front of `url`."""
    proxy = Proxy(url)
    server = await asyncio.start_server(proxy.serve_one, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
        await server.wait_closed()
