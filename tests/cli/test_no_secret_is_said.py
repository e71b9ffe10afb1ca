"""No secret of the environment is in any output of any command, whatever goes wrong."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from romashka._cli.app import app
from romashka._pasted import BadSetting, read_key
from romashka._secrets import hide_secrets
from typer.main import get_command

from tests.support.commands import Command
from tests.worker.worker_process import start_worker

KEY = "Zq7servicekey-0123456789"
ANON_KEY = "Zq7anonkey-0123456789"
MODEL_KEY = "Zq7modelkey-0123456789"
PASSWORD = "Zq7pass!word-0123456789"
TOKEN = "Zq7metatoken-0123456789"

ID = "3f0e2a9e-0000-4000-8000-000000000000"
COMMANDS = [
    ("inbox", "--once"),
    ("inbox", "--once", "--json", "--email", "a@example.com"),
    ("metrics",),
    ("send", "hello", "--customer", "somebody"),
    ("tail", ID),
    ("chat",),
    ("conversations", "waiting"),
    ("conversations", "show", ID),
    ("conversations", "take-over", ID),
    ("conversations", "return", ID),
    ("conversations", "resolve", ID),
    ("conversations", "assign", ID, "nobody"),
    ("conversations", "note", ID, "hello"),
    ("conversations", "reply", ID, "hello"),
    ("settings", "show"),
    ("settings", "set", "persona", "hello"),
    ("customers", "export", ID),
    ("customers", "erase", ID, "--yes"),
    ("channels", "list"),
    ("channels", "add", "whatsapp", "15550001"),
    ("channels", "secret", "1", "access_token"),
    ("channels", "set", "1", "language", "en"),
    ("channels", "enable", "1"),
    ("channels", "disable", "1"),
    ("notifications", "add", "email", "team@example.com"),
    ("notifications", "list"),
    ("notifications", "test", "1"),
    ("notifications", "secret", "1"),
    ("notifications", "remove", "1"),
    ("identity", "rotate"),
    ("identity", "list"),
    ("identity", "revoke", "1"),
    ("webhooks", "list"),
    ("webhooks", "replay", "--failed"),
    ("knowledge", "add", "Hours", "Nine to five."),
    ("knowledge", "import", str(Path(__file__).parents[2] / "README.md")),
    ("knowledge", "list"),
    ("knowledge", "search", "hello"),
    ("knowledge", "remove", ID),
    ("replay", "17"),
    ("doctor",),
    ("doctor", "--try"),
    ("staff", "add", "ada@example.com"),
    ("staff", "invite", "ada@example.com"),
    ("staff", "remove", "ada@example.com"),
    ("staff", "list"),
    ("migrate",),
]
WRITING = [one for one in COMMANDS if {*one} & {"send", "secret", "add", "import", "migrate"}]
"""Where a connection ends, clients of what is read try again for seconds."""
ELSEWHERE = {
    "worker": "runs in a process of its own, below",
    "start": "touches no project, nor do the others: each has a stack of its own",
    "dev": "see start",
    "status": "prints the keys of the local stack, which is what it is for",
    "demo": "see start",
    "eval": "see start",
    "db reset": "see start",
    "migrations export": "writes files, and asks nobody",
}
"""The commands that are not among these, and why."""


Fault = Callable[[str], tuple[int, bytes]]
"""Makes a status and a body of what was sent; without a status the connection ends."""


class _Project(ThreadingHTTPServer):
    """A project that fails in one way."""

    fault: Fault


class _Echo(BaseHTTPRequestHandler):
    """Refuses everything, and quotes in its refusal all that it was sent."""

    def _refuse(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        quoted = f"{self.path} {self.headers.items()} {self.rfile.read(length)!r}"
        assert isinstance(self.server, _Project)
        status, body = self.server.fault(quoted)
        if not status:
            self.close_connection = True
            return
        self.send_response(status, "Refused")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = _refuse

    def log_message(self, *_: object) -> None:
        pass


def _error(status: int, code: str) -> Callable[[str], tuple[int, bytes]]:
    def answer(quoted: str) -> tuple[int, bytes]:
        said = {"code": code, "message": quoted, "details": quoted, "hint": quoted, "msg": quoted}
        return status, json.dumps(said | {"error": {"message": quoted}}).encode()

    return answer


FAULTS: dict[str, Fault] = {
    "400": _error(400, "22P02"),
    "401": _error(401, "PGRST301"),
    "404": _error(404, "PGRST202"),
    "500": _error(500, "XX000"),
    "page": lambda quoted: (200, f"<html><title>{quoted}</title></html>".encode()),
    "object": lambda quoted: (200, json.dumps({"schema_version": quoted}).encode()),
    "cut": lambda quoted: (500, quoted.encode()[:40]),
    "nothing": lambda _: (0, b""),
}


@contextmanager
def echoing(fault: str) -> Iterator[str]:
    """Serve a project that fails like this; give its URL."""
    server = _Project(("127.0.0.1", 0), _Echo)
    server.fault = FAULTS[fault]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def environment(url: str, key: str = KEY) -> dict[str, str]:
    """Return settings that are full of secrets."""
    return {
        "SUPABASE_URL": url,
        "SUPABASE_SERVICE_ROLE_KEY": key,
        "SUPABASE_ANON_KEY": key.replace(KEY, ANON_KEY),
        "ROMASHKA_PASSWORD": PASSWORD,
        "DATABASE_URL": f"postgresql+psycopg2://postgres:{PASSWORD}@127.0.0.1:9/postgres",
        "OPENAI_API_KEY": MODEL_KEY,
        "OPENAI_BASE_URL": f"{url}/v1",
        "ROMASHKA_EMBEDDINGS": "off",
        "WHATSAPP_ACCESS_TOKEN": TOKEN,
        "EMAIL_SMTP_URL": f"smtps://user:{PASSWORD}@127.0.0.1:9",
    }


def secrets_in(said: str) -> list[str]:
    """Return the secrets, and what is left of one that was cut, that were said."""
    return re.findall(r"Zq7\S*|\S*0123456789|pass!word", said)


def test_every_command_is_tried() -> None:
    """A new one is the one whose output nobody has read."""

    def named(command: Any, *path: str) -> Iterator[str]:
        commands = getattr(command, "commands", {})
        yield from [] if commands else [" ".join(path)]
        for name, inner in commands.items():
            yield from named(inner, *path, name)

    names = {*named(get_command(app))}
    tried = {name for name in names for each in COMMANDS if " ".join(each).startswith(name)}

    assert tried == names - ELSEWHERE.keys()


@pytest.mark.parametrize("fault", FAULTS)
def test_no_command_says_a_secret(
    romashka: Command, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Servers and libraries quote what they were sent: headers, addresses, bodies."""
    with echoing(fault) as url:
        for command in WRITING if fault == "nothing" else COMMANDS:
            done = romashka(*command, typed=f"{TOKEN}\n", **environment(url))

            assert secrets_in(done.output + done.errors) == [], command
            assert done.exit_code != 0 or "--once" in command or fault == "page", command


