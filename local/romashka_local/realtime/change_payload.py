"""The `data` of a `postgres_changes` message, for one role and one selection of columns."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Final

from romashka_local.realtime.change import Change
from romashka_local.realtime.protocol import to_json
from romashka_local.realtime.rows import Column, ConvertedRow, Table

_MAX_BYTES: Final = 1024 * 1024
_SMALL_BYTES: Final = 64
_TOO_LARGE: Final = "Error 413: Payload Too Large"


def error_payload(change: Change, error: str) -> str:
    """Return the JSON that a role gets in place of a row that it may not be told of."""
    records = {"INSERT": ["record"], "UPDATE": ["record", "old_record"], "DELETE": ["old_record"]}
    members = dict.fromkeys(records[change.kind], "{}")
    return _object(
        _head(change)
        | {"commit_timestamp": "null", "columns": "[]", "errors": to_json([error])}
        | members
    )


def row_payload(
    change: Change,
    table: Table,
    new: ConvertedRow,
    old: ConvertedRow,
    role: str,
    select: Collection[str] | None,
) -> str:
    """Return the JSON that `role` gets, with the columns of `select` (None: all) and the key."""
    is_large = change.size > _MAX_BYTES
    shown = [
        column
        for column in table.columns
        if role in column.readers and (select is None or column.name in select or column.is_key)
    ]
    members = _head(change) | {
        "commit_timestamp": to_json(_timestamp(change.begin.committed_at)),
        "columns": to_json([{"name": c.name, "type": c.type_name} for c in shown]),
        "errors": to_json([_TOO_LARGE]) if is_large else "null",
    }
    if change.kind != "DELETE":
        # A large value that an update left alone is in the WAL only under full identity.
        members["record"] = _record(shown, {**old.values, **new.values}, is_large)
    if change.kind == "DELETE" and table.has_rls:
        shown = [column for column in shown if column.is_key]
    if change.kind != "INSERT":
        members["old_record"] = _record(shown, old.values, is_large)
    return _object(members)


def _head(change: Change) -> dict[str, str]:
    return {
        "schema": to_json(change.relation.schema),
        "table": to_json(change.relation.table),
        "type": to_json(change.kind),
    }


def _record(columns: Collection[Column], values: Mapping[str, str], is_large: bool) -> str:
    return _object(
        {
            column.name: values[column.name]
            for column in columns
            if column.name in values
            and not (is_large and len(values[column.name].encode()) > _SMALL_BYTES)
        }
    )


def _object(members: Mapping[str, str]) -> str:
    """Return the object of members whose values are JSON already."""
    return "{" + ",".join(f"{to_json(name)}:{value}" for name, value in members.items()) + "}"


def _timestamp(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
