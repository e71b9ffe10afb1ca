"""`romashka migrate`: Romashka's tables and functions in any Supabase project."""

import logging
import sys
from typing import Annotated

import typer

from romashka._cli.problems import CommandError


def migrate(
    db_url: Annotated[
        str,
        typer.Option(
            envvar="DATABASE_URL", help="postgresql://... of the project, as its user `postgres`."
        ),
    ],
) -> None:
    """Apply Romashka's migrations to a database; what was applied before is left alone."""
    import psycopg

    from romashka._migrations import MigrationError, apply_migrations

    logging.basicConfig(stream=sys.stderr, format="%(message)s")
    try:
        applied = apply_migrations(db_url)
    except MigrationError as error:
        raise CommandError(str(error)) from error
    except psycopg.Error as error:
        # A malformed URL, a wrong password, nobody there: the driver's first line tells which.
        reason = str(error).strip().splitlines()[0]
        raise CommandError(f"unable to use the database; {reason}; check --db-url") from error
    for name in applied:
        typer.echo(f"applied {name}")
    if not applied:
        typer.echo("Nothing to apply: the database is up to date.")
