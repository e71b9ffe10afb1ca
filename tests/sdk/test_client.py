"""Connecting and signing in: what works, and what a user is told when it does not."""

import asyncio
import json
import subprocess
import sys
import uuid
from contextlib import closing, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from romashka import (
    AsyncRomashka,
    Attachment,
    Conversation,
    InvalidRequest,
    NotSignedIn,
    Unreachable,
    _limits,
)

from tests.support.customers import customer_of, new_identifier, service_of
from tests.support.scripted import ANON_KEY, conversation_row
from tests.support.stacks import RunningStack


async def test_a_customer_signs_in_with_an_email_address(stack: RunningStack) -> None:
    """A frontend with accounts needs more than anonymous customers."""
    email, password = f"{uuid.uuid4()}@example.com", "correct horse"
    async with AsyncRomashka.connect(stack.api_url, stack.anon_key) as client:
        await client.supabase.auth.sign_up({"email": email, "password": password})
    async with AsyncRomashka.connect(stack.api_url, stack.anon_key) as client:
        user_id = await client.sign_in(email, password)
        conversation = await client.conversations.create(new_identifier())

        assert uuid.UUID(user_id)
        assert (await client.conversations.list()) == [conversation]


async def test_a_wrong_password_is_not_signed_in(stack: RunningStack) -> None:
    """A typing error is the user's to mend, so it has a class of its own."""
    async with AsyncRomashka.connect(stack.api_url, stack.anon_key) as client:
        with pytest.raises(NotSignedIn) as refused:
            await client.sign_in("nobody@example.com", "wrong password")

    assert refused.value.name == "invalid_credentials"


async def test_without_a_session_a_conversation_names_the_way_in(stack: RunningStack) -> None:
    """The error names anonymous sign-in: the step that every new integration forgets."""
    async with AsyncRomashka.connect(stack.api_url, stack.anon_key) as client:
        with pytest.raises(NotSignedIn, match=r"(?i)sign.?in.?anonymously") as refused:
            await client.conversations.create(new_identifier())

    assert refused.value.name == "session_required"


async def test_a_wrong_key_is_not_signed_in(stack: RunningStack) -> None:
    """A key of another project must not look like a network problem."""
    async with AsyncRomashka.connect(stack.api_url, "no.such.key") as client:
        with pytest.raises(NotSignedIn, match="does not take the key"):
            await client.conversations.list()


async def test_the_secret_key_needs_no_sign_in(stack: RunningStack) -> None:
    """Server-side scripts see every conversation at once."""
    async with customer_of(stack) as customer, service_of(stack) as service:
        conversation = await customer.conversations.create(new_identifier())

        assert (await service.conversations.get(conversation.id)).id == conversation.id


async def test_nobody_there_is_unreachable() -> None:
    """A wrong port must not end in a trace of the HTTP client."""
    async with AsyncRomashka.connect("http://127.0.0.1:9", "key") as client:
        with pytest.raises(Unreachable):
            await client.call("create_conversation")


@pytest.mark.parametrize(("url", "key"), [("romashka.local", "key"), ("http://127.0.0.1:9", "")])
async def test_what_cannot_be_a_url_or_a_key_is_refused(url: str, key: str) -> None:
    """A forgotten environment variable is found at once, not at the first call."""
    with pytest.raises(InvalidRequest):
        async with AsyncRomashka.connect(url, key):
            pass


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each request a byte at a time, without end: no wait for the network is a long one."""
    with closing(writer), suppress(OSError):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
        writer.write(b"content-length: 9999\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)


async def test_a_request_that_is_answered_drop_by_drop_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever waits for it would wait for good, without a word."""
    for what in _limits.SECONDS:
        monkeypatch.setitem(_limits.SECONDS, what, 0.2)
    file = Attachment("path", "name", "image/png", 1)
    async with (
        await asyncio.start_server(drip, "127.0.0.1", 0) as server,
        AsyncRomashka.connect(
            f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", ANON_KEY
        ) as client,
    ):
        conversation = Conversation.from_row(conversation_row(), client)
        for request in (
            client.sign_in_anonymously,
            client.conversations.list,
            conversation.refresh,
            conversation.take_over,
            conversation.messages,
            partial(conversation.send, "hello"),
            client.metrics.service_level,
            client.knowledge.list,
            partial(client.call, "search_knowledge", query="x"),
            partial(client.attachments.upload, conversation.id, "a.png", b"x"),
            partial(client.attachments.download, file),
            partial(client.attachments.signed_url, file),
        ):
            async with asyncio.timeout(5):
                with pytest.raises(Unreachable, match=r"it had 0\.2 s"):
                    await request()


def test_the_package_loads_the_clients_when_they_are_needed() -> None:
    """`romashka --help` answers at once."""
    program = "import sys, romashka._cli.app; print('supabase' in sys.modules, romashka.Romashka)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.stdout == "False <class 'romashka.sync.Romashka'>\n", done.stderr


async def test_a_captchas_token_is_sent_with_the_sign_in() -> None:
    """Hosted projects advise one for anonymous sign-ins, and refuse those without."""
    asked: list[dict[str, object]] = []

    class Auth(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = b'{"code": 400, "error_code": "captcha_failed", "msg": "captcha: no"}'
            self.send_response(400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Auth) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        async with AsyncRomashka.connect(url, "key") as client:
            with pytest.raises(NotSignedIn):
                await client.sign_in_anonymously(captcha_token="from the widget")
            with pytest.raises(NotSignedIn):
                await client.sign_in_anonymously()
        server.shutdown()

    said = [each.get("gotrue_meta_security") for each in asked]
    assert said == [{"captcha_token": "from the widget"}, {"captcha_token": None}]
