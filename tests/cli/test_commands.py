"""`romashka staff` and `romashka migrations export`, as operators type them."""

import os
import signal
import socket
import subprocess
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from romashka import _postgres
from romashka._export import ExportError, export_migrations

from tests.support.commands import Command
from tests.support.stacks import ROMASHKA


def _sign_up(
    url: str, email: str, *, confirmed: bool = True, mailed: bool = True, age: str = "3 days"
) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into auth.users (id, email, created_at, email_confirmed_at,"
            " confirmation_sent_at, raw_app_meta_data) values (%s, %s, now() - %s::interval,"
            """ case when %s then now() end, case when %s then now() end,"""
            """ '{"provider": "email"}')""",
            [str(uuid4()), email, age, confirmed, mailed],
        )


def test_staff_are_added_listed_and_removed(romashka: Command, fresh_db: str) -> None:
    """Nobody can raise their own role, so the first admin is made here."""
    _sign_up(fresh_db, "ada@example.com")
    _sign_up(fresh_db, "bob@example.com")
    added = [
        romashka("staff", "add", "Ada@example.com", "--role", "admin", "--db-url", fresh_db),
        romashka("staff", "add", "bob@example.com", "--db-url", fresh_db),
    ]
    first = romashka("staff", "list", "--db-url", fresh_db)
    romashka("staff", "remove", "bob@example.com", "--db-url", fresh_db)
    second = romashka("staff", "list", "--db-url", fresh_db)

    assert [done.output for done in added] == [
        f"the account of {name}@example.com is 3 days old; its address is confirmed."
        f" It is {role} now.\n"
        for name, role in (("ada", "admin"), ("bob", "agent"))
    ]
    assert first.output == "admin\tada@example.com\nagent\tbob@example.com\n"
    assert second.output == "admin\tada@example.com\n"


def test_a_colleague_is_invited_and_the_last_admin_stays(romashka: Command, fresh_db: str) -> None:
    """Who is not there yet has no id; and whom would one ask for the role again?"""
    place = ("--db-url", fresh_db)
    invited = romashka("staff", "invite", "Ada@example.com", "--role", "admin", *place)
    _sign_up(fresh_db, "ada@example.com")
    with psycopg.connect(fresh_db) as database:  # the mail's link
        for value in ("null", "now()"):
            database.execute(f"update auth.users set email_confirmed_at = {value}")
    staff = romashka("staff", "list", *place)
    removed = romashka("staff", "remove", "ada@example.com", *place)
    again = romashka("staff", "invite", "ada@example.com", *place)
    wrong = romashka("staff", "invite", "ada", *place)

    assert invited.output.startswith("ada@example.com will be admin once they have signed up")
    assert staff.output == "admin\tada@example.com\n"
    assert "there is no other admin (Make somebody else an admin first.)" in removed.errors
    assert "there is an account with this address already" in again.errors
    assert "this is no e-mail address (Write it as ada@example.com" in wrong.errors
    assert [done.exit_code for done in (removed, again, wrong)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("confirmed", "mailed", "age", "says"),
    [
        (False, False, "70 seconds", "1 minute old; its address is not confirmed"),
        (False, True, "2 hours", "2 hours old; its address is not confirmed"),
        (True, False, "1 day", "1 day old; its address counts as confirmed, but no mail was sent"),
    ],
)
def test_an_account_whose_address_nobody_proved_is_no_staff(
    romashka: Command, fresh_db: str, confirmed: bool, mailed: bool, age: str, says: str
) -> None:
    """A stranger signs up with a colleague's address, before the colleague does."""
    _sign_up(fresh_db, "ada@example.com", confirmed=confirmed, mailed=mailed, age=age)
    refused = romashka("staff", "add", "ada@example.com", "--db-url", fresh_db)
    nobody = romashka("staff", "list", "--db-url", fresh_db)
    forced = romashka("staff", "add", "ada@example.com", "--force", "--db-url", fresh_db)
    staff = romashka("staff", "list", "--db-url", fresh_db)

    assert (refused.exit_code, refused.output, nobody.output) == (1, "", "")
    assert says in refused.errors
    assert "--force" in refused.errors
    assert says in forced.output
    assert staff.output == "agent\tada@example.com\n"


