"""Applies a Supabase project's migrations and seed, and records them as the Supabase CLI does."""

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path

import psycopg

from romashka._event_triggers import run_statement
from romashka._migration_files import (
    Migration,
    find_migrations,
    find_seeds,
    product_folder,
    read_sql,
)
from romashka._postgres import open_database
from romashka._statements import split_statements

_log = logging.getLogger("romashka.migrations")

# Any number will do, if all who apply migrations take the same one.
_LOCK = 7_268_011_435
_HISTORY = """
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (version text primary key);
alter table supabase_migrations.schema_migrations add column if not exists statements text[];
alter table supabase_migrations.schema_migrations add column if not exists name text;
create table if not exists supabase_migrations.seed_files (
  path text primary key, hash text not null
);
"""


_HAS_HISTORY = """
select from pg_catalog.pg_attribute as columns
where columns.attrelid = to_regclass('supabase_migrations.schema_migrations')
  and columns.attname in ('version', 'statements', 'name') and not columns.attisdropped
  and to_regclass('supabase_migrations.seed_files') is not null
having count(*) = 3
"""


class MigrationError(Exception):
    """A file failed, and nothing of it was kept; the message names it and says why."""


def apply_migrations(db_url: str, project: Path) -> list[str]:
    """Apply the migrations of a `supabase` folder that the database lacks, and return their names.

    Each file is one transaction together with its row in the history, so after a crash the next run
    continues where this one stopped. Two runs at once wait for one another. Romashka's own are
    applied by `_installation.install`, all at once.

    Raises:
        MigrationError: a file failed.
        psycopg.OperationalError: the database cannot be reached.
    """
    with open_for_migrations(db_url) as connection:
        return [
            migration.path.name
            for migration in find_migrations(project)
            if _apply_alone(connection, migration)
        ]


def apply_seed(db_url: str, project: Path | None = None) -> list[str]:
    """Run the seed files of `config.toml` that the database has not seen, and return their names.

    Raises: as `apply_migrations`.
    """
    project = project or product_folder()
    with open_for_migrations(db_url) as connection:
        return [path.name for path in find_seeds(project) if _seed(connection, project, path)]


def open_for_migrations(db_url: str) -> psycopg.Connection:
    """Connect, with the tables that keep the history, and what migrations say on the log."""
    connection = connect_for_migrations(db_url)
    with connection.transaction():
        take_turns(connection)
        keep_history(connection)
    return connection


def connect_for_migrations(db_url: str) -> psycopg.Connection:
    """Connect, with what migrations say on the log."""
    connection = open_database(db_url, autocommit=True, application_name="romashka migrate")
    connection.add_notice_handler(_log_notice)
    return connection


def keep_history(connection: psycopg.Connection) -> None:
    """Make the tables that keep the history, unless somebody has."""
    if not connection.execute(_HAS_HISTORY).rowcount:  # it may be another role's, and good
        connection.execute(_HISTORY)


def take_turns(connection: psycopg.Connection) -> None:
    """Wait for whoever else migrates this database, until the end of the transaction."""
    # Of the transaction, not of the session: works through a pooler, and no crash leaves it behind.
    connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])


def edited_after_run(db_url: str, paths: Iterable[Path]) -> set[Path]:
    """Return which of these files a database has run with other statements than they have now.

    Raises:
        psycopg.OperationalError: the database cannot be reached.
    """
    with connect_for_migrations(db_url) as connection:
        recorded = connection.execute(
            "select version, statements from supabase_migrations.schema_migrations"
        ).fetchall()
    ran = {version: statements for version, statements in recorded if statements}
    found = {path: ran.get(path.name.partition("_")[0]) for path in paths if path.exists()}
    return {
        path
        for path, statements in found.items()
        if path.parent.name == "migrations"
        and statements is not None
        and statements != split_statements(read_sql(path))
    }


def apply_migration(connection: psycopg.Connection, migration: Migration) -> bool:
    """Apply one file within the open transaction; return False when it was applied before."""
    known = connection.execute(
        "select from supabase_migrations.schema_migrations where version = %s", [migration.version]
    )
    if known.rowcount:
        return False
    statements = run_file(connection, migration.path)
    connection.execute(
        "insert into supabase_migrations.schema_migrations (version, name, statements)"
        " values (%s, %s, %s)",
        [migration.version, migration.name, statements],
    )
    return True


def run_file(connection: psycopg.Connection, path: Path) -> list[str]:
    """Run the statements of a file within the open transaction, and return them.

    Raises:
        MigrationError: one failed.
    """
    text = read_sql(path)
    statements = split_statements(text)
    start = 0
    for statement in statements:
        start = text.index(statement, start)
        try:
            run_statement(connection, statement)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            raise  # nobody's fault, and over soon
        except psycopg.Error as error:
            raise MigrationError(_describe(error, path, text, start)) from error
        start += len(statement)
    return statements


def _apply_alone(connection: psycopg.Connection, migration: Migration) -> bool:
    with connection.transaction():
        take_turns(connection)
        is_new = apply_migration(connection, migration)
    connection.execute("reset all")
    return is_new


def _seed(connection: psycopg.Connection, project: Path, path: Path) -> bool:
    """Run one seed file; return False when it was run before, even if it has changed since."""
    with connection.transaction():
        take_turns(connection)
        recorded = connection.execute(
            "insert into supabase_migrations.seed_files (path, hash) values (%s, %s)"
            " on conflict (path) do nothing",
            [
                f"supabase/{path.relative_to(project).as_posix()}",
                hashlib.sha256(path.read_bytes()).hexdigest(),
            ],
        )
        if not recorded.rowcount:
            return False
        run_file(connection, path)
    connection.execute("reset all")
    return True


def _describe(error: psycopg.Error, path: Path, text: str, start: int) -> str:
    """Return one line: the file, the line in it, and what Postgres says."""
    offset = int(error.diag.statement_position or 1) - 1
    line = text.count("\n", 0, start + offset) + 1
    reason = error.diag.message_primary or str(error)
    details = [part for part in (error.diag.message_detail, error.diag.message_hint) if part]
    return f"{path.name}, line {line}: {'; '.join([reason, *details])}"


def _log_notice(notice: psycopg.errors.Diagnostic) -> None:
    """Pass on what a migration itself says; not that something to be dropped was not there."""
    message = notice.message_primary or ""
    if notice.sqlstate in ("00000", "01000") and not message.endswith(", skipping"):
        _log.warning("%s", message)
