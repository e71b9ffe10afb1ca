"""Where tests keep their databases: in memory, where they are cloned several times as fast."""

import shutil
import tempfile
from pathlib import Path

import psutil

_MEMORY = Path("/dev/shm")  # noqa: S108 -- each test makes a folder of its own in it
_ROOM = 6 * 2**30  # of what a run needs at its worst, twice as much


def _has_room() -> bool:
    """Tell whether databases fit: containers often have 64 MB there."""
    if not _MEMORY.is_dir():
        return False
    return min(shutil.disk_usage(_MEMORY).free, psutil.virtual_memory().available) > _ROOM


DATABASES = _MEMORY if _has_room() else Path(tempfile.gettempdir())
"""What is removed at the end need not be written to a disk."""


def make_folder() -> Path:
    """Make a folder that the account of Postgres can reach under root, too.

    pytest's own are closed to it.
    """
    return Path(tempfile.mkdtemp(prefix="romashka-test-", dir=DATABASES))
