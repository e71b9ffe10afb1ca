"""A project behind TLS, as hosted ones are, whose servers would rather speak HTTP/2."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from romashka import AsyncRomashka

from tests.channels.mail_server import make_certificate
from tests.support.stacks import RunningStack

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"


class Gateway:
    """Takes calls over TLS; those of `hang` it does not answer."""

    def __init__(self) -> None:
        self.protocols: set[str | None] = set()
        self.hanging = 0
        self._serving: set[asyncio.Task[None]] = set()

    async def serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self.protocols.add(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        with suppress(asyncio.IncompleteReadError, OSError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.lower().split(b"\r\n")
                [size] = [line for line in lines if line.startswith(b"content-length:")]
                await reader.readexactly(int(size.split(b":")[1]))
                if b"/rpc/hang" in head:
                    self.hanging += 1
                    await reader.read()  # until the client goes
                writer.write(_ANSWER)
        writer.close()
        self._serving.discard(task)

    async def close(self) -> None:
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)


@asynccontextmanager
async def open_gateway(certificate: ssl.SSLContext) -> AsyncIterator[tuple[Gateway, str]]:
    """Serve on loopback; give the gateway and its URL."""
    certificate.set_alpn_protocols(["h2", "http/1.1"])
    gateway = Gateway()
    server = await asyncio.start_server(gateway.serve_one, "127.0.0.1", 0, ssl=certificate)
    try:
        yield gateway, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await gateway.close()


async def test_calls_that_are_given_up_cost_no_other_call(
    stack: RunningStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On one connection for all (HTTP/2), each call that took too long broke the connection under
    heartbeats and settles: one of ten of them failed.
    """
    certificate, trusting = make_certificate(tmp_path)
    monkeypatch.setattr("romashka._client.tls_context", lambda: trusting)

    async def give_up(client: AsyncRomashka) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await client.call("hang")

    async with (
        open_gateway(certificate) as (gateway, url),
        AsyncRomashka.connect(url, stack.service_role_key) as client,
    ):
        given_up = [asyncio.create_task(give_up(client)) for _ in range(30)]
        answers = [await client.call("answer") for _ in range(10)]
        await asyncio.gather(*given_up)
        answers.append(await client.call("answer"))

    assert answers == [[]] * 11
    assert gateway.protocols == {"http/1.1"}
