"""No secret is in what we print or log, whoever's error says it."""

import asyncio
import json
import subprocess
import sys
import traceback

import pytest
from romashka._secrets import hide_secrets
from romashka_worker.channels import ChannelError
from romashka_worker.channels.settings import ChannelSettings
from romashka_worker.channels.smtp import Server
from romashka_worker.doctor.finding import Finding
from romashka_worker.settings import (
    EmbeddingSettings,
    EnvironmentSettings,
    Settings,
    SettingsError,
)

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


async def test_doctor_keeps_the_secrets_of_urls(stack: RunningStack) -> None:
    """It says where it has looked, and not with what."""
    for as_json in ((), ("--json",)):
        _, said = await asyncio.to_thread(
            doctor,
            "doctor",
            *as_json,
            SUPABASE_URL=stack.api_url,
            SUPABASE_SERVICE_ROLE_KEY=stack.service_role_key,
            OPENAI_BASE_URL="http://127.0.0.1:9/v1",
            OPENAI_API_KEY=SECRET,
            EMAIL_SMTP_URL=f"smtps://user:{SECRET}@127.0.0.1:9",
        )

        assert "127.0.0.1:9" in said
        assert SECRET not in said
        assert stack.service_role_key not in said


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{SECRET}@127.0.0.1:9/v1",
        f"http://user:pa/{SECRET}@127.0.0.1:9/v1",
        f"http://user:1#{SECRET}@127.0.0.1:9/v1",
        f"http://user:pa?{SECRET}@127.0.0.1:9/v1",
        f"http://{SECRET}@127.0.0.1:9",
        f"http://user:{SECRET}",
    ],
)
def test_a_setting_has_no_password_in_its_url(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The client of a model refused the request, and named what it was given."""
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", "key")
    kinds: dict[str, type[EnvironmentSettings]] = {
        "SUPABASE_URL": Settings,
        "OPENAI_BASE_URL": Settings,
        "OPENAI_FALLBACK_BASE_URL": Settings,
        "ROMASHKA_EMBEDDINGS_BASE_URL": EmbeddingSettings,
        "WHATSAPP_API_URL": ChannelSettings,
        "INSTAGRAM_API_URL": ChannelSettings,
    }
    for setting, kind in kinds.items():
        with monkeypatch.context() as environment:
            environment.setenv("SUPABASE_URL", "http://127.0.0.1:9")
            environment.setenv(setting, url)
            with pytest.raises(SettingsError) as refused:
                kind.from_environment()

        assert setting in str(refused.value)
        assert "without a user, a password or any @" in str(refused.value)
        assert SECRET not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(("command", "code"), [("doctor", 1), ("worker", 2)])
def test_a_url_with_a_password_is_said_in_one_line(command: str, code: int) -> None:
    """It ended with a trace."""
    exit_code, said = doctor(
        command,
        SUPABASE_URL="http://127.0.0.1:9",
        SUPABASE_SERVICE_ROLE_KEY="key",
        OPENAI_BASE_URL=f"http://user:{SECRET}@127.0.0.1:9/v1",
    )

    assert exit_code == code
    assert "OPENAI_BASE_URL is no URL that can be asked, without a user, a password" in said
    assert SECRET not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("password", [f"{SECRET}/x", f"12/{SECRET}", f"12#{SECRET}", f"x?{SECRET}"])
def test_a_mail_servers_url_is_never_quoted(password: str) -> None:
    """It has a password, which ends the host for one reader and not for another."""
    with pytest.raises(ChannelError) as unreadable:
        Server.parse(f"smtps://user:{password}@127.0.0.1:465")

    assert SECRET not in "".join(traceback.format_exception(unreadable.value))


def test_a_password_in_the_projects_url_is_refused_by_the_sdk(romashka: Command) -> None:
    """Of `--url`, too."""
    url = f"http://user:{SECRET}@127.0.0.1:9"
    done = romashka("inbox", "--url", url, "--key", "key")

    assert done.exit_code == 2
    assert "without a user, a password or any @" in " ".join(done.errors.split())
    assert SECRET not in done.output + done.errors


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
