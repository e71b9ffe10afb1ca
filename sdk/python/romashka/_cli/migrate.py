"""`romashka migrate`: Romashka's tables and functions in any Supabase project."""

import logging
import sys

import typer

from romashka._cli.connection import DatabaseUrl, clear_database_errors
from romashka._cli.problems import CommandError


def migrate(db_url: DatabaseUrl) -> None:
    """Install Romashka in a database, or bring it to this edition: all of it, or nothing."""
    from romashka._installation import install
    from romashka._migrations import MigrationError

    logging.basicConfig(stream=sys.stderr, format="%(message)s")
    try:
        with clear_database_errors():
            applied = install(db_url)
    except MigrationError as error:
        raise CommandError(str(error)) from error
    for name in applied:
        typer.echo(f"applied {name}")
    if not applied:
        typer.echo("Nothing to apply: the database is up to date.")
