"""The one place through which a person's terminal is written to, whoever's words they are.

A terminal obeys control characters: they move its cursor, rename its window, fill its clipboard;
others that nobody sees turn the order of a line around. None of those is anybody's text.
"""

import logging
import re
import sys
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from romashka._secrets import hide_secrets

if TYPE_CHECKING:
    from rich.console import Console

_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
"""What else begins a new line: whoever counts lines sees one line less than a terminal shows."""
_UNSEEN = (
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f"
)
"""Format characters, without the two that join letters and emojis (U+200C, U+200D)."""
_UNSAFE = re.compile(f"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff{_UNSEEN}]")
_UNSAFE_IN_JSON = re.compile(f"[\x7f-\x9f\u2028\u2029\ud800-\udfff{_UNSEEN}]")


def clean(text: str) -> str:
    """Return `text` without what a terminal would do instead of show; lines and tabs stay."""
    return _UNSAFE.sub("", _BREAKS.sub("\n", text))


def clean_line(text: str) -> str:
    """Return `text` in one line: who ends it early writes a line in another's name."""
    return re.sub(r"[\n\t]", " ", clean(text))


def escape_json(text: str) -> str:
    """Return the same JSON in which nothing is left for a terminal to obey."""
    return _UNSAFE_IN_JSON.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def say(text: str, *, to_errors: bool = False) -> None:
    """Print a line, or lines, at once."""
    put(f"{text}\n", to_errors=to_errors)


def say_fields(fields: Iterable[str]) -> None:
    """Print a line of fields with tabs between them: none of them adds one."""
    say("\t".join(map(clean_line, fields)).rstrip())


def say_json(text: str) -> None:
    """Print JSON at once."""
    _write(sys.stdout, escape_json(text) + "\n")


def put(text: str, *, begins_line: bool = False, to_errors: bool = False) -> None:
    """Print without an end of line; `begins_line` goes back to the beginning of this one.

    Errors quote what they were given: whoever tells of them here tells no secret.
    """
    text = hide_secrets(clean(text)) if to_errors else clean(text)
    _write(sys.stderr if to_errors else sys.stdout, "\r" * begins_line + text)


def _write(stream: Any, text: str) -> None:
    stream.write(text)
    stream.flush()


def open_console(**options: Any) -> "Console":
    """Return a console for colours and tables, with text that is only shown."""
    return _console_class()(highlight=False, **options)


@cache
def _console_class() -> "type[Console]":
    """Make the class when it is needed: rich takes a while to load."""
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class CleanConsole(Console):
        """Cleans what is shown, and leaves rich's own control codes as they are."""

        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                if segment.control:
                    yield segment
                else:
                    yield segment._replace(text=clean(segment.text))

    return CleanConsole


class CleanFormatter(logging.Formatter):
    """Formats records of a log that people read in a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines."""
        return clean(hide_secrets(super().format(record)))


def log_to_terminal(form: str) -> None:
    """Have what libraries log printed to stderr, in that form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(CleanFormatter(form))
    logging.basicConfig(handlers=[handler])
