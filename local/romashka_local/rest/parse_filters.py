"""Parses filters, logic trees and `order`."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Literal, NoReturn

from romashka_local.rest.grammar import Condition, Field, Filter, Logic, LogicTree, OrderTerm, Path
from romashka_local.rest.parse_fields import (
    FIELD_NAME,
    MAX_DEPTH,
    accept_lexeme,
    field,
    field_name,
    parsed,
    quoted,
    separated,
)
from romashka_local.rest.scanner import Scanner

_SEARCH = "fts|plfts|phfts|wfts"
_PLAIN = "isdistinct|neq|cs|cd|ov|sl|sr|nxr|nxl|adj"
_COMPARISON = "eq|gte|gt|lte|lt|like|ilike|match|imatch"
_OPERATOR = re.compile(
    rf"(?:(?P<search>{_SEARCH})(?:\((?P<language>(?:[^\W\d]|[0-9 $])+)\))?"
    rf"|(?P<plain>{_PLAIN})"
    rf"|(?P<comparison>{_COMPARISON})(?:\((?P<quantifier>any|all)\))?)\."
)
# Where an operator is cut short is where it stops being understood: behind the parenthesis of one
# that may have a modifier.
_KNOWN_OPERATOR = re.compile(
    rf"(?:{_SEARCH}|{_COMPARISON})(?=\()|isdistinct|in|is|{_SEARCH}|{_PLAIN}|{_COMPARISON}"
)
_STARTS_CONDITION = re.compile(rf"not\.|in\.|is\.|{_OPERATOR.pattern}")
_IS_VALUE = re.compile("null|not_null|true|false|unknown", re.IGNORECASE)
_ELEMENT = re.compile("[^,)]*")
_ARRAY = re.compile(r"\{[^{}]*\}")
_END_OF_ELEMENT = re.compile(r"(?=[,)]|\Z)")


@lru_cache(maxsize=1024)
def order(text: str) -> tuple[OrderTerm, ...]:
    """Parse the value of `order`."""
    return parsed("order", text, lambda scanner: separated(scanner, _order_term))


def condition(text: str) -> Condition:
    """Parse the value of a filter."""
    return parsed("filter", text, lambda scanner: _condition(scanner, _rest))


def is_condition(text: str) -> bool:
    """Tell a filter from an argument among the parameters of a function called by GET."""
    return _STARTS_CONDITION.match(text) is not None


def logic(key: str, text: str) -> tuple[Path, Logic]:
    """Parse `[embed.][not.]and=(...)` and the same with `or`."""
    names = parsed("logic path", key, lambda scanner: separated(scanner, field_name, "."))
    negation = "not." if "not" in names else ""
    operator = negation + names[-1]
    tree = parsed("logic tree", text, lambda scanner: _logic(scanner, 0), prefix=operator)
    return tuple(name for name in names[:-1] if name != "not"), tree


def _rest(scanner: Scanner) -> str:
    value = scanner.text[scanner.position :]
    scanner.position = len(scanner.text)
    return value


def _order_term(scanner: Scanner) -> OrderTerm:
    scanner.spaces()
    term = scanner.attempt(_related_order_term) or _plain_order_term(scanner)
    scanner.spaces()
    return term


def _related_order_term(scanner: Scanner) -> OrderTerm:
    relation = field_name(scanner)
    scanner.expect("(")
    column = field(scanner)
    scanner.expect(")")
    return _with_direction(scanner, column, relation)


def _plain_order_term(scanner: Scanner) -> OrderTerm:
    return _with_direction(scanner, field(scanner), None)


def _with_direction(scanner: Scanner, column: Field, relation: str | None) -> OrderTerm:
    direction: Literal["asc", "desc"] | None = None
    if scanner.accept(".asc"):
        direction = "asc"
    elif scanner.accept(".desc"):
        direction = "desc"
    nulls: Literal["first", "last"] | None = None
    if scanner.accept(".nullsfirst"):
        nulls = "first"
    elif scanner.accept(".nullslast"):
        nulls = "last"
    if not (scanner.at_end() or scanner.peek(",")):
        _fail_order(scanner, has_direction=direction is not None, has_nulls=nulls is not None)
    return OrderTerm(column, relation, direction, nulls)


def _fail_order(scanner: Scanner, *, has_direction: bool, has_nulls: bool) -> None:
    ends = ('","', "end of input")
    if has_nulls:
        scanner.fail(*ends)
    if not scanner.accept("."):
        delimiter = ("delimiter (.)", *ends)
        names = () if has_direction else ("letter", "digit", '"-"', '"->>"', '"->"')
        scanner.fail(*names, *delimiter)
    words = ('"nullsfirst"', '"nullslast"')
    if has_direction:
        scanner.fail(*words, tried="nullsfirst")
    scanner.fail('"asc"', '"desc"', *words, tried="asc")


def _condition(scanner: Scanner, read_value: Callable[[Scanner], str]) -> Condition:
    negated = scanner.accept("not.")
    if scanner.accept("in."):
        return Condition("in", _list(scanner), negated)
    if scanner.accept("is."):
        word = scanner.match(_IS_VALUE)
        if word is None:
            scanner.fail("isVal: (null, not_null, true, false, unknown)")
        return Condition("is", (word.lower(),), negated)
    found = _OPERATOR.match(scanner.text, scanner.position)
    if found is None:
        _fail_operator(scanner, negated=negated)
    scanner.position = found.end()
    operator = found["search"] or found["plain"] or found["comparison"]
    modifier = found["language"] or found["quantifier"]
    return Condition(operator, (read_value(scanner),), negated, modifier and modifier.strip())


def _fail_operator(scanner: Scanner, *, negated: bool) -> NoReturn:
    if scanner.match(_KNOWN_OPERATOR) is None and not negated:
        scanner.fail('"not"', "operator (eq, gt, ...)", tried="not")
    scanner.accept("(")
    scanner.fail("operator (eq, gt, ...)")


def _list(scanner: Scanner) -> tuple[str, ...]:
    if not accept_lexeme(scanner, "("):
        scanner.fail('"("')
    values = [_element(scanner)]
    while scanner.accept(","):
        values.append(_element(scanner))
    if not accept_lexeme(scanner, ")"):
        scanner.fail('","', '")"')
    return tuple(values)


def _element(scanner: Scanner) -> str:
    start = scanner.position
    value = quoted(scanner)
    if value is not None and _END_OF_ELEMENT.match(scanner.text, scanner.position):
        return value
    scanner.position = start
    return scanner.match(_ELEMENT) or ""


def _value_in_logic(scanner: Scanner) -> str:
    start = scanner.position
    value = quoted(scanner)
    if value is not None and _END_OF_ELEMENT.match(scanner.text, scanner.position):
        return value
    scanner.position = start
    array = scanner.match(_ARRAY)
    return array if array is not None else scanner.match(_ELEMENT) or ""


def _logic(scanner: Scanner, depth: int) -> Logic:
    found = scanner.attempt(_filter_in_logic)
    if found is not None:
        return found
    negated = scanner.accept("not.")
    operator: Literal["and", "or"]
    if scanner.accept("and"):
        operator = "and"
    elif scanner.accept("or"):
        operator = "or"
    elif negated:
        scanner.fail("logic operator (and, or)")
    else:
        scanner.fail(FIELD_NAME, "negation operator (not)", "logic operator (and, or)")
    if depth >= MAX_DEPTH:
        scanner.fail("fewer nested conditions")
    if not accept_lexeme(scanner, "("):
        scanner.fail('"("')
    items = separated(scanner, lambda inner: _logic(inner, depth + 1))
    if not accept_lexeme(scanner, ")"):
        scanner.fail('","', '")"')
    return LogicTree(operator, negated, items)


def _filter_in_logic(scanner: Scanner) -> Filter:
    column = field(scanner)
    scanner.expect(".")
    return Filter(column, _condition(scanner, _value_in_logic))
