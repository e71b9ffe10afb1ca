"""`romashka migrate`: Romashka's tables and functions in any Supabase project."""

from typing import Annotated

import typer

from romashka._cli.connection import DatabaseUrl, clear_database_errors
from romashka._cli.problems import CommandError
from romashka._terminal import log_to_terminal, say


def migrate(
    db_url: DatabaseUrl,
    extras: Annotated[
        list[str] | None,
        typer.Option(
            "--with", help="Install this, too: `original`, what the original's own pages read."
        ),
    ] = None,
    is_trial: Annotated[
        bool,
        typer.Option(
            "--check", help="Say what would be done to what is there, and change nothing."
        ),
    ] = False,
    keeps_open: Annotated[
        bool,
        typer.Option(
            "--keep-open",
            help="Leave tables of your own to anonymous users that whoever is signed in may use.",
        ),
    ] = False,
) -> None:
    """Install Romashka in a database, or bring it to this edition: all of it, or nothing."""
    from romashka._installation import install
    from romashka._migrations import MigrationError

    log_to_terminal("%(message)s")
    try:
        with clear_database_errors():
            applied = install(
                db_url, extras=extras or (), is_trial=is_trial, closes_tables=not keeps_open
            )
    except (MigrationError, ValueError) as error:
        raise CommandError(str(error)) from error
    for name in applied:
        say(f"would apply {name}" if is_trial else f"applied {name}")
    if not applied:
        say("Nothing to apply: the database is up to date.")
    if is_trial:
        say("All of it was taken back: this was a check. Run it without --check to keep it.")
