"""The one stream that a developer reads: a line for each thing, after the name of its part."""

import os
import sys
from datetime import datetime
from typing import Literal

from rich.console import Console
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
    "turn": "bold",
}
_TONES = {"plain": "", "good": "green", "warning": "yellow", "error": "red"}
_WIDTH = max(map(len, _PARTS))


class Stream:
    """Writes to stdout; with colours in a terminal, unless NO_COLOR is set."""

    def __init__(self) -> None:
        is_plain = bool(os.environ.get("NO_COLOR")) or not sys.stdout.isatty()
        self.console: Console = open_console(
            soft_wrap=True, **({"color_system": None} if is_plain else {})
        )

    def say(self, part: str, text: str, tone: Tone = "plain") -> None:
        """Print a line of a part's."""
        line = clean_line(hide_secrets(text))
        self.console.print(
            Text.assemble(
                (f"{datetime.now():%H:%M:%S} ", "dim"),
                (f"{part:<{_WIDTH}}  ", _PARTS[part]),
                (line, _TONES[tone]),
            )
        )
