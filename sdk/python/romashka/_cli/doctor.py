"""`romashka doctor`: what is wrong with a worker's configuration, and what mends it."""

import asyncio
import json
import logging
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from romashka_worker.doctor.finding import Finding

_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red")}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Check the configuration that `romashka worker` would have here; exit code 1: it is wrong."""
    logging.disable()  # what matters is said below
    findings = asyncio.run(_examine(shows=not as_json))
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")
    raise typer.Exit(int(any(finding.state == "problem" for finding in findings)))


async def _examine(*, shows: bool) -> "list[Finding]":
    from romashka_worker.doctor import examine

    findings = []
    async for finding in examine():
        findings.append(finding)
        if shows:
            _show(finding)
    return findings


def _show(finding: "Finding") -> None:
    from rich.console import Console
    from rich.text import Text

    sign, colour = _SIGNS[finding.state]
    line = Text.assemble((sign, colour), f" {finding.name:<15} ", finding.says)
    if finding.fix:
        line.append(f"\n  {'':<15} ")
        line.append(f"→ {finding.fix}", style="bold")
    Console(highlight=False).print(line, soft_wrap=True)  # a command stays in one line
