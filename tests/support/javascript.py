"""Node and the packages of a folder of tests, such as tests/local/js with supabase-js."""

import shutil
import subprocess
from pathlib import Path

import fasteners
import pytest

SCRIPTS = Path(__file__).parents[1] / "local" / "js"


def find_node() -> str:
    """Return the path of Node, with supabase-js installed; skip where there is no Node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("supabase-js needs Node and npm")
    install_packages(SCRIPTS)
    return node


def install_packages(folder: Path) -> None:
    """Install what `folder/package.json` names, once; skip where there is no npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"the packages of {folder.name} need npm")
    with fasteners.InterProcessLock(folder / "node_modules.lock"):  # tests run in parallel
        if not (folder / "node_modules" / ".package-lock.json").exists():
            # Not `ci`: where npm locks its own platform's packages alone, `ci` misses the others.
            install = [npm, "install", "--no-save", "--silent", "--no-audit", "--no-fund"]
            subprocess.run(install, cwd=folder, check=True)
