"""Parses `select`: columns, casts, aggregates, embedded relations and their hints."""

import re
from functools import lru_cache
from typing import Literal

from romashka_local.rest.grammar import Field, Selected, SelectedField, SelectedRelation
from romashka_local.rest.parse_fields import (
    FIELD_NAME,
    MAX_DEPTH,
    field,
    field_name,
    parsed,
    separated,
)
from romashka_local.rest.scanner import Scanner

# Types are pasted into the SQL unquoted: words and spaces alone can do no harm there.
_TYPE = re.compile(r"(?:[^\W\d]|[0-9 ])+")
_AGGREGATE = re.compile(r"\.(sum|avg|count|max|min)\(\)")


@lru_cache(maxsize=1024)
def select(text: str) -> tuple[Selected, ...]:
    """Parse the value of `select`."""
    return parsed("select parameter", text, lambda scanner: _items(scanner, 0))


def _items(scanner: Scanner, depth: int) -> tuple[Selected, ...]:
    scanner.spaces()
    if scanner.at_end() or scanner.peek(")"):
        return ()
    return separated(scanner, lambda inner: _item(inner, depth))


def _item(scanner: Scanner, depth: int) -> Selected:
    start = scanner.position
    relation = scanner.attempt(_relation_head)
    if relation is None:
        scanner.position = start
        return _selected_field(scanner)
    if depth >= MAX_DEPTH:
        scanner.fail("fewer nested relations")
    scanner.expect("(")
    items = _items(scanner, depth + 1)
    scanner.expect(")", '","')
    name, alias, hint, join, is_spread = relation
    return SelectedRelation(name, items, alias, hint, join, is_spread)


_RelationHead = tuple[str, str | None, str | None, Literal["left", "inner"] | None, bool]


def _relation_head(scanner: Scanner) -> _RelationHead:
    """Read `[...][alias:]name[!hint][!inner]` up to the parenthesis."""
    scanner.spaces()
    is_spread = scanner.accept("...")
    alias = None if is_spread else scanner.attempt(_alias)
    name = field_name(scanner)
    if name == "count":
        scanner.fail(FIELD_NAME)
    hint: str | None = None
    join: Literal["left", "inner"] | None = None
    for _ in range(2):
        if not scanner.accept("!"):
            break
        word = field_name(scanner)
        if word == "left":
            join = join or "left"
        elif word == "inner":
            join = join or "inner"
        else:
            hint = hint or word
    scanner.spaces()
    if not scanner.peek("("):
        scanner.fail('"("')
    return name, alias, hint, join, is_spread


def _alias(scanner: Scanner) -> str:
    name = field_name(scanner)
    scanner.expect(":")
    if scanner.peek(":"):
        scanner.fail(FIELD_NAME)
    return name


def _selected_field(scanner: Scanner) -> SelectedField:
    scanner.spaces()
    if scanner.accept("*"):
        scanner.spaces()
        _expect_item_end(scanner)
        return SelectedField(Field("*"))
    alias = scanner.attempt(_alias)
    if scanner.accept("count()"):
        selected = SelectedField(Field("*"), alias, None, "count", _cast(scanner))
    else:
        column = field(scanner)
        cast = _cast(scanner)
        aggregate = scanner.match(_AGGREGATE)
        aggregate_cast = _cast(scanner)
        aggregate = aggregate and aggregate[1:-2]
        selected = SelectedField(column, alias, cast, aggregate, aggregate_cast)
    scanner.spaces()
    _expect_item_end(scanner, "letter", "digit", '"-"', '"->>"', '"->"', '"::"', '"."')
    return selected


def _cast(scanner: Scanner) -> str | None:
    if not scanner.accept("::"):
        return None
    name = scanner.match(_TYPE)
    if name is None or not name.strip():
        scanner.fail("letter or digit")
    return name.strip()


def _expect_item_end(scanner: Scanner, *also: str) -> None:
    if not (scanner.at_end() or scanner.peek(")") or scanner.peek(",")):
        scanner.fail(*also, '")"', '","', "end of input")
