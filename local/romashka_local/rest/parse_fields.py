"""Parses what all parameters are made of: names, JSON paths, lists, the path to an embed."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from romashka_local.rest import errors
from romashka_local.rest.grammar import Field, JsonStep, Path
from romashka_local.rest.scanner import ParseFailure, Scanner

T = TypeVar("T")

NAME = re.compile(r"(?:[^\W\d]|[0-9 $])+")
FIELD_NAME = "field name (* or [a..z0..9_$])"
MAX_DEPTH = 50
"""Nesting of embeds and logic trees; Postgres' own limits come soon after."""

_QUOTED = re.compile(r'"((?:[^\\"]|\\.)*)"', re.DOTALL)
_JSON_KEY = re.compile(r"[^(\-:.,>)]+")
_JSON_INDEX = re.compile(r"-?[0-9]+(?=->|::|\.|,|\Z)")


def parsed(kind: str, text: str, parser: Callable[[Scanner], T], *, prefix: str = "") -> T:
    """Return what `parser` reads from `prefix + text`.

    Raises:
        RestError: PGRST100; the message quotes `text` and says where it stops making sense.
    """
    scanner = Scanner(prefix + text)
    try:
        return parser(scanner)
    except ParseFailure as failure:
        message = f'"failed to parse {kind} ({text})" (line 1, column {failure.position + 1})'
        raise errors.unparsable(message, failure.details) from failure


@lru_cache(maxsize=1024)
def tree_path(key: str) -> tuple[Path, Field]:
    """Parse the name of a filter or of an order, limit or offset: `embed.embed.column->json`."""
    return parsed("tree path", key, _tree_path)


@lru_cache(maxsize=1024)
def columns(kind: str, text: str) -> tuple[str, ...]:
    """Parse the value of `columns` or `on_conflict`."""
    return parsed(f"{kind} parameter", text, lambda scanner: separated(scanner, field_name))


def separated(
    scanner: Scanner, parser: Callable[[Scanner], T], separator: str = ","
) -> tuple[T, ...]:
    found = [parser(scanner)]
    while accept_lexeme(scanner, separator) if separator == "," else scanner.accept(separator):
        found.append(parser(scanner))
    return tuple(found)


def accept_lexeme(scanner: Scanner, literal: str) -> bool:
    """Step over `literal` and the spaces around it."""
    start = scanner.position
    scanner.spaces()
    if not scanner.accept(literal):
        scanner.position = start
        return False
    scanner.spaces()
    return True


def quoted(scanner: Scanner) -> str | None:
    found = scanner.match(_QUOTED)
    return None if found is None else re.sub(r"\\(.)", r"\1", found[1:-1], flags=re.DOTALL)


def field_name(scanner: Scanner) -> str:
    if scanner.peek('"'):
        value = quoted(scanner)
        if value is None:
            scanner.position = len(scanner.text)
            scanner.fail('"\\""')
        return value
    return _dashed(scanner, NAME, FIELD_NAME)


def _dashed(scanner: Scanner, word: re.Pattern[str], expected: str) -> str:
    """Read words joined by `-`, but not by `->`."""
    words = []
    while True:
        found = scanner.match(word)
        if found is None:
            scanner.fail(expected)
        words.append(found.strip())
        if scanner.peek("->") or not scanner.accept("-"):
            return "-".join(words)


def field(scanner: Scanner) -> Field:
    scanner.spaces()
    name = field_name(scanner)
    json_path = _json_path(scanner)
    scanner.spaces()
    return Field(name, json_path)


def _json_path(scanner: Scanner) -> tuple[JsonStep, ...]:
    steps = []
    while scanner.peek("->"):
        as_text = scanner.accept("->>") or not scanner.accept("->")
        index = scanner.match(_JSON_INDEX)
        if index is not None:
            steps.append(JsonStep(as_text, index, is_index=True))
        elif scanner.peek('"'):
            steps.append(JsonStep(as_text, field_name(scanner)))
        else:
            expected = "any non reserved character different from: .,>()"
            steps.append(JsonStep(as_text, _dashed(scanner, _JSON_KEY, expected)))
    return tuple(steps)


def _tree_path(scanner: Scanner) -> tuple[Path, Field]:
    *embeds, column = separated(scanner, field_name, ".")
    return tuple(embeds), Field(column, _json_path(scanner))
