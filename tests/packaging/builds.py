"""Copies of the checkout, what `make build` makes of them, and environments with nothing else."""

import os
import shutil
import site
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

from tests.support.javascript import WORKSPACE
from tests.support.stacks import ROOT

_VENV = Path(sys.prefix)
REPOSITORY = "https://github.example/team/romashka"
"""Where the links of the README lead that these builds have."""


def tracked() -> set[str]:
    """Return the files that git has or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}


def copy_checkout(folder: Path) -> Path:
    """Copy the files of git, so that other tests keep their `dist`."""
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    (folder / "node_modules").symlink_to(WORKSPACE / "node_modules")
    (folder / ".venv").symlink_to(_VENV)
    return folder


def build(checkout: Path) -> Path:
    """Run `make build` there, with the packages that this checkout has, and return `dist`."""
    done = subprocess.run(
        ["make", "build", "-o", "packages", "-o", ".venv/.ready"],
        cwd=checkout,
        env=os.environ | {"REPOSITORY_URL": REPOSITORY},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return checkout / "dist"


def build_wheel(project: Path, folder: Path) -> Path:
    """Build the wheel of a folder as pip does, and return it."""
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(project))
    [wheel] = folder.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path, extras: str) -> Path:
    """Make an environment of the wheel with its extras, and nothing else; return its `bin`.

    What the wheel requires is linked from this environment, for speed.
    """
    venv.create(folder)
    python = folder / "bin" / "python"
    _pip("--python", str(python), "install", "--no-index", "--no-deps", str(wheel))
    packages = folder.joinpath(*Path(site.getsitepackages()[0]).relative_to(_VENV).parts)
    for name in _required(f"romashka[{extras}]", set()):
        _link(name, packages)
    return folder / "bin"


def _pip(*arguments: str) -> None:
    quiet = ["--quiet", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", *quiet, *arguments], check=True)


def _required(wanted: str, seen: set[str]) -> set[str]:
    """Return the names of what a requirement brings beside Romashka, by all ways."""
    seen.add(wanted)
    requirement = Requirement(wanted)
    names = {requirement.name} - {"romashka"}
    for line in distribution(requirement.name).requires or []:
        needed = Requirement(line)
        extras = [{"extra": extra} for extra in requirement.extras] or [{"extra": ""}]
        if needed.marker and not any(map(needed.marker.evaluate, extras)):
            continue
        needed.marker = None
        if str(needed) not in seen:
            names |= _required(str(needed), seen)
    return names


def _link(name: str, packages: Path) -> None:
    files = distribution(name).files or []
    programs = {file.parts for file in files if file.parts[0] == ".."}
    for parts in programs | {file.parts[:1] for file in files if file.parts[0] != ".."}:
        source = Path(os.path.normpath(Path(site.getsitepackages()[0], *parts)))
        target = Path(os.path.normpath(packages.joinpath(*parts)))
        if source.exists() and not os.path.lexists(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source)


def members(names: list[str]) -> set[PurePosixPath]:
    """Return the files of an archive of the sources, without the folder that holds them all."""
    return {PurePosixPath(*PurePosixPath(name).parts[1:]) for name in names}
