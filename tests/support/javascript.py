"""Node with the packages of tests/local/js, for tests through supabase-js."""

import shutil
import subprocess
from pathlib import Path

import fasteners
import pytest

SCRIPTS = Path(__file__).parents[1] / "local" / "js"


def find_node() -> str:
    """Return the path of Node, with the packages installed; skip where there is no Node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("supabase-js needs Node and npm")
    with fasteners.InterProcessLock(SCRIPTS / "node_modules.lock"):  # tests run in parallel
        if not (SCRIPTS / "node_modules" / ".package-lock.json").exists():
            install = [npm, "ci", "--silent", "--no-audit", "--no-fund"]
            subprocess.run(install, cwd=SCRIPTS, check=True)
    return node
