"""What happened in a run, as lines of JSON that are only ever added: what the checker reads."""

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO


class History:
    """A file that says what was done to the system, and what was seen of it from outside."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO = path.open("w")

    def add(self, kind: str, **fields: Any) -> None:
        """Note something, with the time; it is on its way to the disk when this returns."""
        self._file.write(json.dumps({"at": time.time(), "kind": kind} | fields) + "\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _: type[BaseException] | None,
        __: BaseException | None,
        ___: TracebackType | None,
    ) -> None:
        self._file.close()
