"""A Chromium for the tests: the one that `CHROMIUM` names, else one that comes as a package."""

import functools
import os
import platform
import subprocess
import sys
from pathlib import Path

import fasteners
import pytest

from tests.support.javascript import NODE, install_packages

_PACKAGE = Path(__file__).parent / "browser"


@functools.cache
def chromium_environment() -> dict[str, str]:
    """Return the environment for a program that starts the Chromium of `CHROMIUM`.

    Skips the test where the package has none for this machine, and nobody names one.
    """
    if named := os.environ.get("CHROMIUM"):
        return {"CHROMIUM": named}
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("no Chromium comes for this machine; name one with CHROMIUM=<path>")
    unpacked = _unpack()
    found = {"CHROMIUM": str(unpacked / "chromium")}
    if not _runs(found):
        found["LD_LIBRARY_PATH"] = str(unpacked / "al2023" / "lib")
    return found


def _unpack() -> Path:
    install_packages(_PACKAGE)
    folder = _PACKAGE / "node_modules" / ".chromium"
    folder.mkdir(exist_ok=True)
    with fasteners.InterProcessLock(_PACKAGE / "node_modules.lock"):  # tests run in parallel
        subprocess.run(
            [NODE, _PACKAGE / "unpack.mjs"],
            env=os.environ | {"TMPDIR": str(folder)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
    return folder


def _runs(found: dict[str, str]) -> bool:
    tried = subprocess.run([found["CHROMIUM"], "--version"], capture_output=True, check=False)
    return tried.returncode == 0
