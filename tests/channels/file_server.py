"""A web server on this machine that gives what a test put there."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class FileServer:
    """Answers each path with what a test put there; remembers what it was asked."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.answers: dict[str, bytes] = {}
        self.asked: list[str] = []

    def put(self, path: str, status: str, *headers: str, body: bytes = b"") -> str:
        """Return the URL of a new answer."""
        head = "\r\n".join((f"HTTP/1.1 {status}", "Connection: close", *headers, "", ""))
        self.answers[path] = head.encode() + body
        return self.origin + path

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(request)
        writer.write(self.answers[request.split(" ")[1]])
        with suppress(ConnectionError):  # it has heard enough
            await writer.drain()
        writer.close()


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[FileServer]:
    """Serve on a free port until the block is left."""
    files = FileServer("")
    server = await asyncio.start_server(files.answer, "127.0.0.1", 0, ssl=tls)
    files.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield files
