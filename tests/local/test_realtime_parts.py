"""Parts of the Realtime server that need no socket: what the WAL says, partitions, the outbox."""

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from romashka_local.realtime import open_realtime
from romashka_local.realtime.change import change_of
from romashka_local.realtime.outbox import Outbox, OutboxClosed
from romashka_local.realtime.pgoutput import (
    UNCHANGED,
    Begin,
    Column,
    Commit,
    Delete,
    Insert,
    Relation,
    Update,
    decode,
)

from tests.support.servers import config_for

NOTES = Relation(16, "public", "notes", "d", (Column("id", 23, True), Column("body", 25, False)))
BEGIN = Begin(1, datetime(2026, 1, 1, tzinfo=UTC), 7)


def _row(*values: str | None) -> bytes:
    parts = [struct.pack("!h", len(values))]
    for value in values:
        text = (value or "").encode()
        if value is None:
            parts.append(b"n")
        elif value == "<unchanged>":
            parts.append(b"u")
        else:
            parts.append(b"t" + struct.pack("!i", len(text)) + text)
    return b"".join(parts)


def test_messages_of_the_wal_are_decoded() -> None:
    """Everything that subscribers see begins as these bytes."""
    head = struct.pack("!I", 16)
    relation = b"R" + head + b"public\x00notes\x00d" + struct.pack("!h", 2)
    relation += (
        b"\x01id\x00" + struct.pack("!Ii", 23, -1) + b"\x00body\x00" + struct.pack("!Ii", 25, -1)
    )
    microseconds = (
        int((BEGIN.committed_at - datetime(2000, 1, 1, tzinfo=UTC)).total_seconds()) * 10**6
    )

    assert decode(b"B" + struct.pack("!qqI", 1, microseconds, 7)) == BEGIN
    assert decode(b"C\x00" + struct.pack("!qqq", 1, 2, 3)) == Commit(2)
    assert decode(relation) == NOTES
    assert decode(b"I" + head + b"N" + _row("1", "ö")) == Insert(16, ("1", "ö"))
    assert decode(b"U" + head + b"N" + _row("1", "<unchanged>")) == Update(
        16, None, ("1", UNCHANGED)
    )
    assert decode(b"U" + head + b"K" + _row("1", None) + b"N" + _row("2", None)) == Update(
        16, ("1", None), ("2", None)
    )
    assert decode(b"D" + head + b"K" + _row("1", None)) == Delete(16, ("1", None))
    assert decode(b"T" + head) is None


def test_an_old_row_has_only_what_the_identity_carries() -> None:
    """A null that the WAL puts for every other column would look like a value."""
    deleted = change_of(Delete(16, ("1", None)), NOTES, BEGIN, 9)
    updated = change_of(Update(16, None, ("1", UNCHANGED)), NOTES, BEGIN, 9)

    assert deleted.old == {"id": "1"}
    assert (updated.new, updated.old) == ({"id": "1"}, {"id": "1"})


async def test_an_outbox_gives_up_on_who_does_not_read() -> None:
    """Otherwise one frozen tab fills the server's memory."""
    outbox = Outbox()
    for _ in range(17):
        outbox.put("x" * 1024 * 1024)

    assert outbox.has_overflown
    with pytest.raises(OutboxClosed):
        await outbox.take()


async def test_a_closed_outbox_still_sends_what_was_put() -> None:
    """The goodbye is put right before closing."""
    outbox = Outbox()
    outbox.put("goodbye")
    outbox.close()
    outbox.put("too late")

    assert await outbox.take() == "goodbye"
    with pytest.raises(OutboxClosed):
        await outbox.take()


async def test_partitions_are_made_for_the_days_to_come_and_dropped_after_three(
    bare_db: str, tmp_path: Path
) -> None:
    """Without today's partition no broadcast can be stored; without dropping, disks fill."""
    today = datetime.now(UTC).date()

    def name(days: int) -> str:
        return f"messages_{today + timedelta(days=days):%Y_%m_%d}"

    with psycopg.connect(bare_db.replace("postgres:", "supabase_admin:", 1), autocommit=True) as db:
        db.execute(f"drop table realtime.{name(2)}")
        start, end = today - timedelta(days=9), today - timedelta(days=8)
        db.execute(
            f"create table realtime.{name(-9)} partition of realtime.messages"
            f" for values from ('{start}') to ('{end}')"
        )
        async with open_realtime(config_for(bare_db, tmp_path)):
            pass
        rows = db.execute(
            "select c.relname from pg_inherits join pg_class as c on c.oid = inhrelid"
            " where inhparent = 'realtime.messages'::regclass"
        ).fetchall()

    kept = {row[0] for row in rows}
    assert {name(days) for days in range(-1, 4)} <= kept  # one more if midnight passed meanwhile
    assert name(-9) not in kept


async def test_no_slot_is_left_behind(
    bare_db: str, tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    """A slot that stays keeps the WAL for ever, until the disk is full."""
    async with open_realtime(config_for(bare_db, tmp_path)):
        pass

    with psycopg.connect(bare_db.replace("postgres:", "supabase_admin:", 1), autocommit=True) as db:
        query = "select count(*) from pg_replication_slots where database = current_database()"
        eventually(lambda: db.execute(query).fetchone() == (0,))
