"""The folder of one stack: who uses it, what it says about itself, and what a reset clears."""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from romashka_local.errors import StackError


class DataFolderError(StackError):
    """The folder cannot be used."""


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A folder that this process alone uses."""

    path: Path

    @property
    def cluster(self) -> Path:
        return self.path / "postgres"

    @property
    def _state(self) -> Path:
        return self.path / "stack.json"

    def say(self, state: Mapping[str, str]) -> None:
        """Tell `romashka status` about the stack that runs here."""
        unfinished = self._state.with_suffix(".new")
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(state))
        unfinished.replace(self._state)

    def clear(self) -> None:
        """Remove the database and the files stored beside it."""
        for path in self.path.iterdir():
            if path.name not in ("lock", "stack.json", ".gitignore"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def open_data_folder(path: Path | None) -> Iterator[DataFolder]:
    """Take the folder `path`, or a temporary one that is removed at the end.

    Raises:
        DataFolderError: another stack uses it, or it cannot be written to.
    """
    if path is None:
        # As short as can be, and resolved: Postgres compares it with where it runs.
        temporary = Path(tempfile.mkdtemp(prefix="romashka-")).resolve()
        try:
            yield DataFolder(temporary)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return
    with _locked(path):
        folder = DataFolder(path.resolve())
        try:
            yield folder
        finally:
            folder._state.unlink(missing_ok=True)


def read_state(path: Path) -> dict[str, str] | None:
    """Return what the stack that runs in `path` says about itself, or None when none runs."""
    try:
        with (path / "lock").open("r") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                state: dict[str, str] = json.loads((path / "stack.json").read_text())
                return state
    except FileNotFoundError:
        pass
    except OSError as error:
        raise DataFolderError(f"unable to read {path}; {error.strerror}") from error
    return None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    # The lock is the kernel's: it ends with this process, however that ends.
    try:
        path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        (path / ".gitignore").write_text("*\n")
    except OSError as error:
        raise DataFolderError(
            f"unable to use {path}; {error.strerror}; choose another --data-dir"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise DataFolderError(
            f"another stack runs in {path}; stop it, or choose another --data-dir"
        ) from error
    finally:
        os.close(descriptor)
