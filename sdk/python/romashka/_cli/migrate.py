"""`romashka migrate`: Romashka's tables and functions in any Supabase project."""

import logging
import sys

import typer

from romashka._cli.connection import DatabaseUrl, clear_database_errors
from romashka._cli.problems import CommandError


def migrate(db_url: DatabaseUrl) -> None:
    """Apply Romashka's migrations to a database; what was applied before is left alone."""
    from romashka._migrations import MigrationError, apply_migrations

    logging.basicConfig(stream=sys.stderr, format="%(message)s")
    try:
        with clear_database_errors():
            applied = apply_migrations(db_url)
    except MigrationError as error:
        raise CommandError(str(error)) from error
    for name in applied:
        typer.echo(f"applied {name}")
    if not applied:
        typer.echo("Nothing to apply: the database is up to date.")
