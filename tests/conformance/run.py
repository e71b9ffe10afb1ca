"""Runs supabase-py's own test suites against the local stack: `make conformance SUPABASE_PY=…`.

Each suite has stacks of its own, without migrations. The exit code is 0 when everything that
applies passes; what does not apply is listed with its reason.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from xml.etree import ElementTree

import psycopg
from rich.console import Console
from rich.table import Table

from tests.conformance.suites import SUITES, Suite
from tests.support.stacks import ROOT, RunningStack, run_stack

_CONFIG = """
[auth]
enable_anonymous_sign_ins = true
{settings}
"""


def main(checkout: Path) -> int:
    """Run every suite of a checkout; return the exit code."""
    table = Table("suite", "passed", "failed")
    failed = 0
    for name, suite in SUITES.items():
        folder = checkout / suite.folder
        if not folder.is_dir():
            sys.exit(f"unable to run the suites; {checkout} is no checkout of supabase-py")
        results = _run(suite, folder)
        failed += results["failed"]
        table.add_row(name, str(results["passed"]), str(results["failed"]))
    console = Console()
    console.print(table)
    for suite in SUITES.values():
        for part, reason in suite.not_applicable.items():
            console.print(f"left out: {part}: {reason}", highlight=False)
    return 1 if failed else 0


def _run(suite: Suite, folder: Path) -> dict[str, int]:
    with ExitStack() as opened:
        scratch = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        stacks = {
            name: opened.enter_context(_stack(scratch / name, settings))
            for name, settings in suite.stacks.items()
        }
        _apply(stacks["default"].db_url, [folder / path for path in suite.schema])
        return _pytest(suite, folder, stacks, scratch / "results.xml")


def _stack(project: Path, settings: str) -> AbstractContextManager[RunningStack]:
    (project / "supabase").mkdir(parents=True)
    config = project / "supabase" / "config.toml"
    config.write_text(_CONFIG.format(settings=settings), encoding="utf-8")
    return run_stack("--ephemeral", "--no-migrate", cwd=project)


def _apply(url: str, files: list[Path]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for file in files:
            connection.execute(file.read_bytes())


def _pytest(
    suite: Suite, folder: Path, stacks: Mapping[str, RunningStack], results: Path
) -> dict[str, int]:
    left_out = " and ".join(f"not ({part})" for part in suite.not_applicable)
    command = [sys.executable, "-m", "pytest", suite.tests, "-q", "-p", "tests_overrides"]
    command += ["--tb=short", f"--junitxml={results}", "-p", "no:cacheprovider", *suite.options]
    command += ["-k", left_out] if left_out else []
    environment = {
        **os.environ,
        **suite.environment(stacks),
        "ROMASHKA_OVERRIDES": json.dumps(suite.constants(stacks)),
        # The clients of the checkout, not the installed ones: a suite tests the client beside it.
        "PYTHONPATH": os.pathsep.join(
            map(str, [ROOT / "tests" / "conformance", *folder.parent.glob("*/src")])
        ),
    }
    subprocess.run(command, cwd=folder, env=environment, check=False)
    return _counts(results)


def _counts(results: Path) -> dict[str, int]:
    (suite,) = ElementTree.parse(results).getroot()  # noqa: S314 -- pytest has just written it
    counts = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    failed = counts["failures"] + counts["errors"]
    return {"passed": counts["tests"] - failed - counts["skipped"], "failed": failed}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
