"""Decode the messages of Postgres' `pgoutput` plugin (protocol 1); knows bytes, not connections.

Protocol 1 sends a transaction when it has committed, whole and in commit order, so nothing that
comes out of here can be rolled back. Layout: "Logical Replication Message Formats" in the manual.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


class Unchanged:
    """The type of `UNCHANGED`: a large value that an update left alone, and the WAL leaves out."""


UNCHANGED: Final = Unchanged()

Value = str | None | Unchanged
Row = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Begin:
    """A committed transaction begins."""

    commit_lsn: int
    committed_at: datetime
    xid: int


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything of the transaction was sent."""

    end_lsn: int


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a relation, as it was when the change was made."""

    name: str
    type_oid: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """What a table looks like; sent before its first change and after each change of its shape."""

    oid: int
    schema: str
    table: str
    replica_identity: str
    """`d` default, `n` nothing, `f` full, `i` index."""
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Insert:
    """A row was inserted."""

    relation: int
    new: Row


@dataclass(frozen=True, slots=True)
class Update:
    """A row was updated; `old` is there under FULL, or when the identity's columns changed."""

    relation: int
    old: Row | None
    new: Row


@dataclass(frozen=True, slots=True)
class Delete:
    """A row was deleted; `old` carries the identity's columns, or all of them under FULL."""

    relation: int
    old: Row


Message = Begin | Commit | Relation | Insert | Update | Delete


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 1  # byte 0 is the message's kind

    def unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        values = layout.unpack_from(self._data, self._at)
        self._at += layout.size
        return values

    def byte(self) -> str:
        self._at += 1
        return chr(self._data[self._at - 1])

    def string(self) -> str:
        end = self._data.index(0, self._at)
        text = self._data[self._at : end].decode()
        self._at = end + 1
        return text

    def row(self) -> Row:
        (count,) = self.unpack(_COUNT)
        return tuple(self._value() for _ in range(count))

    def _value(self) -> Value:
        match self.byte():
            case "n":
                return None
            case "u":
                return UNCHANGED
            case _:  # "t": text; "b" is sent only to who asks for it
                (size,) = self.unpack(_INT)
                self._at += size
                return self._data[self._at - size : self._at].decode()


_BEGIN = struct.Struct("!qqI")
_COMMIT = struct.Struct("!bqqq")
_COUNT = struct.Struct("!h")
_INT = struct.Struct("!i")
_OID = struct.Struct("!I")
_COLUMN_TYPE = struct.Struct("!Ii")


def decode(data: bytes) -> Message | None:
    """Return one message, or None for the kinds that say nothing about rows."""
    reader = _Reader(data)
    match chr(data[0]):
        case "B":
            lsn, microseconds, xid = reader.unpack(_BEGIN)
            return Begin(lsn, _EPOCH + timedelta(microseconds=microseconds), xid)
        case "C":
            return Commit(end_lsn=reader.unpack(_COMMIT)[2])
        case "R":
            return _relation(reader)
        case "I" | "U" | "D" as kind:
            return _change(kind, reader)
        case _:
            return None


def _relation(reader: _Reader) -> Relation:
    (oid,) = reader.unpack(_OID)
    schema, table, identity = reader.string(), reader.string(), reader.byte()
    (count,) = reader.unpack(_COUNT)
    columns = tuple(_column(reader) for _ in range(count))
    return Relation(oid, schema or "pg_catalog", table, identity, columns)


def _column(reader: _Reader) -> Column:
    is_key = reader.byte() == "\x01"
    name = reader.string()
    type_oid, _ = reader.unpack(_COLUMN_TYPE)
    return Column(name, type_oid, is_key)


def _change(kind: str, reader: _Reader) -> Insert | Update | Delete:
    (relation,) = reader.unpack(_OID)
    part = reader.byte()
    if kind == "I":
        return Insert(relation, reader.row())
    if kind == "D":
        return Delete(relation, reader.row())
    old = reader.row() if part in "KO" else None
    if old is not None:
        reader.byte()  # "N": the new row follows
    return Update(relation, old, reader.row())
