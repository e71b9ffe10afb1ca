"""No secret is in what we print or log, whoever's error says it."""

import asyncio
import json
import subprocess
import sys

import pytest
from romashka._secrets import hide_secrets
from romashka_worker.doctor.finding import Finding

from tests.cli.test_doctor import romashka as doctor
from tests.support.commands import Command
from tests.support.stacks import RunningStack

SECRET = "s3cr3t-0123456789"
KEY = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "said",
    [
        f"nobody answers at https://user:{SECRET}@models.example/v1",
        f"https://{SECRET}@models.example: refused",
        f"curl -i https://user:p@{SECRET}/w@models.example/v1/models",
        f"postgresql://postgres.abc:{SECRET}@db.example:5432/postgres timed out",
        f"connection failed: host=db.example password={SECRET} user=postgres",
        f"https://api.example/x?api_key={SECRET}&page=2",
        f"https://graph.example/v23.0/me?access_token={SECRET}",
        f"invalid header: Authorization: Bearer {SECRET}",
        "Malformed access token EAABsbCS1234567890abcdefghij",
        "unable to use sb_secret_abcdefghijklmnop",
        "Incorrect API key provided: sk-proj-abcdefghijklmn",
        f"the project does not take {KEY}",
    ],
)
def test_secrets_are_hidden(said: str) -> None:
    """Errors are copied into tickets and chats."""
    hidden = hide_secrets(said)

    assert "***" in hidden
    for secret in (SECRET, KEY, "EAABsb", "abcdefgh", "p@", "/w"):
        assert secret not in hidden


@pytest.mark.parametrize(
    "said",
    [
        "export OPENAI_API_KEY=...",
        "export SUPABASE_SERVICE_ROLE_KEY=...  # the secret key: Dashboard, Settings, API Keys",
        "supabase secrets set WHATSAPP_APP_SECRET=...",
        "romashka migrate --db-url 'postgresql://postgres:PASSWORD@db.abc.supabase.co:5432/postgres'",
        "smtp_url is not of the form smtps://user:password@host:465",
        "ada@example.com is agent now.",
        "no user has the address ada@example.com; they sign up first",
        "https://models.example/v1 has no gpt-4o; it has gpt-4o-mini, skin-model",
    ],
)
def test_what_is_no_secret_is_said(said: str) -> None:
    """A command that mends something must be whole."""
    assert hide_secrets(said) == said


async def test_doctor_keeps_the_password_of_a_url(stack: RunningStack) -> None:
    """It printed the model's base URL as it was given."""
    bare = stack.api_url.removeprefix("http://")
    for as_json in ((), ("--json",)):
        _, said = await asyncio.to_thread(
            doctor,
            "doctor",
            *as_json,
            SUPABASE_URL=f"http://user:{SECRET}@{bare}",
            SUPABASE_SERVICE_ROLE_KEY=stack.service_role_key,
            OPENAI_BASE_URL=f"http://user:{SECRET}@127.0.0.1:9/v1?api_key={SECRET}",
            EMAIL_SMTP_URL=f"smtps://user:{SECRET}@127.0.0.1:9",
        )

        assert "127.0.0.1:9" in said
        assert SECRET not in said
        assert stack.service_role_key not in said


def test_a_finding_says_no_secret() -> None:
    """Whatever a check puts into it."""
    found = Finding.problem("x", f"https://u:{SECRET}@h fails", f"curl https://u:{SECRET}@h")

    assert found == Finding("x", "problem", "https://***@h fails", "curl https://***@h")


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://postgres:pa@{SECRET}/x@127.0.0.1:9/postgres",
        f"postgresql://postgres:pa/{SECRET}@127.0.0.1:9/postgres",
        f"postgresql://postgres:pa#{SECRET}@127.0.0.1:9/postgres",
        f"postgresql://postgres:pa?{SECRET}@127.0.0.1:9/postgres",
        f"postgresql://postgres:pa:{SECRET}@127.0.0.1:9/postgres",
        f"postgresql://postgres:pa%zz{SECRET}@127.0.0.1:9/postgres",
        f"postgres://postgres:pa {SECRET}@127.0.0.1:9/postgres",
        f"host=127.0.0.1 port=9 password=pa {SECRET}",
        f"host=127.0.0.1 port=9 password='pa {SECRET}",
        f"host=127.0.0.1 port=9 password={SECRET}",
        f"{SECRET}",
    ],
)
@pytest.mark.parametrize("command", [("staff", "list"), ("migrate",), ("doctor", "--try")])
def test_a_database_url_is_never_quoted(
    romashka: Command, command: tuple[str, ...], url: str
) -> None:
    """The driver names as host or port what follows the first special character of a password."""
    done = romashka(*command, "--db-url", url)

    assert done.exit_code in (1, 2)
    assert SECRET not in done.output + done.errors
    assert "Traceback" not in done.errors


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres:p%40ss@127.0.0.1:9/postgres",
        "postgres://127.0.0.1:9",
        "postgresql://postgres@127.0.0.1:9,127.0.0.1:10/postgres?sslmode=disable",
        "host=127.0.0.1 port=9",
    ],
)
def test_a_good_database_url_is_used(romashka: Command, url: str) -> None:
    """It gets as far as to the server that is not there."""
    done = romashka("staff", "list", "--db-url", url)

    assert "unable to use the database" in done.errors
    assert "refused" in done.errors


_LOGS = f"""
import structlog
from romashka_worker.logs import configure_logs

configure_logs("debug")
structlog.get_logger().warning(
    "delivery.failed", error="https://u:{SECRET}@h said ?access_token={SECRET}", name="\\x9b\\u202e"
)
"""


def test_the_workers_log_has_neither_secrets_nor_control_characters() -> None:
    """It is read in terminals, and kept where more people read than in the project."""
    done = subprocess.run([sys.executable, "-c", _LOGS], capture_output=True, text=True, check=True)

    assert done.stdout.isascii()
    assert SECRET not in done.stdout
    assert json.loads(done.stdout)["name"] == "\x9b\u202e"
