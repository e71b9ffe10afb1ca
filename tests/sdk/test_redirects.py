"""Whoever leads a client elsewhere gets no key and no words of anybody there."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from romashka import AsyncRomashka, Attachment, Unreachable
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request

KEY = "the.service.key"
PLACE = Attachment("path", "name", "text/plain", 1)
CALLS: dict[str, Callable[[AsyncRomashka], Awaitable[Any]]] = {
    "rows": lambda client: client.conversations.list(),
    "function": lambda client: client.call("get_next_ai_response_job", max_jobs=1),
    "sign in": lambda client: client.sign_in("a@example.com", "password"),
    "anonymous": lambda client: client.sign_in_anonymously(),
    "upload": lambda client: client.attachments.upload("conversation", "a.txt", b"x"),
    "download": lambda client: client.attachments.download(PLACE),
    "link": lambda client: client.attachments.signed_url(PLACE),
}


@asynccontextmanager
async def open_elsewhere() -> AsyncIterator[tuple[str, list[str]]]:
    """Run a host that takes all there is; give its address, and what it was told."""
    told: list[str] = []

    async def talk(socket: ServerConnection) -> None:
        told.extend([str(message) async for message in socket])

    def note(_: ServerConnection, request: Request) -> None:
        told.append(f"{request.path} {dict(request.headers)}")

    async with serve(talk, "127.0.0.1", 0, process_request=note) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", told


@asynccontextmanager
async def open_redirect(host: str, status: int) -> AsyncIterator[str]:
    """Run a server that leads everybody to another host; give its URL."""

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if length := re.search(r"content-length: (\d+)", head, re.IGNORECASE):
            await reader.readexactly(int(length[1]))
        path = head.split()[1].partition("?")[0]
        there = f"Location: //{host}{path}?apikey=x\r\nContent-Length: 0\r\nConnection: close"
        writer.write(f"HTTP/1.1 {status} Elsewhere\r\n{there}\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(lead, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_no_call_is_led_to_another_host(status: int) -> None:
    """httpx takes the key along, all but `Authorization`; and a 307 the body, too."""
    async with open_elsewhere() as (host, told), open_redirect(host, status) as url:
        async with AsyncRomashka.connect(url, KEY) as client:
            for call in CALLS.values():
                with pytest.raises(Unreachable) as led:
                    await call(client)

                assert f"at {url}, which leads to http://{host}/" in str(led.value)
                assert "set SUPABASE_URL" in str(led.value)
                assert "apikey" not in str(led.value)

    assert told == []


async def test_no_topic_is_joined_on_another_host() -> None:
    """The socket's library follows, and the join has the token in it."""
    async with open_elsewhere() as (host, told), open_redirect(host, 307) as url:
        async with AsyncRomashka.connect(url, KEY) as client:
            trouble = asyncio.Event()
            async with client.topics.listen("inbox", lambda _: trouble.set()) as listener:
                async with asyncio.timeout(10):
                    await trouble.wait()

                assert f"leads to ws://{host}" in str(listener.trouble)

    assert KEY not in "".join(told)
