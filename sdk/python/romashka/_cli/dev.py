"""`romashka dev`: everything at once, in one terminal, started anew when its files change."""

from typing import Annotated

import typer

from romashka._cli.problems import CommandError


def dev(
    empty: Annotated[bool, typer.Option("--empty", help="Without the demo data.")] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the API; 0 takes a free one.")
    ] = 54321,
    db_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of Postgres; 0 takes a free one.")
    ] = 54322,
) -> None:
    """Start the stack, the worker, the functions and the web pages; Ctrl-C ends all."""
    import romashka_worker  # noqa: F401 -- it has a program of its own; without it nobody answers
    from romashka_local.dev import DevOptions, run_dev
    from romashka_local.errors import StackError

    from romashka._cli.project import find_project

    project = find_project()
    try:
        run_dev(DevOptions(project.supabase, project.data, port, db_port, is_empty=empty))
    except StackError as error:
        raise CommandError(str(error)) from error
