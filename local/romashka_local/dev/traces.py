"""Tracebacks that programs print, in one line each: what it was, and where."""

import re
from collections.abc import Callable

_PLACE = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d+)')
_GROUP = re.compile(r"[\s|+-]+")
"""How a group of errors is drawn."""


class TraceReader:
    """Passes on lines of stderr, and of a traceback its last one with the place."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._place = ""
        self._is_within = False

    def read(self, line: str) -> None:
        """Take the next line."""
        if line.startswith("Traceback ") or (place := _PLACE.match(line)) or line[0] in " |+":
            self._is_within = True
            if place := _PLACE.match(line):
                self._place = f" ({place['file']}:{place['line']})"
            return
        self._tell(line + self._place if self._is_within else line)
        self._is_within, self._place = False, ""
