"""What `postgres` may do with the servers' schemas and as no superuser: as on hosted projects."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.support.waiting import eventually

Connection = psycopg.Connection[Any]

_POLICY = "create policy mine on {} for select to authenticated using (true)"
_TRIGGER = "create trigger mine after insert on {} for each row execute function note()"


@pytest.fixture
def db(bare_db: str) -> Iterator[Connection]:
    """A bare database, as the role that migrations run as; each statement is a transaction."""
    with psycopg.connect(bare_db, autocommit=True) as connection:
        connection.execute(
            "create function note() returns trigger language plpgsql as 'begin return new; end'"
        )
        yield connection


@pytest.mark.parametrize(
    "table",
    [
        "auth.users",
        "auth.sessions",
        "realtime.messages",
        "storage.buckets",
        "storage.objects",
    ],
)
def test_policies_and_triggers_on_the_servers_tables_are_the_projects(
    db: Connection, table: str
) -> None:
    """Private channels, buckets and the profile of a new user are made of these."""
    db.execute(_POLICY.format(table).encode())
    db.execute(f"alter policy mine on {table} to anon using (false)".encode())
    db.execute(f"drop policy mine on {table}".encode())
    db.execute(_TRIGGER.format(table).encode())
    db.execute(f"drop trigger mine on {table}".encode())
    db.execute(f"drop trigger if exists mine on {table}".encode())


_OF_OBJECTS = "must be owner of table objects"
_IN_STORAGE = "permission denied for schema storage"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("alter table storage.objects enable row level security", _OF_OBJECTS),
        ("alter table storage.objects add column tenant text", _OF_OBJECTS),
        ("create index by_owner on storage.objects (owner_id)", _OF_OBJECTS),
        ("drop table storage.objects", _OF_OBJECTS),
        ("comment on table storage.objects is 'files'", _OF_OBJECTS),
        ("alter table auth.users disable trigger all", "must be owner of table users"),
        ("alter table realtime.messages add column x int", "must be owner of table messages"),
        (
            "drop publication supabase_realtime_messages_publication",
            "must be owner of publication supabase_realtime_messages_publication",
        ),
        ("drop function storage.foldername(text)", "must be owner of function storage.foldername"),
        ("create table storage.mine ()", _IN_STORAGE),
        ("create function storage.f() returns int language sql as 'select 1'", _IN_STORAGE),
        ("create table auth.mine ()", "permission denied for schema auth"),
        ("create table realtime.mine ()", "permission denied for schema realtime"),
        (
            "create or replace function auth.uid() returns uuid language sql return null::uuid",
            "permission denied for schema auth",
        ),
        (
            "set role supabase_storage_admin",
            'permission denied to set role "supabase_storage_admin"',
        ),
        ("set role supabase_auth_admin", 'permission denied to set role "supabase_auth_admin"'),
        ("set role supabase_admin", 'permission denied to set role "supabase_admin"'),
    ],
)
def test_the_rest_is_refused_in_the_same_words(
    db: Connection, statement: str, message: str
) -> None:
    """A migration that needs more than a hosted project gives fails here, before it is deployed."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as refusal:
        db.execute(statement.encode())

    assert refusal.value.diag.message_primary == message


@pytest.mark.parametrize(
    "statement",
    [
        "set session_replication_role = replica",
        "create publication mine for all tables",
        "create publication mine for tables in schema public",
        "create publication mine; alter publication mine add tables in schema public",
        "create publication mine for table auth.users",
        'drop extension "uuid-ossp"; create extension "uuid-ossp" with schema extensions',
        "create foreign data wrapper mine",
        "select pg_reload_conf()",
        "alter role authenticator set pgrst.db_max_rows = '5'",
        "alter role anon set statement_timeout = '10s'",
    ],
)
def test_what_the_platforms_extension_allows_is_allowed(db: Connection, statement: str) -> None:
    """These are a superuser's in plain Postgres, and a migration's on hosted projects."""
    with db.transaction(force_rollback=True):  # roles are the whole server's
        db.execute(statement.encode())


def test_a_publication_belongs_to_the_project(db: Connection) -> None:
    """It can be dropped by who made it."""
    db.execute("create publication mine for all tables")
    db.execute("drop publication mine")


_LENT = """
select rolsuper or exists (
  select from pg_auth_members where member = role.oid and roleid::regrole::text like 'supabase%'
) from pg_roles as role where rolname = 'postgres'
"""


@pytest.mark.parametrize(
    ("succeeds", "fails"),
    [
        (_POLICY.format("storage.objects"), _POLICY.format("storage.nothing")),
        ("create publication mine for all tables", "create publication mine for table nothing"),
    ],
)
def test_a_right_is_lent_for_one_command(db: Connection, succeeds: str, fails: str) -> None:
    """Also one that fails, or fails where it is caught, leaves `postgres` what it was."""
    db.execute("set session_replication_role = replica")  # in which ordinary triggers do not fire
    with pytest.raises(psycopg.Error):
        db.execute(fails.encode())
    assert not _is_lent(db)

    with db.transaction():
        db.execute(f"do $$ begin {fails}; exception when others then null; end $$".encode())
        assert not _is_lent(db)
        db.execute(succeeds.encode())
        assert not _is_lent(db)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("alter table storage.objects enable row level security")


def _is_lent(connection: Connection) -> Any:
    row = connection.execute(_LENT.encode()).fetchone()
    return row and row[0]


@pytest.mark.parametrize(
    "statement", [_POLICY.format("storage.objects"), "create publication mine for all tables"]
)
def test_two_at_once_take_turns(bare_db: str, statement: str) -> None:
    """Two migrations, perhaps of two databases, do not fail for one another."""
    with (
        psycopg.connect(bare_db) as first,
        psycopg.connect(bare_db) as second,
        ThreadPoolExecutor(1) as threads,
    ):
        first.execute(statement.encode())
        waiting = threads.submit(second.execute, statement.replace("mine", "other").encode())
        eventually(lambda: _waits(first, second.info.backend_pid))
        first.commit()
        waiting.result(30)


def _waits(connection: Connection, pid: int) -> bool:
    row = connection.execute("select cardinality(pg_blocking_pids(%s)) > 0", [pid]).fetchone()
    return row is not None and bool(row[0])


def test_a_client_gains_nothing_by_the_loan(db: Connection) -> None:
    """Who is not `postgres` is refused as ever."""
    db.execute("set role authenticated")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute(_POLICY.format("storage.objects").encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("create publication mine for all tables")


def test_the_loan_cannot_be_kept(db: Connection) -> None:
    """Its triggers are the platform's."""
    for trigger in ("zz_platform_lends", "_platform_takes_back"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(f"alter event trigger {trigger} disable".encode())


def test_a_statement_ends_after_two_minutes_and_names_are_found_as_on_a_project(
    db: Connection,
) -> None:
    """The path has no schema of the user's own, because of the backslash."""
    settings = db.execute(
        "select current_setting('statement_timeout'), current_setting('search_path')"
    ).fetchone()

    assert settings == ("2min", r'"\$user", public, extensions')
