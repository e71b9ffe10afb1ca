"""The workflows of GitHub, as far as they can be tried without it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.stacks import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
_MAY_WRITE = {
    ("release", "build"): {"id-token", "attestations"},
    ("release", "pypi"): {"id-token"},
    ("release", "npm"): {"id-token"},
    ("release", "image"): {"packages", "id-token", "attestations"},
    ("release", "release"): {"contents"},
}
_PINNED = re.compile(r"uses: (?:\./\S+|[\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+)$")


def read(path: Path) -> dict[str, Any]:
    workflow: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return workflow


def every_job() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path.stem, name, job) for path in WORKFLOWS for name, job in read(path)["jobs"].items()
    ]


def targets_of(job: dict[str, Any]) -> set[str]:
    """Return the make targets that a job calls, those of its matrix too."""
    scripts = "\n".join(step.get("run", "") for step in job.get("steps", []))
    named = set(re.findall(r"\bmake ([a-z][\w-]*)", scripts))
    if 'make "$TARGET"' in scripts:
        matrix = job["strategy"]["matrix"]
        named |= {*matrix["target"], *(one["target"] for one in matrix["include"])}
    return named


def test_workflows_call_make_targets_that_exist() -> None:
    """A renamed one would be noticed on the day of a release."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    there = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    called = set().union(*(targets_of(job) for _, _, job in every_job()))

    assert called >= {"test", "test-15", "test-17", "build", "image", "site"}
    assert called <= there


def test_every_python_and_server_is_tested() -> None:
    """What pyproject.toml promises, and the servers that hosted projects have."""
    matrix = read(ROOT / ".github/workflows/tests.yml")["jobs"]["test"]["strategy"]["matrix"]
    promised = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text("utf-8"))

    assert matrix["python"] == promised


@pytest.mark.parametrize(("workflow", "name", "job"), every_job())
def test_a_job_may_write_what_it_must_and_no_more(
    workflow: str, name: str, job: dict[str, Any]
) -> None:
    """Whoever gets code into a job has what the job may do."""
    rights = job["permissions"]
    writes = {right for right, level in rights.items() if level == "write"}

    assert writes == _MAY_WRITE.get((workflow, name), set())
    assert set(rights.values()) <= {"read", "write"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_nothing_by_itself_and_pins_what_it_uses(path: Path) -> None:
    """A tag of somebody else's action can be moved to other code at any time."""
    uses = re.findall(r"^.*(uses: .*)$", path.read_text("utf-8"), re.MULTILINE)

    assert read(path)["permissions"] == {}
    assert [line for line in uses if not _PINNED.match(line)] == []


def test_the_auditor_of_workflows_finds_nothing() -> None:
    """It knows the attacks of the last years: expressions in scripts, caches, stored tokens."""
    zizmor = Path(sys.executable).with_name("zizmor")
    audited = subprocess.run(
        [zizmor, "--offline", "--quiet", "--min-severity=medium", *WORKFLOWS],
        capture_output=True,
        text=True,
        check=False,
    )

    assert audited.returncode == 0, audited.stdout + audited.stderr
