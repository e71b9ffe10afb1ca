"""Has Romashka in a database for a while only: what it made goes again, and nothing else does.

For a project that it is tried in. One that is used keeps what its tables hold.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from romashka._attachments import BUCKET
from romashka._edition import read_edition
from romashka._grants import read_grants
from romashka._installation import install, patiently
from romashka._migrations import take_turns
from romashka._postgres import open_database

_POLICY = re.compile(r'create policy "([^"]+)" on (?:realtime|storage)\.')

_OURS = """
select 'schema private', 'drop schema private cascade'
from pg_catalog.pg_namespace where nspname = 'private'
union all
select oid::regprocedure::text, format('drop function if exists %%s cascade', oid::regprocedure)
from pg_catalog.pg_proc
where pronamespace = 'public'::regnamespace and 'public.' || proname = any (%(objects)s)
union all
select 'table public.' || relname, format('drop table if exists public.%%I cascade', relname)
from pg_catalog.pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')
  and 'public.' || relname = any (%(objects)s)
union all
select format('policy "%%s" on %%I.%%I', policyname, schemaname, tablename),
  format('drop policy if exists %%I on %%I.%%I', policyname, schemaname, tablename)
from pg_catalog.pg_policies
where schemaname in ('realtime', 'storage') and policyname = any (%(policies)s)
"""
"""What is Romashka's alone: its name, and what drops it. The trigger on auth.users goes with its
function, and what is published or indexed with its table."""

_HISTORY = """
select 'history of ' || version,
  format('delete from supabase_migrations.schema_migrations where version = %%L', version)
from supabase_migrations.schema_migrations where version = any (%(versions)s)
"""
_BUCKET = "select 'bucket ' || id from storage.buckets where id = %(bucket)s"

_JOBS = """
select format('select cron.unschedule(%L)', jobname),
  format('delete from cron.job_run_details where jobid = %s', jobid)
from cron.job where jobname like 'romashka-%'
"""

_SHARED = """
select format('drop extension %I', extname) from pg_catalog.pg_extension
where extname in ('vector', 'pg_trgm', 'pg_cron')
union all
select format('drop publication %I', pubname) from pg_catalog.pg_publication
where pubname = 'supabase_realtime'
union all
select format('drop table if exists supabase_migrations.%I', tablename) from pg_catalog.pg_tables
where schemaname = 'supabase_migrations'
union all
select 'drop schema supabase_migrations cascade' from pg_catalog.pg_namespace
where nspname = 'supabase_migrations'
"""
"""What Romashka makes where it is not there yet."""


class NotEmpty(Exception):
    """The database has something by a name of Romashka's; the message says what."""


@contextmanager
def installed_for_now(db_url: str, folder: Path | None = None) -> Iterator[list[str]]:
    """Install Romashka within the block, and give the names of the files that were applied.

    When the block is left, whatever happened in it, the database is what it was before. The block
    itself deletes the bucket of attachments, if there is Storage: SQL may not.

    Raises:
        NotEmpty: something is in the way; nothing was changed.
        MigrationError, psycopg.Error: as `install`; or what was made could not be removed.
    """
    with open_database(db_url, autocommit=True) as connection:
        in_the_way = [name for name, *_ in _ours(connection, folder) + _bucket(connection)]
        if in_the_way:
            more = f" and {len(in_the_way) - 3} more" if len(in_the_way) > 3 else ""
            raise NotEmpty(f"this database already has {', '.join(in_the_way[:3])}{more}")
        before = _shared(connection)
    try:
        yield install(db_url, folder, closes_tables=False)
    finally:
        _remove(db_url, before, folder)


def _remove(db_url: str, before: list[str], folder: Path | None) -> None:
    with open_database(db_url, autocommit=True) as connection:
        jobs = _rows(connection, "cron.job", _JOBS)
        for unschedule, _ in jobs:  # committed first, so that no job begins in the middle
            connection.execute(unschedule.encode())
        patiently(lambda seconds: _drop(connection, before, folder, seconds))
        for _, forget in jobs:
            if _is_there(connection, "cron.job_run_details"):
                connection.execute(forget.encode())


def _drop(
    connection: psycopg.Connection, before: list[str], folder: Path | None, lock_seconds: float
) -> None:
    with connection.transaction():
        take_turns(connection)
        connection.execute(f"set local lock_timeout = {round(lock_seconds * 1000)}")
        connection.execute("set local client_min_messages = warning")  # not what each cascade takes
        made = [statement for statement in _shared(connection) if statement not in before]
        for statement in [statement for _, statement in _ours(connection, folder)] + made:
            connection.execute(statement.encode())


def _ours(connection: psycopg.Connection, folder: Path | None) -> list[Any]:
    edition = read_edition(folder)
    names = {
        "objects": list(read_grants(edition.folder).objects),
        "policies": [name for file in edition.repeatables for name in _POLICY.findall(file.text)],
        "versions": [migration.version for migration in edition.migrations],
    }
    return [
        *connection.execute(_OURS.encode(), names).fetchall(),
        *_rows(connection, "supabase_migrations.schema_migrations", _HISTORY, names),
    ]


def _bucket(connection: psycopg.Connection) -> list[Any]:
    return _rows(connection, "storage.buckets", _BUCKET, {"bucket": BUCKET})


def _shared(connection: psycopg.Connection) -> list[str]:
    return [statement for (statement,) in connection.execute(_SHARED.encode()).fetchall()]


def _rows(
    connection: psycopg.Connection, table: str, query: str, values: dict[str, Any] | None = None
) -> list[Any]:
    """Return the rows of a query, or none where its table is not there."""
    if not _is_there(connection, table):
        return []
    return connection.execute(query.encode(), values).fetchall()


def _is_there(connection: psycopg.Connection, table: str) -> bool:
    row = connection.execute("select to_regclass(%s) is not null", [table]).fetchone()
    return row == (True,)
