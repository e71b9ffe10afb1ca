"""The query string of a request, parsed, and the window of rows that it asks for."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from romashka_local.rest import errors
from romashka_local.rest.grammar import Filter, Logic, OrderTerm, Path, Selected
from romashka_local.rest.parse_fields import columns, tree_path
from romashka_local.rest.parse_filters import condition, is_condition, logic, order
from romashka_local.rest.parse_select import select

_RESERVED = ("select", "columns", "on_conflict")
_RANGE = re.compile("([0-9]+)-([0-9]*)")
_NUMBER = re.compile(r"\s*-?[0-9]{1,30}\s*")


@dataclass(frozen=True, slots=True)
class Window:
    """The rows from `lower` to `upper`, both included; no `upper` means all that follow."""

    lower: int = 0
    upper: int | None = None

    @property
    def limit(self) -> int | None:
        return None if self.upper is None else self.upper - self.lower + 1

    @property
    def is_empty(self) -> bool:
        return self.upper is not None and self.upper < self.lower

    def intersect(self, other: "Window") -> "Window":
        uppers = [upper for upper in (self.upper, other.upper) if upper is not None]
        return Window(max(self.lower, other.lower), min(uppers, default=None))

    def at_most(self, rows: int | None) -> "Window":
        if rows is None or self.is_empty:
            return self
        return self.intersect(Window(self.lower, self.lower + rows - 1))


@dataclass(frozen=True, slots=True)
class Query:
    canonical: str
    """The parameters sorted by name, as `Content-Location` repeats them."""
    select: tuple[Selected, ...]
    filters: tuple[tuple[Path, Filter], ...]
    logic: tuple[tuple[Path, Logic], ...]
    orders: tuple[tuple[Path, tuple[OrderTerm, ...]], ...]
    windows: dict[Path, Window]
    columns: tuple[str, ...] | None
    on_conflict: tuple[str, ...] | None
    arguments: tuple[tuple[str, str], ...]
    """Of a function called by GET."""
    names: frozenset[str]
    """Of the parameters that are filters."""


def parse_query(text: str, *, has_arguments: bool = False) -> Query:
    """Parse a query string; with `has_arguments`, what is no filter is an argument.

    Raises:
        RestError: PGRST100, it does not parse.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=5000)
    except ValueError as error:
        raise errors.unparsable("too many parameters", "at most 5000 are read") from error
    by_kind: dict[str, list[tuple[str, str]]] = {}
    for key, value in pairs:
        by_kind.setdefault(_kind(key), []).append((key, value))
    first = {key: value for key, value in reversed(pairs) if key in _RESERVED}

    filters, arguments = [], []
    for key, value in by_kind.get("filter", ()):
        if has_arguments and not is_condition(value):
            arguments.append((key, value))
        else:
            path, field = tree_path(key)
            filters.append((path, Filter(field, condition(value))))
    return Query(
        canonical=urlencode(sorted(pairs, key=lambda pair: pair[0])),
        select=select(first.get("select", "*")),
        filters=tuple(filters),
        logic=tuple(logic(key, value) for key, value in by_kind.get("logic", ())),
        orders=tuple((tree_path(key)[0], order(value)) for key, value in by_kind.get("order", ())),
        windows=_windows(by_kind.get("limit", []), by_kind.get("offset", [])),
        columns=columns("columns", first["columns"]) if "columns" in first else None,
        on_conflict=(
            columns("on_conflict", first["on_conflict"]) if "on_conflict" in first else None
        ),
        arguments=tuple(arguments),
        names=frozenset(key for key, _ in by_kind.get("filter", ())),
    )


def _kind(key: str) -> str:
    if key in _RESERVED:
        return "reserved"
    last = key.rpartition(".")[2]
    if last in ("and", "or"):
        return "logic"
    return last if last in ("order", "limit", "offset") else "filter"


def _windows(limits: list[tuple[str, str]], offsets: list[tuple[str, str]]) -> dict[Path, Window]:
    """Return the window of each embed; what is not a number is not there."""
    by_path: dict[Path, dict[str, int]] = {}
    for kind, pairs in (("limit", limits), ("offset", offsets)):
        for key, value in pairs:
            if _NUMBER.fullmatch(value):
                by_path.setdefault(tree_path(key)[0], {})[kind] = int(value)
    return {path: _window(**numbers) for path, numbers in by_path.items()}


def _window(limit: int | None = None, offset: int = 0) -> Window:
    return Window(max(offset, 0), None if limit is None else offset + limit - 1)


def top_window(query: Query, range_header: str | None) -> Window:
    """Return the rows that are asked for at the root, by `limit`, `offset` and `Range`.

    Raises:
        RestError: PGRST103, there can be no such rows.
    """
    asked = query.windows.get((), Window())
    header = _from_header(range_header)
    if asked.upper == -1:  # limit=0 is the one empty window that is no mistake
        return Window(0, -1)
    window = asked.intersect(header)
    if header.is_empty:
        raise errors.bad_range(
            "The lower boundary must be lower than or equal to the upper boundary in the Range"
            " header."
        )
    if window.is_empty:
        raise errors.bad_range("Limit should be greater than or equal to zero.")
    return window


def _from_header(header: str | None) -> Window:
    found = _RANGE.fullmatch(header[:60]) if header else None
    if found is None:
        return Window()
    return Window(int(found[1]), int(found[2]) if found[2] else None)
