"""`romashka start`: the local stack, in the foreground."""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from romashka._cli.problems import CommandError
from romashka._terminal import log_to_terminal, say_json

if TYPE_CHECKING:
    from romashka_local.config import StackConfig


def start(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the API; 0 takes a free one.")
    ] = 54321,
    db_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of Postgres; 0 takes a free one.")
    ] = 54322,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the data is kept.", show_default=".romashka")
    ] = None,
    ephemeral: Annotated[
        bool, typer.Option("--ephemeral", help="Keep nothing: a temporary folder.")
    ] = False,
    no_migrate: Annotated[
        bool, typer.Option("--no-migrate", help="Apply neither migrations nor seed.")
    ] = False,
    postgres_bin: Annotated[
        Path | None, typer.Option(help="Folder of another Postgres server's programs.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="When ready, print one line of JSON.")
    ] = False,
) -> None:
    """Start Postgres, REST, Auth, Realtime, Storage and Functions; Ctrl-C stops them."""
    from romashka_local.errors import StackError
    from romashka_local.stack import StackOptions, run_stack

    from romashka._cli.project import find_project

    if ephemeral and data_dir is not None:
        raise typer.BadParameter("choose one of --ephemeral and --data-dir")
    log_to_terminal("%(levelname)s %(name)s: %(message)s")
    logging.getLogger("romashka").setLevel(logging.INFO)
    project = find_project()
    options = StackOptions(
        project_dir=project.supabase,
        data_dir=None if ephemeral else data_dir or project.data,
        port=port,
        db_port=db_port,
        migrate=not no_migrate,
        postgres_bin=postgres_bin,
    )
    try:
        run_stack(options, _print_json if as_json else _print_summary)
    except (StackError, OSError) as error:
        raise CommandError(str(error)) from error
    except KeyboardInterrupt:
        pass  # a signal while it was starting


def _print_json(config: "StackConfig") -> None:
    from romashka_local.stack import describe

    say_json(json.dumps(describe(config)))


def _print_summary(config: "StackConfig") -> None:
    from romashka_local.stack import describe

    from romashka._cli.summary import print_summary

    print_summary(describe(config))
