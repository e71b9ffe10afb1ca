"""A short run of `make faults`: everything is there, breaks, and keeps what was promised."""

from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest

from bench.faults.checker import check_run
from bench.faults.run import Size, run
from bench.faults.troubles import TROUBLES, plan
from tests.support.folders import make_folder


def test_the_same_seed_draws_the_same_faults() -> None:
    """Or nobody could look at a violation again; and a long run has every kind."""
    assert plan(7, 200, 5) == plan(7, 200, 5) != plan(8, 200, 5)
    assert {planned.trouble for planned in plan(7, 200, 5)} == set(TROUBLES)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the run keeps its rows."""
    made = make_folder()
    made.chmod(0o755)  # under root, Postgres runs as another account, inside of it
    yield made
    rmtree(made, ignore_errors=True)


async def test_a_short_run_breaks_no_promise(folder: Path) -> None:
    """A few turns on all channels, and a few faults."""
    report = await run(folder, Size(turns=9, faults=4, pace_seconds=2), 194, check_run)

    assert report.violations == []
    assert report.counts["faults"] == 4
    assert report.counts["1 every message is answered or a human's"] >= 9
