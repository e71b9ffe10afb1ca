"""Installs and upgrades Romashka's own schema: all of it, or nothing."""

import logging
import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from romashka._edition import EXTENSIONS, Edition, Repeatable, read_edition
from romashka._grants import differences, read_grants
from romashka._guards import Lacks, missing_guards, read_guards
from romashka._migrations import (
    MigrationError,
    apply_migration,
    connect_for_migrations,
    keep_history,
    run_file,
    take_turns,
)

T = TypeVar("T")
_log = logging.getLogger("romashka.migrations")

_TRIES = 10
# While we wait for a lock, everybody else waits behind us: not for long, and not all the time.
# Below Postgres' deadlock_timeout, so that nobody is ended because of us.
_LOCK_SECONDS = 0.9
_BETWEEN_SECONDS = (2.0, 4.0)
# What writers lock: taken in one statement, and before anything else.
_TABLES = (
    "messages",
    "conversations",
    "ai_response_queue",
    "channel_deliveries",
    "notification_rules",
    "notification_deliveries",
    "customer_profiles",
    "profiles",
)
# An older edition, given as a folder, has none.
_CLOSES_TABLES = "select to_regprocedure('private.close_tables_to_visitors()')"
# Whatever the history says: a restored dump has none.
_IS_INSTALLED = """
select exists (
    select from pg_catalog.pg_attribute
    where attrelid = to_regclass('public.ai_settings') and attname = 'quiet_ms'
  )
"""
_IS_TOO_OLD = f"""
{_IS_INSTALLED}
    and to_regclass('private.applied_files') is null
    and to_regprocedure('public.get_romashka_installation()') is null
"""


def install(
    db_url: str,
    folder: Path | None = None,
    *,
    extras: Iterable[str] = (),
    is_trial: bool = False,
    closes_tables: bool = True,
) -> list[str]:
    """Bring a database to this edition, and return the names of the files that were applied for it.

    Versioned files that it lacks are applied, then, if anything changed, every repeatable file
    again, in one transaction with its records: what results is what a new database gets. Two runs
    at once wait for one another; a table that is in use is asked for again, for half a minute.

    Args:
        folder: Romashka's `supabase` folder, by default the one that this package has.
        extras: what else is wanted, by the names of the files in `compatibility/`. A database keeps
            what it was given once.
        is_trial: do it all, and take it back.
        closes_tables: close tables of the project's own to anonymous users, where whoever is signed
            in may use them.

    Raises:
        ValueError: there is no such extra.
        MigrationError: a file failed, the edition that is there cannot be upgraded or is newer than
            this one, or its tables are locked; nothing was changed.
        psycopg.OperationalError: the database cannot be reached.
    """
    edition = read_edition(folder)
    chosen = edition.chosen(extras)

    def install_once(lock_seconds: float) -> list[str]:
        with connection.transaction(force_rollback=is_trial):
            take_turns(connection)
            # Adopting a large inbox takes its time; a table that somebody holds does not.
            connection.execute("set local statement_timeout = 0")
            connection.execute(f"set local lock_timeout = {round(lock_seconds * 1000)}")
            applied = _install(connection, edition, chosen)
            if closes_tables and _one(connection, _CLOSES_TABLES):
                connection.execute("select private.close_tables_to_visitors()")
                if applied:
                    _tell_open_tables(connection)
            return applied

    with connect_for_migrations(db_url) as connection:
        return patiently(install_once)


def patiently(work: Callable[[float], T]) -> T:
    """Return what `work` does in a transaction that waits for a lock no longer than it is told.

    Raises:
        MigrationError: somebody held a lock each time.
    """
    for _ in range(_TRIES):
        try:
            return work(_LOCK_SECONDS)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            time.sleep(random.uniform(*_BETWEEN_SECONDS))  # noqa: S311 -- spreads load, guards nothing
    raise MigrationError(
        "its tables are in use all the time; end what holds them (pg_stat_activity), and run it"
        " again"
    )


