"""A network between a client and a stack that can be cut, as networks are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

_CHUNK = 65536


class Proxy:
    """Passes bytes on to a server, until told otherwise."""

    def __init__(self, url: str) -> None:
        self._server = urlsplit(url)
        self._open: set[asyncio.StreamWriter] = set()
        self.url = ""
        self.refuses: bytes | None = None
        """Connections whose first line contains this are closed at once (`b""`: all of them)."""

    def cut(self) -> None:
        """Reset every connection that is open now."""
        for writer in self._open:
            writer.transport.abort()

    async def serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(_CHUNK)
        if self.refuses is not None and self.refuses in first:
            writer.close()
            return
        assert self._server.hostname is not None
        onward = await asyncio.open_connection(self._server.hostname, self._server.port)
        self._open |= {writer, onward[1]}
        onward[1].write(first)
        await asyncio.gather(_pump(reader, onward[1]), _pump(onward[0], writer))
        self._open -= {writer, onward[1]}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()


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
        proxy.cut()
        await server.wait_closed()
