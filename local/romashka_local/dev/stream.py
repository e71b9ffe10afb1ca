"""The one stream that a developer reads: a line for each thing, after the name of its part."""

import os
import signal
import sys
from datetime import datetime
from typing import Literal

from rich.text import Text
from romashka._secrets import hide_secrets
from romashka._terminal import clean_line, open_console

Tone = Literal["plain", "good", "warning", "error"]

_PARTS = {
    "dev": "magenta",
    "stack": "blue",
    "worker": "cyan",
    "functions": "green",
    "inbox": "yellow",
    "widget": "yellow",
    "turn": "bold",
}
_TONES = {"plain": "", "good": "green", "warning": "yellow", "error": "red"}
_WIDTH = max(map(len, _PARTS))


class Stream:
    """Writes to stdout; with colours in a terminal, unless NO_COLOR is set."""

    def __init__(self) -> None:
        is_plain = bool(os.environ.get("NO_COLOR")) or not sys.stdout.isatty()
        self._console = open_console(soft_wrap=True, **({"color_system": None} if is_plain else {}))

    def say(self, part: str, text: str, tone: Tone = "plain") -> None:
        """Print a line of a part's."""
        line = clean_line(hide_secrets(text))
        self.print(
            Text.assemble(
                (f"{datetime.now():%H:%M:%S} ", "dim"),
                (f"{part:<{_WIDTH}}  ", _PARTS[part]),
                (line, _TONES[tone]),
            )
        )

    def print(self, text: Text | str = "", style: str = "") -> None:
        """Print a line; when nobody reads them any more, everything ends in order."""
        try:
            self._console.print(text, style=style)
        except SystemExit:  # so rich tells of a closed pipe; it writes nowhere from then on
            signal.raise_signal(signal.SIGTERM)
