"""`romashka eval`: how good the answers are, measured on a dataset."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from romashka._cli.problems import CommandError
from romashka._terminal import put, say_json

if TYPE_CHECKING:
    from romashka_worker.evaluation.dataset import Dataset
    from romashka_worker.evaluation.findings import Run

_STACK_READY_SECONDS = 90.0


def evaluate(
    dataset: Annotated[
        Path,
        typer.Argument(
            envvar="ROMASHKA_EVALDATA", help="Its folder; docs/quality.md says what is in it."
        ),
    ],
    sample: Annotated[
        int | None, typer.Option(min=1, help="Take so many rows of each file only.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with what became of each question.")
    ] = False,
) -> None:
    """Ask a dataset's questions as customers would, on a stack made for it; print a report.

    The responder is the one that `romashka worker` would use: OPENAI_API_KEY or OPENAI_BASE_URL
    switch a model on. No project is touched.
    """
    from romashka_local.programs import ProgramError
    from romashka_worker.evaluation.dataset import DatasetError, read_dataset
    from romashka_worker.evaluation.report import as_json as report_as_json
    from romashka_worker.evaluation.report import as_markdown

    try:
        read = read_dataset(dataset, sample)
        run = asyncio.run(_evaluate(read))
    except (DatasetError, ProgramError) as error:
        raise CommandError(str(error)) from error
    if as_json:
        say_json(json.dumps(report_as_json(run, read.missing), indent=2, ensure_ascii=False))
    else:
        put(as_markdown(run, read.missing))


async def _evaluate(dataset: "Dataset") -> "Run":
    from romashka_local.programs import running, temporary_folder
    from romashka_worker.evaluation.run import evaluate
    from romashka_worker.settings import Settings

    from romashka._migration_files import product_folder

    with temporary_folder() as folder:
        async with running(
            *("start", "--ephemeral", "--port", "0", "--db-port", "0", "--json"),
            is_ready=lambda line: "API_URL" in line,
            ready_seconds=_STACK_READY_SECONDS,
            folder=product_folder().parent,
            environment={"TMPDIR": str(folder)},
        ) as stack:
            os.environ["SUPABASE_URL"] = stack["API_URL"]
            os.environ["SUPABASE_SERVICE_ROLE_KEY"] = stack["SERVICE_ROLE_KEY"]
            return await evaluate(dataset, Settings.from_environment(), _show_progress)


def _show_progress(what: str, done: int) -> None:
    if sys.stderr.isatty():
        put(f"{done} {what} ", begins_line=True, to_errors=True)
