"""Installs and upgrades Romashka's own schema: all of it, or nothing."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg.rows import dict_row

from romashka._edition import EXTENSIONS, Edition, read_edition
from romashka._grants import differences, read_grants
from romashka._migrations import (
    MigrationError,
    apply_migration,
    open_for_migrations,
    run_file,
    take_turns,
)

T = TypeVar("T")

_TRIES = 10
# Below Postgres' deadlock_timeout at first: who waits for us is not ended because of us.
_LOCK_SECONDS = 0.9
# What writers lock: taken in one statement, and before anything else.
_TABLES = (
    "messages",
    "conversations",
    "ai_response_queue",
    "channel_deliveries",
    "customer_profiles",
    "profiles",
)
_IS_TOO_OLD = """
select to_regclass('public.ai_settings') is not null
    and to_regclass('private.applied_files') is null
    and to_regprocedure('public.get_romashka_installation()') is null
"""


def install(db_url: str, folder: Path | None = None) -> list[str]:
    """Bring a database to this edition, and return the names of the files that were applied for it.

    `folder` is Romashka's `supabase` folder, by default the one that this package has.

    Versioned files that it lacks are applied, then, if anything changed, every repeatable file
    again, in one transaction with its records: what results is what a new database gets. Two runs
    at once wait for one another; a table that is in use is waited for, a little longer each time.

    Raises:
        MigrationError: a file failed, the edition that is there cannot be upgraded or is newer than
            this one, or its tables are locked; nothing was changed.
        psycopg.OperationalError: the database cannot be reached.
    """
    edition = read_edition(folder)
    with open_for_migrations(db_url) as connection:
        return patiently(lambda seconds: _install(connection, edition, lock_seconds=seconds))


def patiently(work: Callable[[float], T]) -> T:
    """Return what `work` does in a transaction that waits for a lock no longer than it is told.

    Raises:
        MigrationError: somebody held a lock each time.
    """
    for number in range(1, _TRIES + 1):
        try:
            return work(_LOCK_SECONDS * number)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            time.sleep(random.uniform(0, 0.2))  # noqa: S311  # apart from the others, no secret
    raise MigrationError(
        "its tables are in use all the time; end what holds them (pg_stat_activity), and run it"
        " again"
    )


def _install(connection: psycopg.Connection, edition: Edition, *, lock_seconds: float) -> list[str]:
    with connection.transaction():
        take_turns(connection)
        # Adopting a large inbox takes its time; a table that somebody holds does not.
        connection.execute("set local statement_timeout = 0")
        connection.execute(f"set local lock_timeout = {round(lock_seconds * 1000)}")
        recorded = _recorded(connection)
        _refuse_newer(recorded, edition)
        _lock_tables(connection)
        applied = [
            file.path.name for file in edition.migrations if apply_migration(connection, file)
        ]
        records = edition.records() | {"extensions": _one(connection, EXTENSIONS)}
        if records == recorded and _grants_are_right(connection, edition.folder):
            return applied
        for file in edition.repeatables:
            run_file(connection, file.path)
        _record(connection, records)
        changed = [
            file.name for file in edition.repeatables if recorded.get(file.name) != file.digest
        ]
        return applied + (changed or ["all repeatable files: grants or extensions had changed"])


def _recorded(connection: psycopg.Connection) -> dict[str, str]:
    """Return what the database has, if this edition can take it from there."""
    if _one(connection, _IS_TOO_OLD):
        raise MigrationError(
            "this database has an edition of Romashka from before 23 November 2026, which cannot be"
            " upgraded; install into a new project, and load the rows of this one there"
        )
    if _one(connection, "select to_regclass('private.applied_files')") is None:
        return {}
    return dict(connection.execute("select name, digest from private.applied_files").fetchall())


def _refuse_newer(recorded: dict[str, str], edition: Edition) -> None:
    newest = max((name for name, digest in recorded.items() if digest == "once"), default="")
    if newest and newest not in edition.records():
        raise MigrationError(
            f"this database has a newer edition of Romashka ({newest}); update romashka, and run it"
            " again"
        )


def _grants_are_right(connection: psycopg.Connection, folder: Path) -> bool:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute("select * from public.get_romashka_grants()").fetchall()
    return differences(read_grants(folder), rows) == ([], [])


def _lock_tables(connection: psycopg.Connection) -> None:
    tables = _one(
        connection,
        "select string_agg(format('public.%%I', name), ', ' order by place)"
        " from unnest(%s::text[]) with ordinality as wanted (name, place)"
        " where to_regclass(format('public.%%I', name)) is not null",
        [list(_TABLES)],
    )
    if tables:
        connection.execute(f"lock table {tables} in access exclusive mode".encode())


def _record(connection: psycopg.Connection, records: dict[str, str]) -> None:
    connection.execute("delete from private.applied_files")
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into private.applied_files (name, digest) values (%s, %s)",
            list(records.items()),
        )


def _one(connection: psycopg.Connection, query: str, values: list[Any] | None = None) -> Any:
    row = connection.execute(query.encode(), values).fetchone()
    return row[0] if row else None
