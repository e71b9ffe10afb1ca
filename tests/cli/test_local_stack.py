"""A command that works on a project, and is told of none, works on the stack that runs here."""

import asyncio
import json
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.support.commands import Command
from tests.support.stacks import ROMASHKA, RunningStack, running_in

_OURS = ("SUPABASE_", "OPENAI_", "ROMASHKA_", "DATABASE_URL")
_NO_JOB = str(uuid.uuid4())


@pytest.fixture
def here(tmp_path: Path, stack: RunningStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which a stack runs, and in which commands are called."""
    monkeypatch.chdir(tmp_path)
    with running_in(tmp_path, stack):
        yield tmp_path


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("inbox --once", "customer"),
        ("metrics", "channel"),
        ("channels list", ""),
        ("webhooks list", ""),
        ("knowledge list", "What is Romashka?"),
        ("staff list", ""),
        ("migrate --check", "Nothing to apply"),
        ("send hello --customer somebody-here", "customer  hello"),
    ],
)
def test_a_command_finds_the_stack(romashka: Command, command: str, says: str) -> None:
    """Nobody copies keys from one terminal to another."""
    done = romashka(*command.split())

    assert (done.exit_code, done.errors) == (0, "")
    assert says in done.output


@pytest.mark.usefixtures("here")
def test_the_worker_and_what_has_its_settings_find_the_stack(
    romashka: Command, stack: RunningStack
) -> None:
    """`replay` looks for a job that is not there: it asked, then."""
    replayed = romashka("replay", _NO_JOB)
    examined = json.loads(romashka("doctor", "--json", ROMASHKA_EMBEDDINGS="off").output)

    assert replayed.errors.startswith(f"romashka: there is no job {_NO_JOB}")
    assert examined[0]["says"] == f"for the project at {stack.api_url}"


async def test_a_worker_begins_and_says_for_which_project(here: Path, stack: RunningStack) -> None:
    """In a terminal of its own, with nothing set."""
    process = await asyncio.create_subprocess_exec(
        *(str(ROMASHKA), "worker"),
        cwd=here,
        env=_clean() | {"ROMASHKA_EMBEDDINGS": "off"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    started = json.loads(await process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    await process.communicate()

    assert (started["event"], started["project"]) == ("worker.started", stack.api_url)


@pytest.mark.usefixtures("here")
def test_another_projects_settings_are_never_mixed_with_the_stacks(
    romashka: Command, stack: RunningStack
) -> None:
    """Whoever names a hosted project does not mean the database of the stack beside it."""
    hosted = "https://abcdefghijklmnopqrst.supabase.co"
    migrated = romashka("migrate", SUPABASE_URL=hosted)
    named = romashka("migrate", "--check", SUPABASE_URL=stack.api_url)
    doctor = romashka("doctor", SUPABASE_URL=hosted)
    tried = romashka("doctor", "--try", DATABASE_URL="postgresql://postgres@127.0.0.1:9/postgres")

    assert migrated.errors == (
        "romashka: SUPABASE_URL does not tell where the database is; set DATABASE_URL, or use"
        " --db-url (Dashboard, Connect)\n"
    )
    assert named.exit_code == 0
    assert "SUPABASE_SERVICE_ROLE_KEY is not set" in doctor.output
    assert "SUPABASE_URL is not set" in tried.output


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("migrate", "which database? set DATABASE_URL, use --db-url, or start a stack"),
        ("staff list", "which project? set SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY"),
        ("replay x", "SUPABASE_URL is not set; or start a stack here: romashka start"),
        ("doctor --try", "--try needs the database too"),
    ],
)
def test_without_a_stack_it_says_so_in_one_line(
    romashka: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, says: str
) -> None:
    """And how to have one."""
    monkeypatch.chdir(tmp_path)
    done = romashka(*command.split())

    assert done.exit_code in (1, 2)
    assert done.errors.startswith(f"romashka: {says}")
    assert done.errors.count("\n") == 1


def test_status_prints_what_the_worker_reads(here: Path, stack: RunningStack) -> None:
    """As the operations page writes it: in the shell, and for whatever is started from it."""
    read = f'set -a; eval "$({ROMASHKA} status -o env)"; set +a; env'
    printed = subprocess.run(
        ["sh", "-c", read], cwd=here, env=_clean(), capture_output=True, text=True, check=True
    ).stdout.splitlines()

    assert {
        f"SUPABASE_URL={stack.api_url}",
        f"SUPABASE_ANON_KEY={stack.anon_key}",
        f"SUPABASE_SERVICE_ROLE_KEY={stack.service_role_key}",
        f"DATABASE_URL={stack.db_url}",
        f"API_URL={stack.api_url}",
    } <= {*printed}


def test_staff_are_made_by_the_keys_alone(romashka: Command, stack: RunningStack) -> None:
    """A hosted project's database is often not to be reached; its keys are known."""
    keys = {
        "SUPABASE_URL": stack.api_url,
        "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
    }
    email, another = (f"{uuid.uuid4()}@example.com" for _ in range(2))
    romashka("staff", "add", another, "--role", "admin", "--create", **keys)  # there is always one
    unknown = romashka("staff", "add", email, **keys)
    made = romashka("staff", "add", email, "--role", "admin", "--create", **keys)
    again = romashka("staff", "add", email, "--create", "--force", **keys)
    listed = romashka("staff", "list", **keys)
    removed = romashka("staff", "remove", email, **keys)
    password = made.output.split()[-1]
    signed_in = httpx.post(
        f"{stack.api_url}/auth/v1/token?grant_type=password",
        json={"email": email, "password": password},
        headers={"apikey": stack.anon_key},
    )

    assert unknown.errors == (
        f"romashka: no user has the address {email}; they sign up first, or --create makes the"
        " account\n"
    )
    assert f"{email} has an account, and is admin now" in made.output
    assert "It is agent now." in again.output
    assert f"agent\t{email}\n" in listed.output
    assert removed.output == f"{email} is no longer staff.\n"
    assert signed_in.status_code == 200
    with psycopg.connect(stack.db_url) as database:
        row = database.execute("select role from profiles where email = %s", [email]).fetchone()
    assert row == ("user",)


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
