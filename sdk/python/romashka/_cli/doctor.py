"""`romashka doctor`: what is wrong with a worker's configuration, and what mends it."""

import asyncio
import json
import logging
import os
import signal
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from romashka._cli.connection import read_database_option
from romashka._cli.local_stack import use_stack
from romashka._cli.problems import CommandError
from romashka._terminal import open_console, say_json

if TYPE_CHECKING:
    from romashka_worker.doctor.finding import Finding
    from romashka_worker.trial import Tell

_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red")}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    tries: Annotated[
        bool,
        typer.Option(
            "--try",
            help="Write as a customer, wait for the answer, and remove it again; in a project that"
            " is empty: install, try every role, and remove it all.",
        ),
    ] = False,
    db_url: Annotated[
        str | None,
        typer.Option(
            envvar="DATABASE_URL",
            callback=read_database_option,
            help="With --try in an empty project: as `romashka migrate` takes it.",
        ),
    ] = None,
) -> None:
    """Check the configuration that `romashka worker` would have here; exit code 1: it is wrong."""
    logging.disable()  # what matters is said below
    findings: list[Finding] = []

    def tell(finding: "Finding") -> None:
        findings.append(finding)
        if not as_json:
            _show(finding)

    if not (tries and db_url):  # whoever names a database alone does not mean the stack beside it
        use_stack()
        db_url = read_database_option(os.environ.get("DATABASE_URL"))
    asyncio.run(_try(db_url, tell) if tries else _examine(tell))
    if as_json:
        say_json(json.dumps([asdict(finding) for finding in findings], indent=2))
    raise typer.Exit(int(any(finding.state == "problem" for finding in findings)))


async def _examine(tell: "Tell") -> None:
    from romashka_worker.doctor import examine

    _log_nothing()
    async for finding in examine():
        tell(finding)


def _log_nothing() -> None:
    import structlog

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # of what it asks, as above


async def _try(db_url: str | None, tell: "Tell") -> None:
    from romashka_worker.trial import DatabaseNeeded, try_out

    _log_nothing()
    trial = asyncio.create_task(try_out(db_url, tell))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Once: what removes everything again must not be interrupted itself.
        asyncio.get_running_loop().add_signal_handler(
            number, lambda: None if trial.cancelling() else trial.cancel()
        )
    try:
        with suppress(asyncio.CancelledError):  # it has told so
            await trial
    except DatabaseNeeded as needed:
        says = "--try needs the database too; use --db-url, or set DATABASE_URL"
        raise CommandError(says) from needed


def _show(finding: "Finding") -> None:
    from rich.text import Text

    sign, colour = _SIGNS[finding.state]
    line = Text.assemble((sign, colour), f" {finding.name:<15} ", finding.says)
    if finding.fix:
        line.append(f"\n  {'':<15} ")
        line.append(f"→ {finding.fix}", style="bold")
    open_console().print(line, soft_wrap=True)  # a command stays in one line