@pytest.mark.parametrize(
    "key",
    [f"{KEY[:12]}\n{KEY[12:]}", f"{KEY[:12]}“{KEY[12:]}", f"Bearer {KEY} {KEY}", f"{KEY}\x7f"],
    ids=("line break", "quote", "twice", "control character"),
)
def test_a_key_that_cannot_be_sent_is_named_and_not_said(romashka: Command, key: str) -> None:
    """The transport's own error would quote the whole header."""
    for command in COMMANDS:
        done = romashka(*command, typed="x\n", **environment("http://127.0.0.1:9", key))

        assert secrets_in(done.output + done.errors) == [], command
        if command[0] in ("inbox", "metrics", "send", "tail", "channels", "webhooks", "knowledge"):
            assert (done.exit_code, done.errors.count("\n")) == (2, 1)
            assert re.search(r"SUPABASE_\w+_KEY has a|access_token", done.errors)


@pytest.mark.parametrize(
    "arguments",
    [
        ("migrate", f"postgresql://postgres:{PASSWORD}@h/db"),
        ("inbox", f"--keyy={KEY}"),
        ("inbox", "--once", "--key", KEY, "--url", "http://127.0.0.1:9"),
        ("inbox", "--once", "--key", f"{KEY} x", "--url", "http://127.0.0.1:9"),
        ("migrate", "--db-url", f"postgresql://postgres:{PASSWORD}@127.0.0.1:9/postgres"),
        ("staff", "list", "--db-url", f"host=127.0.0.1 port=x password={PASSWORD}"),
    ],
)
def test_a_secret_in_the_command_is_not_said(romashka: Command, arguments: tuple[str, ...]) -> None:
    """How a command is wrong is said with what it was."""
    done = romashka(*arguments)

    assert done.exit_code in (1, 2)
    assert secrets_in(done.output + done.errors) == []


async def test_the_worker_says_no_secret() -> None:
    """Its log is read by more people than its environment."""

    async def starting(fault: str) -> None:
        with echoing(fault) as url:
            process = await start_worker(environment(url))
            output, errors = await process.communicate()

        assert secrets_in((output + errors).decode()) == [], fault
        assert process.returncode, fault
        assert errors.startswith(b"unable to start the worker; "), fault
        assert errors.count(b"\n") == 1, fault

    await asyncio.gather(*map(starting, FAULTS))


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40),
    around=st.sampled_from(["{}\n", " {}", "“{}”", "Bearer {}", "\ufeff{}", "KEY={}", '"{}"\r\n']),
    quoted=st.sampled_from([str, repr, quote, lambda text: repr(text.encode()), json.dumps]),
)
def test_a_secret_is_hidden_however_it_is_quoted(
    monkeypatch: pytest.MonkeyPatch, secret: str, around: str, quoted: Callable[[str], str]
) -> None:
    """Whatever a key looks like, its value in the environment tells that it is one."""
    with monkeypatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", around.format(secret))
        said = hide_secrets(f"Illegal header value {quoted(around.format(secret))} was refused")

    longest = max(re.split(r"[\"'\\@]", secret), key=len)
    assert len(longest) < 6 or longest not in said


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_what_is_read_as_a_key_can_be_sent(text: str) -> None:
    """Or it is refused, without a word of it."""
    key, problem = _read(text)

    if problem is None:
        assert re.fullmatch(r"[!-~]+", key)
        assert read_key(key, "KEY") == key
    else:
        assert problem.startswith("KEY ")
        assert len(text) < 9 or text not in problem


def _read(text: str) -> tuple[str, str | None]:
    try:
        return read_key(text, "KEY"), None
    except BadSetting as problem:
        return "", str(problem)
