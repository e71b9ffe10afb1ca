"""One committed change of one row, made of what the WAL says; pure."""

from dataclasses import dataclass
from typing import Literal

from romashka_local.realtime.pgoutput import Begin, Delete, Insert, Relation, Row, Unchanged, Update

Kind = Literal["INSERT", "UPDATE", "DELETE"]

Values = dict[str, str | None]
"""A row's columns as text; one that the WAL left out is not there."""


@dataclass(frozen=True, slots=True)
class Change:
    """A row that was inserted, updated or deleted."""

    relation: Relation
    kind: Kind
    new: Values
    """Empty for a delete."""
    old: Values
    """As far as the replica identity carries it; empty for an insert."""
    size: int
    """The bytes that the WAL took for it."""
    begin: Begin
    """The transaction that it belongs to."""


def change_of(
    message: Insert | Update | Delete, relation: Relation, begin: Begin, size: int
) -> Change:
    """Return the change that a message of the WAL tells of."""
    match message:
        case Insert(new=new):
            return Change(relation, "INSERT", _values(relation, new), {}, size, begin)
        case Delete(old=old):
            return Change(relation, "DELETE", {}, _identity(relation, old), size, begin)
        case Update(old=old, new=new):
            # When the identity did not change, the WAL does not repeat it.
            identity = _identity(relation, old if old is not None else new)
            return Change(relation, "UPDATE", _values(relation, new), identity, size, begin)


def _values(relation: Relation, row: Row) -> Values:
    return {
        column.name: value
        for column, value in zip(relation.columns, row, strict=True)
        if not isinstance(value, Unchanged)
    }


def _identity(relation: Relation, row: Row) -> Values:
    values = _values(relation, row)
    if relation.replica_identity == "f":
        return values
    keys = {column.name for column in relation.columns if column.is_key}
    return {name: value for name, value in values.items() if name in keys}
