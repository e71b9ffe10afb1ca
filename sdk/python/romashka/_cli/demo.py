"""`romashka demo`: a stack, a worker and a few customers, for a minute."""

from enum import StrEnum
from importlib.util import find_spec
from typing import Annotated

import typer

from romashka._cli.problems import CommandError


class Model(StrEnum):
    """Which model answers."""

    LOCAL = "local"


def demo(
    llm: Annotated[
        Model | None, typer.Option(help="Have a real model answer, on this machine's processor.")
    ] = None,
) -> None:
    """Start everything on free ports, let customers ask, print what is said, stop everything."""
    from romashka_local.demo import run_demo
    from romashka_local.programs import ProgramError

    if llm is not None and find_spec("xllamacpp") is None:
        raise CommandError("the model is not installed; make demo LLM=local installs it")
    try:
        raise typer.Exit(run_demo(with_model=llm is not None))
    except ProgramError as error:
        raise CommandError(str(error)) from error
