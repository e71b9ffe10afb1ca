"""`romashka status`: the addresses and keys of the stack that runs here."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from romashka._cli.local_stack import as_environment
from romashka._cli.problems import CommandError
from romashka._terminal import put, say_json

DataDir = Annotated[Path | None, typer.Option(help="The stack's folder.", show_default=".romashka")]


class Output(StrEnum):
    """How to print."""

    PRETTY = "pretty"
    ENV = "env"
    JSON = "json"


def status(
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print.")] = Output.PRETTY,
    data_dir: DataDir = None,
) -> None:
    """Print the addresses and keys of the stack that runs here."""
    state = running_stack(data_dir)
    for internal in ("PID", "STARTED_AT"):
        state.pop(internal)
    if output is Output.JSON:
        say_json(json.dumps(state, indent=2))
    elif output is Output.ENV:  # by the Supabase CLI's names, and by those that our settings have
        values = state | as_environment(state)
        put("".join(f'{name}="{value}"\n' for name, value in values.items()))
    else:
        from romashka._cli.summary import print_summary

        print_summary(state)


def running_stack(data_dir: Path | None) -> dict[str, str]:
    """Return what the stack of `data_dir`, by default this project's, says about itself.

    Raises:
        CommandError: none runs there.
    """
    from romashka_local.data_folder import read_state
    from romashka_local.errors import StackError

    from romashka._cli.project import find_project

    folder = data_dir or find_project().data
    try:
        state = read_state(folder)
    except StackError as error:
        raise CommandError(str(error)) from error
    if state is None:
        raise CommandError(f"no stack runs in {folder}; start one with `romashka start`")
    return state
