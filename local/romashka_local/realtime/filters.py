"""What one `postgres_changes` object asks for: parse it, and turn its filters into SQL.

The grammar and the messages are those of the original's `subscriptions.ex`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_OPERATORS = {
    "eq": "=", "neq": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "in": "= any",
    "like": "~~", "ilike": "~~*", "match": "~", "imatch": "~*",
    "is": "is", "isdistinct": "is distinct from",
}  # fmt: skip
KEYWORDS = {"null": "null", "true": "true", "false": "false", "unknown": "unknown"}
_EVENTS = ("INSERT", "UPDATE", "DELETE")


class BadParameters(Exception):
    """A subscription that cannot be made; the message is for the client, retrying is no use."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on a column."""

    column: str
    operator: str
    value: str
    is_negated: bool

    def condition(self, left: str, right: str, type_name: str) -> str:
        """Return the SQL that compares two text expressions as values of `type_name`."""
        if self.operator == "is":
            operand = KEYWORDS[self.value]
        else:
            suffix = "[]" if self.operator == "in" else ""
            operand = f"(({right})::{type_name}{suffix})"
        comparison = f"({left})::{type_name} {_OPERATORS[self.operator]} {operand}"
        return f"coalesce({'not ' if self.is_negated else ''}({comparison}), false)"

    def __str__(self) -> str:
        negated = "true" if self.is_negated else "false"
        return f'{{"{self.column}", "{self.operator}", "{self.value}", {negated}}}'


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """Which changes a subscription wants; `*` stands for all."""

    event: str
    schema: str
    table: str
    filters: tuple[Filter, ...]
    select: tuple[str, ...] | None

    def matches(self, schema: str, table: str) -> bool:
        """Say whether the request is for this table."""
        return self.schema in (schema, "*") and self.table in (table, "*")

    def __str__(self) -> str:
        filters = ", ".join(map(str, self.filters))
        select = (
            "nil" if self.select is None else "[" + ", ".join(f'"{c}"' for c in self.select) + "]"
        )
        return (
            f"event: {self.event}, schema: {self.schema}, table: {self.table}, "
            f"filters: [{filters}], select: {select}"
        )


def parse_request(params: Mapping[str, Any]) -> ChangeRequest:
    """Return what `params` asks for.

    Raises:
        BadParameters: it makes no sense.
    """
    select = _parse_select(params.get("select"))
    schema, table, text = _names(params)
    if select is not None and "*" in (schema, table):
        raise BadParameters(
            "Column selection is not supported for wildcard subscriptions. "
            "Provide an explicit schema and table name."
        )
    return ChangeRequest(_event(params.get("event")), schema, table, _filters(text), select)


def _event(event: Any) -> str:
    name = event.upper() if isinstance(event, str) else "*"
    return name if name in _EVENTS else "*"


def _names(params: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return schema, table and filter. Clients send absent members as null, too."""
    given = {
        name: params[name] for name in ("schema", "table", "filter") if params.get(name) is not None
    }
    is_text = all(isinstance(value, str) for value in given.values())
    if not is_text or not ("schema" in given or "table" in given):
        shown = ", ".join(f'"{name}" => {value!r}' for name, value in given.items())
        raise BadParameters(
            "No subscription params provided. Please provide at least a `schema` or `table` "
            f"to subscribe to: %{{{shown}}}"
        )
    return given.get("schema", "public"), given.get("table", "*"), given.get("filter", "")


def _parse_select(select: Any) -> tuple[str, ...] | None:
    if isinstance(select, str):
        raise BadParameters(
            "Error parsing `select` params: expected a list of column name strings, "
            'e.g. select: ["col1", "col2"]'
        )
    if not isinstance(select, list):
        return None
    names = {name for name in select if isinstance(name, str)}
    return tuple(sorted(names)) or None


def _filters(text: str) -> tuple[Filter, ...]:
    if not text.strip():
        return ()
    try:
        return tuple(_parse_filter(segment.strip()) for segment in _split(text.strip()))
    except ValueError as error:
        raise BadParameters(f"Error parsing `filter` params: {error}") from error


def _split(text: str) -> list[str]:
    """Split at the commas that are in no parentheses and no double quotes."""
    segments, start, depth, previous, is_quoted, at = [], 0, 0, "", False, 0
    while at < len(text):
        char = text[at]
        if is_quoted:
            at += char == "\\"
            is_quoted = char != '"'
        elif char == '"' and previous in (".", "(", ","):
            is_quoted = True
        elif char == "," and depth == 0:
            segments.append(text[start:at])
            start, char = at + 1, ""
        else:
            depth = max(0, depth + (char == "(") - (char == ")"))
        previous, at = char, at + 1
    return [*segments, text[start:]]


def _parse_filter(segment: str) -> Filter:
    if not segment:
        raise ValueError("filter must not contain empty segments (check for extra commas)")
    column, equals, rest = segment.partition("=")
    if not equals:
        raise ValueError(f'["{segment}"]')
    is_negated = rest.startswith("not.")
    operator, dot, value = rest.removeprefix("not.").partition(".")
    if not dot:
        raise ValueError(f'["{operator}"]')
    if operator not in _OPERATORS:
        raise ValueError(f'["{operator}", "{value}"]')
    return Filter(column, operator, _filter_value(operator, value), is_negated)


def _filter_value(operator: str, value: str) -> str:
    if operator != "in":
        return _unquote(value)
    if len(value) < 2 or value[0] != "(" or value[-1] != ")":
        raise ValueError("`in` filter value must be wrapped by parentheses")
    return "{" + value[1:-1] + "}"


def _unquote(value: str) -> str:
    """Return what a value wholly in double quotes holds; any other value is itself."""
    if not value.startswith('"'):
        return value
    chars: list[str] = []
    at = 1
    while at < len(value):
        if value[at] == '"':
            return "".join(chars) if at == len(value) - 1 else value
        at += value[at] == "\\" and at + 1 < len(value)
        chars.append(value[at])
        at += 1
    return value
