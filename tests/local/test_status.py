"""`romashka status` and `romashka db reset`: what other commands learn from a running stack."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.folders import make_folder
from tests.support.stacks import ROMASHKA, RunningStack, run_stack

_MIGRATION = "create table public.notes (id int primary key);"
_SEED = "insert into public.notes values (1);"


@pytest.fixture(scope="module")
def project() -> Iterator[Path]:
    """A project with one migration and a seed."""
    folder = make_folder()
    supabase = folder / "supabase"
    (supabase / "migrations").mkdir(parents=True)
    (supabase / "migrations" / "20260101000000_notes.sql").write_text(_MIGRATION)
    (supabase / "seed.sql").write_text(_SEED)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def running(project: Path) -> Iterator[RunningStack]:
    with run_stack(cwd=project) as stack:
        yield stack


def _romashka(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROMASHKA, *arguments], cwd=cwd, capture_output=True, text=True, timeout=50
    )


def test_a_project_is_found_from_any_folder_within(project: Path, running: RunningStack) -> None:
    """As with the Supabase CLI: its migrations, its seed, its own data folder."""
    with psycopg.connect(running.db_url) as connection:
        assert connection.execute("select id from notes").fetchall() == [(1,)]

    inner = project / "supabase" / "migrations"
    state = json.loads(_romashka(inner, "status", "-o", "json").stdout)
    assert state["API_URL"] == running.api_url
    assert (project / ".romashka").is_dir()


def test_status_prints_what_a_shell_can_read(project: Path, running: RunningStack) -> None:
    """`eval "$(romashka status -o env)"` works as it does with the Supabase CLI."""
    printed = _romashka(project, "status", "-o", "env").stdout
    answer = subprocess.run(
        ["sh", "-c", f'{printed}\nprintf %s "$API_URL $ANON_KEY"'], capture_output=True, text=True
    )

    assert answer.stdout == f"{running.api_url} {running.anon_key}"
    assert {line.partition("=")[0] for line in printed.splitlines()} == {
        "API_URL",
        "DB_URL",
        "ANON_KEY",
        "SERVICE_ROLE_KEY",
        "JWT_SECRET",
        "PUBLISHABLE_KEY",
        "SECRET_KEY",
        "SUPABASE_URL",
        "SUPABASE_ANON_KEY",
        "SUPABASE_SERVICE_ROLE_KEY",
        "DATABASE_URL",
    }


def test_a_reset_gives_a_new_database_at_the_same_address(
    project: Path, running: RunningStack
) -> None:
    """A frontend that is open keeps working, and migrations and seed are as new."""
    with psycopg.connect(running.db_url, autocommit=True) as connection:
        connection.execute("insert into notes values (2)")
    done = _romashka(project, "db", "reset")

    assert done.returncode == 0, done.stderr
    with psycopg.connect(running.db_url) as connection:
        assert connection.execute("select id from notes").fetchall() == [(1,)]


def test_status_without_a_stack_says_how_to_start_one(tmp_path: Path) -> None:
    """One line, exit code 1."""
    done = _romashka(tmp_path, "status", "--data-dir", str(tmp_path / "none"))

    assert done.returncode == 1
    assert done.stderr == (
        f"romashka: no stack runs in {tmp_path / 'none'}; start one with `romashka start`\n"
    )