def _install(
    connection: psycopg.Connection, edition: Edition, chosen: list[Repeatable]
) -> list[str]:
    """Apply what the database lacks, and return what it was."""
    keep_history(connection)
    recorded = _recorded(connection)
    _refuse_newer(connection, recorded, edition)
    extras = [
        extra
        for extra in edition.extras
        if extra in chosen or extra in edition.recorded_extras(recorded)
    ]
    repeatables = edition.repeatables + extras
    records = edition.records() | {extra.name: extra.digest for extra in extras}
    records["extensions"] = _one(connection, EXTENSIONS)
    if records == recorded and _is_whole(connection, edition, extras):
        return []
    _refuse_names_of_others(connection, edition, is_first=not recorded)
    _lock_tables(connection)
    applied = [file.path.name for file in edition.migrations if apply_migration(connection, file)]
    records["extensions"] = _one(connection, EXTENSIONS)  # the first file creates some
    for file in repeatables:
        run_file(connection, file.path)
    for table in _lacks(connection, edition, extras).row_security:
        connection.execute(f"alter table {table} enable row level security".encode())
    _record(connection, records)
    changed = [file.name for file in repeatables if recorded.get(file.name) != file.digest]
    return applied + (changed or ["all repeatable files: grants, guards or records had changed"])


def _tell_open_tables(connection: psycopg.Connection) -> None:
    """Name the tables that whoever has the anon key may use, and could before."""
    names = _one(
        connection,
        "select string_agg(distinct id::regclass::text, ', ')"
        " from private.open_tables() where open_to = 'everybody'",
    )
    if names:
        _log.warning("romashka: open to whoever has the anon key, as before: %s", names)


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


def _refuse_newer(
    connection: psycopg.Connection, recorded: dict[str, str], edition: Edition
) -> None:
    newest = max((name for name, digest in recorded.items() if digest == "once"), default="")
    has_newer_file = newest and newest not in edition.records()
    version = recorded and _one(
        connection, "select (public.get_romashka_installation() ->> 'schema_version')::integer"
    )
    if has_newer_file or (version or 0) > edition.schema_version():
        newest = newest if has_newer_file else f"schema version {version}"
        raise MigrationError(
            f"this database has a newer edition of Romashka ({newest}); update romashka, and run it"
            " again"
        )


def _refuse_names_of_others(
    connection: psycopg.Connection, edition: Edition, *, is_first: bool
) -> None:
    """Refuse where a function of the project's own has a name of ours: it would be replaced, or a
    bare call of the name would have two meanings. The original's are adopted.
    """
    if _one(connection, _IS_INSTALLED):
        is_first = False
    [adopt] = edition.folder.glob("migrations/*_adopt.sql")
    text = adopt.read_text(encoding="utf-8")
    names = {name for name in read_grants(edition.folder).objects if "." in name}
    asked = [name for name in names if f"'{name.partition('.')[2]}'" not in text or not is_first]
    found = connection.execute(
        "select string_agg(signature, ', ' order by signature) from ("
        " select format('%%s.%%s(%%s)', schemas.nspname, functions.proname,"
        "  pg_get_function_identity_arguments(functions.oid)) as signature,"
        "  count(*) over (partition by schemas.nspname, functions.proname) as count"
        " from pg_catalog.pg_proc as functions"
        " join pg_catalog.pg_namespace as schemas on schemas.oid = functions.pronamespace"
        " where schemas.nspname || '.' || functions.proname = any (%s)"
        ") as functions where count >= %s",
        [asked, 1 if is_first else 2],
    ).fetchone()
    if found and found[0]:
        raise MigrationError(
            f"functions of the project's own have names of Romashka's: {found[0]}; rename them"
            " first (alter function … rename to …)"
        )


def _is_whole(connection: psycopg.Connection, edition: Edition, extras: list[Repeatable]) -> bool:
    """Is each versioned file in the history, and are rights and guards as the files make them?"""
    versions = [file.version for file in edition.migrations]
    missing = _one(
        connection,
        "select count(*) from unnest(%s::text[]) as version where version not in"
        " (select version from supabase_migrations.schema_migrations)",
        [versions],
    )
    if missing or _one(connection, "select private.has_stale_guards()"):
        return False
    if _lacks(connection, edition, extras):
        return False
    wanted = read_grants(edition.folder, [extra.text for extra in extras])
    return differences(wanted, _one(connection, "select public.get_romashka_grants()")) == ([], [])


def _lacks(connection: psycopg.Connection, edition: Edition, extras: list[Repeatable]) -> Lacks:
    """Return what does not guard the rows as the files say."""
    if _one(connection, "select to_regprocedure('public.get_romashka_guards()')") is None:
        return Lacks()  # an older edition, given as a folder
    wanted = read_guards(edition.folder, [extra.text for extra in extras])
    return missing_guards(wanted, _one(connection, "select public.get_romashka_guards()"))


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
