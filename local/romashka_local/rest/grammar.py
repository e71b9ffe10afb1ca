"""What the query string of a request says, once parsed: fields, filters, orders, selected items."""

from dataclasses import dataclass
from typing import Literal

Path = tuple[str, ...]
"""The names of the embeds that lead from the root of a request to the one that is meant."""


@dataclass(frozen=True, slots=True)
class JsonStep:
    """One `->` or `->>` into a JSON value; a step by position has its number as text."""

    as_text: bool
    key: str
    is_index: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    json_path: tuple[JsonStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """`[not.]op[(modifier)].value`; `in` has many values, the others one."""

    operator: str
    values: tuple[str, ...]
    negated: bool = False
    modifier: str | None = None
    """`any` or `all` of a comparison, the language of a text search."""


@dataclass(frozen=True, slots=True)
class Filter:
    field: Field
    condition: Condition


@dataclass(frozen=True, slots=True)
class LogicTree:
    operator: Literal["and", "or"]
    negated: bool
    items: "tuple[Filter | LogicTree, ...]"


Logic = Filter | LogicTree


@dataclass(frozen=True, slots=True)
class OrderTerm:
    field: Field
    relation: str | None = None
    direction: Literal["asc", "desc"] | None = None
    nulls: Literal["first", "last"] | None = None


@dataclass(frozen=True, slots=True)
class SelectedField:
    field: Field
    alias: str | None = None
    cast: str | None = None
    aggregate: str | None = None
    aggregate_cast: str | None = None


@dataclass(frozen=True, slots=True)
class SelectedRelation:
    name: str
    items: "tuple[SelectedField | SelectedRelation, ...]"
    alias: str | None = None
    hint: str | None = None
    join: Literal["left", "inner"] | None = None
    is_spread: bool = False


Selected = SelectedField | SelectedRelation
