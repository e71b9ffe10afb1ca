"""`romashka doctor --try`: every role in an empty project, which is empty again afterwards."""

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jwt
import psycopg
import pytest

from tests.support.commands import Command
from tests.support.stacks import ROMASHKA, RunningStack, run_stack
from tests.upgrade.catalog import read_whole
from tests.worker.worker_process import run_worker

pytestmark = pytest.mark.timeout(300)  # each is an installation, a worker, a removal

_OURS = ("SUPABASE_", "OPENAI_", "ROMASHKA_", "DATABASE_URL")
_STEPS = [
    "installation",
    "rest",
    "key",
    "schema",
    "migrations",
    "extensions",
    "pg_cron",
    "queue",
    "grants",
    "triggers",
    "row security",
    "publication",
    "functions",
    "sign-up",
    "realtime",
    "channels",
    "rights",
    "sign-in",
    "customer",
    "stranger",
    "no session",
    "attachment",
    "staff",
    "traces",
    "removal",
]
_ALL_WELL = dict.fromkeys(_STEPS, "✓") | {"sign-up": "!"}
"""The local stack confirms no addresses: it sends no mails."""


@pytest.fixture(scope="module")
def empty() -> Iterator[RunningStack]:
    with run_stack("--ephemeral", "--no-migrate") as running:
        yield running


