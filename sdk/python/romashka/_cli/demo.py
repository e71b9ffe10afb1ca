"""`romashka demo`: a stack, a worker and a few customers, for a minute."""

import typer

from romashka._cli.problems import CommandError


def demo() -> None:
    """Start everything on free ports, let customers ask, print what is said, stop everything."""
    from romashka_local.demo import run_demo
    from romashka_local.programs import ProgramError

    try:
        raise typer.Exit(run_demo())
    except ProgramError as error:
        raise CommandError(str(error)) from error