def test_another_provider_vouches_for_an_address(romashka: Command, fresh_db: str) -> None:
    """Who signs in with Google gets no mail of ours."""
    _sign_up(fresh_db, "ada@example.com", mailed=False)
    with psycopg.connect(fresh_db) as connection:
        connection.execute("""update auth.users set raw_app_meta_data = '{"provider": "google"}'""")

    assert romashka("staff", "add", "ada@example.com", "--db-url", fresh_db).exit_code == 0


def test_a_stranger_or_an_empty_database_is_one_clear_line(
    romashka: Command, fresh_db: str, bare_db: str
) -> None:
    """A misspelt address must not look like success."""
    unknown = romashka("staff", "add", "nobody@example.com", "--db-url", fresh_db)
    too_early = romashka("staff", "list", "--db-url", bare_db)

    assert (unknown.exit_code, unknown.errors) == (
        1,
        "romashka: no user has the address nobody@example.com; they sign up first, or --create"
        " makes the account\n",
    )
    assert (too_early.exit_code, too_early.errors) == (
        1,
        "romashka: the project has no Romashka, or an older one; run `romashka migrate` first\n",
    )


@pytest.mark.parametrize("command", ["migrate", "staff list", "staff add ada@example.com"])
def test_a_host_that_takes_connections_and_stays_silent_is_one_line(
    romashka: Command, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """A wrong port, a firewall: the command waited for ever."""
    assert _postgres._CONNECT_SECONDS <= 10
    monkeypatch.setattr(_postgres, "_CONNECT_SECONDS", 2)  # libpq takes no less
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://postgres:password@127.0.0.1:{silent.getsockname()[1]}/postgres"
        done = romashka(*command.split(), DATABASE_URL=url)

    assert done.exit_code == 1
    assert done.errors == (
        "romashka: unable to use the database; the database at 127.0.0.1 does not answer;"
        " check --db-url\n"
    )


def test_an_export_copies_what_is_missing_and_says_so(romashka: Command, tmp_path: Path) -> None:
    """It is run again with each new version."""
    first = romashka("migrations", "export", str(tmp_path)).output.splitlines()
    names = sorted(path.name for path in tmp_path.iterdir())
    (tmp_path / names[0]).unlink()
    second = romashka("migrations", "export", str(tmp_path)).output.splitlines()

    assert first == [
        *(f"copied {name}" for name in names),
        f"{tmp_path}: {len(names)} copied, 0 there before.",
    ]
    assert second == [f"copied {names[0]}", f"{tmp_path}: 1 copied, {len(names) - 1} there before."]


@pytest.mark.parametrize("name", ["20261129000100_extensions.sql", "20261129000100_shops.sql"])
def test_an_export_overwrites_nothing(tmp_path: Path, name: str) -> None:
    """Two files of one version are one migration to the CLI: the other would never run."""
    (tmp_path / name).write_text("select 1;")
    with pytest.raises(ExportError, match=f"{name} is in the way"):
        export_migrations(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "select 1;"


def test_an_export_needs_a_folder(romashka: Command, tmp_path: Path) -> None:
    """A misspelt path would otherwise become a folder that nobody looks at."""
    done = romashka("migrations", "export", str(tmp_path / "nowhere"))

    assert done.exit_code == 1
    assert done.errors.startswith("romashka: there is no folder ")


def test_the_version_is_said(romashka: Command) -> None:
    """A report of a fault begins with it."""
    assert romashka("--version").output == f"romashka {version('romashka')}\n"


@pytest.mark.parametrize("when", ["typer", "romashka._cli.app", "romashka._installation"])
def test_ctrl_c_while_a_command_starts_shows_no_trace(tmp_path: Path, when: str) -> None:
    """Whoever has typed the wrong one is quick."""
    (tmp_path / "sitecustomize.py").write_text(_SLOW_IMPORT.format(name=when))
    process = subprocess.Popen(
        [ROMASHKA, "migrate", "--db-url", "postgresql://postgres@127.0.0.1:9/postgres"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)

    assert (process.returncode, output, errors.strip()) == (130, "", "")


_SLOW_IMPORT = """
import sys, time

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            sys.meta_path.remove(self)
            print("importing", flush=True)
            time.sleep(20)

sys.meta_path.insert(0, Slow())
"""
