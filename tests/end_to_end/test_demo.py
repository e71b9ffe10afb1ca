"""`romashka demo`: what a newcomer sees first, and that it leaves nothing behind."""

import io
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from rich.console import Console
from romashka_local.demo import wait_for_knowledge

from tests.support.folders import DATABASES
from tests.support.stacks import ROMASHKA
from tests.support.waiting import eventually


@pytest.fixture
def demo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The demo, just started, with a temporary folder of its own; a parameter is its options."""
    # Short, and open to the account that Postgres runs as under root.
    temporary = DATABASES / f"rd-{os.getpid()}-{time.monotonic_ns()}"
    temporary.mkdir(mode=0o755)
    process = subprocess.Popen(
        [str(ROMASHKA), "demo", *getattr(request, "param", ())],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(temporary)},
    )
    try:
        yield process
        assert process.poll() is not None
        assert list(temporary.iterdir()) == []
        assert list(tmp_path.iterdir()) == []
    finally:
        process.kill()
        process.communicate()
        subprocess.run(["rm", "-rf", str(temporary)], check=True)


def family_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [
        process
        for process in processes
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]


def test_the_demo_keeps_every_promise(demo: subprocess.Popen[str]) -> None:
    """Every turn is answered in time, in four languages, and the last line says so."""
    output, _ = demo.communicate(timeout=110)
    last = output.strip().splitlines()[-1]

    assert demo.returncode == 0, output
    assert re.fullmatch(
        r"answered 7/7 turns \(5 replied, 2 handed over\), slowest \d\.\d\d s", last
    )


async def test_knowledge_that_gets_no_vectors_is_told_in_one_line() -> None:
    """Nobody waits forever, or wonders why the answers are worse than they should be."""
    said = io.StringIO()
    nowhere = {"API_URL": "http://127.0.0.1:9", "SERVICE_ROLE_KEY": "x"}
    console = Console(file=said, soft_wrap=True)
    await wait_for_knowledge(nowhere, {"embeddings": "some-model"}, console)
    await wait_for_knowledge(nowhere, {"embeddings": None}, console)

    assert re.fullmatch(
        r"The knowledge base did not get its vectors \(.+\): answers go by its words\.\n",
        said.getvalue(),
    )


@pytest.mark.model
@pytest.mark.timeout(400)
@pytest.mark.parametrize("demo", [("--llm", "local")], indirect=True)
def test_with_a_real_model_everybody_is_answered_in_time(demo: subprocess.Popen[str]) -> None:
    """It is slow and mostly wrong: it costs the reply its quality, and nobody the answer."""
    output, _ = demo.communicate(timeout=300)
    last = output.strip().splitlines()[-1]

    assert demo.returncode == 0, output
    assert re.fullmatch(
        r"answered 7/7 turns \(\d replied, \d handed over\), slowest \d\.\d\d s", last
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_behind(
    demo: subprocess.Popen[str], number: signal.Signals
) -> None:
    """Ctrl-C in the middle must not leave a Postgres running."""
    family = eventually(lambda: len(found := family_of(demo)) > 4 and found)
    demo.send_signal(number)
    demo.communicate(timeout=30)

    assert demo.returncode == 130
    assert alive(family) == []


def test_a_demo_whose_stack_dies_says_so_and_ends(demo: subprocess.Popen[str]) -> None:
    """A crash in the middle ends in an answer and an exit code, not in a hang."""
    family = eventually(lambda: len(found := family_of(demo)) > 4 and found)
    family[0].kill()
    output, _ = demo.communicate(timeout=45)

    assert demo.returncode == 1, output
    assert "Traceback" not in output
