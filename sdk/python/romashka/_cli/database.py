"""`romashka db`: what to do with the local database."""

import os
import signal
import time

import typer

from romashka._cli.problems import CommandError
from romashka._cli.status import DataDir, running_stack
from romashka._terminal import say

app = typer.Typer(help="Work on the local database.", no_args_is_help=True)


@app.callback()
def database() -> None:
    """Work on the local database."""


@app.command()
def reset(data_dir: DataDir = None) -> None:
    """Empty the database of the stack that runs here, then apply migrations and seed anew."""
    before = running_stack(data_dir)
    os.kill(int(before["PID"]), signal.SIGUSR1)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.1)
        # A stack that cannot start again, a migration being wrong, ends and says so itself.
        if running_stack(data_dir)["STARTED_AT"] != before["STARTED_AT"]:
            say("The database is as the migrations and the seed make it.")
            return
    raise CommandError("the stack did not come back within a minute; see what it says")