@contextmanager
def trying(stack: RunningStack, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command within the block, in a process of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    project = {
        "SUPABASE_URL": stack.api_url,
        "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
        "SUPABASE_ANON_KEY": stack.anon_key,
        "DATABASE_URL": stack.db_url,
        "PYTHONUNBUFFERED": "1",
    }
    with subprocess.Popen(
        [ROMASHKA, "doctor", "--try"],
        env={
            name: value
            for name, value in (inherited | project | settings).items()
            if value  # who names nothing has not set it
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said_by(stack: RunningStack, **settings: str) -> tuple[int, str]:
    """Return the exit code of a whole run, and what it printed."""
    with trying(stack, **settings) as process:
        said, _ = process.communicate()
        return process.returncode, said


def marks(said: str) -> dict[str, str]:
    """Return the sign before each step's name."""
    lines = [line for line in said.splitlines() if not line.startswith(" ")]
    return {line[2:17].strip(): line[0] for line in lines}


def test_every_role_is_tried_and_nothing_stays(empty: RunningStack) -> None:
    """Who is not sure of their project finds out before their customers do."""
    before = read_whole(empty.admin_url())
    code, said = said_by(
        empty, SUPABASE_ANON_KEY="", SUPABASE_PUBLISHABLE_KEY=empty.publishable_key
    )

    assert marks(said) == _ALL_WELL, said
    assert code == 0
    assert read_whole(empty.admin_url()) ^ before == set()


def test_interrupted_it_removes_everything_too(empty: RunningStack) -> None:
    """Ctrl-C is what one presses when it takes too long."""
    before = read_whole(empty.admin_url())
    with trying(empty) as process:
        assert process.stdout is not None
        while "sign-in" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
        code = process.wait()

    assert "✗ interrupted     nothing of it is left in the project\n" in said
    assert code == 1
    assert read_whole(empty.admin_url()) ^ before == set()


def test_what_fails_is_named_and_everything_is_removed(empty: RunningStack) -> None:
    """The key of another project in the website's variable."""
    before = read_whole(empty.admin_url())
    anothers = jwt.encode({"role": "anon", "exp": 4_000_000_000}, "x" * 32)
    code, said = said_by(empty, SUPABASE_ANON_KEY=anothers)

    assert "✗ roles           unable to sign in; Invalid API key\n" in said, said
    assert marks(said)["removal"] == "✓"
    assert code == 1
    assert read_whole(empty.admin_url()) ^ before == set()


def test_a_project_that_is_used_is_left_alone(empty: RunningStack) -> None:
    """Its tables would be adopted, and gone after a minute."""
    with psycopg.connect(empty.db_url, autocommit=True) as database:
        database.execute("create table public.messages (id bigint)")
        try:
            before = read_whole(empty.admin_url())
            code, said = said_by(empty)
            after = read_whole(empty.admin_url())
        finally:
            database.execute("drop table public.messages")

    assert "✗ project         this database already has table public.messages\n" in said
    assert marks(said) == {"project": "✗"}
    assert code == 1
    assert after == before


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A project as it is made: without anonymous sign-ins."""
    folder = tmp_path_factory.mktemp("closed")
    (folder / "supabase").mkdir()
    (folder / "supabase" / "config.toml").write_text("[auth]\nenable_anonymous_sign_ins = false\n")
    with run_stack("--ephemeral", "--no-migrate", cwd=folder) as running:
        yield running


def test_where_anonymous_sign_ins_are_off_it_says_what_to_switch_on(closed: RunningStack) -> None:
    """So new projects are; the rest is tried with accounts."""
    before = read_whole(closed.admin_url())
    code, said = said_by(closed)
    after = read_whole(closed.admin_url())

    assert marks(said) == _ALL_WELL | {"sign-in": "!"}, said
    assert "→ Dashboard, Authentication, Sign In / Providers: allow anonymous sign-ins\n" in said
    assert code == 0
    assert after ^ before == set()


def test_a_project_that_was_migrated_to_the_letter_is_told_what_it_lacks(
    closed: RunningStack, tmp_path: Path, romashka: Command
) -> None:
    """Nobody can write there, nothing is known and nobody answers: that is not all green."""
    settings = {
        "SUPABASE_URL": closed.api_url,
        "SUPABASE_SERVICE_ROLE_KEY": closed.service_role_key,
        "DATABASE_URL": closed.db_url,
        "ROMASHKA_EMBEDDINGS": "off",
    }
    (tmp_path / "hours.md").write_text("# Hours\n\nWe are open from nine to five.\n")
    romashka("migrate", **settings)
    first = romashka("doctor", **settings)
    for fix in re.findall("→ (romashka .*)", first.output):  # what follows # is for people
        words = fix.partition("  #")[0].replace("EMAIL", "ada@example.com").split()
        done = romashka(
            *(str(tmp_path) if word == "FOLDER" else word for word in words[1:]), **settings
        )
        assert done.exit_code == 0, done.errors
    second = romashka("doctor", **settings)
    lacking = {"sign-in": "✗", "knowledge": "✗", "staff": "✗"}

    assert lacking.items() <= marks(first.output).items(), first.output
    assert "→ in supabase/config.toml: [auth] enable_anonymous_sign_ins = true;" in first.output
    assert first.exit_code == 1
    assert {name for name, sign in marks(second.output).items() if sign == "✗"} == {"sign-in"}


def test_without_a_database_it_says_what_is_missing(empty: RunningStack) -> None:
    """One line, before anything is done."""
    done = subprocess.run(
        [ROMASHKA, "doctor", "--try"],
        env={name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (
        done.stderr == "romashka: --try needs the database too; use --db-url, or set DATABASE_URL\n"
    )


_KEPT = """
select (select count(*) from public.conversations), (select count(*) from public.messages),
  (select count(*) from public.customer_profiles), (select count(*) from public.ai_response_queue),
  (select count(*) from auth.users), (select count(*) from public.profiles),
  (select count(*) from public.notification_deliveries),
  -- that it is gone is told to open inboxes, by its id alone
  (select count(*) from realtime.messages where event <> 'conversations.deleted')
"""


def kept_by(stack: RunningStack) -> object:
    with psycopg.connect(stack.admin_url()) as database:
        return database.execute(_KEPT).fetchone()


async def test_where_it_is_in_use_a_customer_says_hello_and_is_gone(stack: RunningStack) -> None:
    """Nobody's inbox has a trace of it; the database is not needed, and is not touched."""
    async with run_worker(stack):
        before = kept_by(stack)
        code, said = await asyncio.to_thread(said_by, stack, DATABASE_URL="")
        after = kept_by(stack)

    assert re.search(r"✓ customer        said hello, was answered in \d+\.\d\d s, and heard", said)
    assert marks(said)["sign-in"] == marks(said)["removal"] == "✓"
    assert "installation" not in marks(said)
    assert code == int("✗" in said)
    assert after == before


async def test_where_no_worker_runs_it_says_so(stack: RunningStack) -> None:
    """That is what a team wants to hear from it before its customers do."""
    before = kept_by(stack)
    code, said = await asyncio.to_thread(said_by, stack)

    assert "✗ customer        no worker answered; the database handed over after" in said, said
    assert marks(said)["removal"] == "✓"
    assert code == 1
    assert kept_by(stack) == before


async def test_interrupted_it_removes_the_customer_too(stack: RunningStack) -> None:
    """Who does not want to wait presses Ctrl-C."""
    before = kept_by(stack)

    def interrupt() -> tuple[int, str]:
        with trying(stack) as process:
            assert process.stdout is not None
            while "customers anonymously" not in (line := process.stdout.readline()):
                assert line, "it ended"
            process.send_signal(signal.SIGINT)
            return process.wait(), process.stdout.read()

    code, said = await asyncio.to_thread(interrupt)

    assert "✗ interrupted     nothing of it is left in the project\n" in said
    assert code == 1
    assert kept_by(stack) == before
