"""`romashka migrations`: Romashka's migrations as files of another Supabase project."""

from pathlib import Path
from typing import Annotated

import typer

from romashka._cli.problems import CommandError
from romashka._terminal import say

app = typer.Typer(help="Romashka's migrations as files.", no_args_is_help=True)


@app.callback()
def migrations() -> None:
    """Romashka's migrations as files."""


@app.command()
def export(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The project's `supabase/migrations`.")
    ],
) -> None:
    """Copy the migrations into a project that has migrations of its own.

    A file that is there already, with the same content, is left alone; one that differs is never
    overwritten: then nothing is copied.
    """
    from romashka._export import ExportError, export_migrations

    try:
        copied, kept = export_migrations(folder)
    except ExportError as error:
        raise CommandError(str(error)) from error
    for name in copied:
        say(f"copied {name}")
    say(f"{folder}: {len(copied)} copied, {kept} there before.")
