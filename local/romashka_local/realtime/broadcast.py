"""Broadcasts on their way to the hub: from a member, from the database, and replayed."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg_pool import PoolTimeout

from romashka_local.realtime.change import Change, Values
from romashka_local.realtime.database import Pool
from romashka_local.realtime.hub import Hub, Member, Topic
from romashka_local.realtime.join import Replay
from romashka_local.realtime.pgoutput import Relation
from romashka_local.realtime.protocol import (
    BinaryBroadcast,
    Frame,
    Version,
    broadcast_payload,
    push,
    to_json,
    user_broadcast,
)

_log = logging.getLogger("romashka.local.realtime")

MAX_PAYLOAD_BYTES: Final = 3_000_500

_STORED = """
select id::text, event, payload::text, binary_payload
from realtime.messages
where topic = %(topic)s and private and extension = 'broadcast'
  and inserted_at >= %(since)s and inserted_at < %(until)s
order by inserted_at desc
limit %(limit)s
"""


class ReplayFailed(Exception):
    """The stored messages could not be read."""


@dataclass(frozen=True, slots=True)
class StoredBroadcast:
    """A broadcast that the database sent earlier."""

    id: str
    content: BinaryBroadcast

    def frame(self, version: Version, topic: Topic, join_ref: object) -> Frame | None:
        """Return the frame that replays it; version 1 has none for raw bytes."""
        meta = f'{{"id":"{self.id}","replayed":true}}'
        if not self.content.is_json:
            return user_broadcast(version, topic.full_name, self.content, meta)
        payload = broadcast_payload(self.content, meta)
        return push(version, topic.full_name, "broadcast", payload, join_ref)


def broadcast_from_socket(
    hub: Hub, topic: Topic, content: Mapping[str, Any] | BinaryBroadcast, sender: Member | None
) -> bool:
    """Hand on what a member broadcasts, to all but `sender`; False if it is too large."""
    if isinstance(content, BinaryBroadcast):
        if len(content.data) > MAX_PAYLOAD_BYTES:
            return False
        hub.broadcast(topic, content, sender=sender)
    else:
        payload = to_json(content)
        if len(payload) > MAX_PAYLOAD_BYTES:
            return False
        hub.broadcast_json(topic, payload, sender=sender)
    return True


def is_messages(relation: Relation) -> bool:
    """Say whether a relation is `realtime.messages` or one of its partitions."""
    return relation.schema == "realtime" and relation.table.startswith("messages")


async def broadcast_inserted(hub: Hub, change: Change) -> None:
    """Hand on the broadcast that a new row of `realtime.messages` is; no right is asked again."""
    if change.kind != "INSERT":
        return
    row = change.new
    topic, event, message_id = row.get("topic"), row.get("event"), row.get("id")
    content = None if event is None else _content(event, row)
    if topic is None or message_id is None or row.get("private") is None or content is None:
        return  # a row that is no broadcast
    if len(content.data) > MAX_PAYLOAD_BYTES:
        _log.warning("broadcast.too_large", extra={"bytes": len(content.data)})
        return
    if not hub.limit.is_exceeded:  # else it is lost, as in the original
        hub.broadcast(Topic(topic, row["private"] == "t"), content, message_id=message_id)


def _content(event: str, row: Values) -> BinaryBroadcast | None:
    binary, payload = row.get("binary_payload"), row.get("payload")
    if binary is not None:
        return BinaryBroadcast(event, bytes.fromhex(binary.removeprefix("\\x")), is_json=False)
    if payload is not None:
        return BinaryBroadcast(event, payload.encode(), is_json=True)
    return None


async def read_stored(pool: Pool, topic: str, replay: Replay) -> list[StoredBroadcast]:
    """Return the newest broadcasts of a private topic since a moment, oldest first.

    Raises:
        ReplayFailed: the database does not answer.
    """
    epoch = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    parameters = {
        "topic": topic,
        "since": epoch + timedelta(milliseconds=replay.since_ms),
        "until": datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=1),
        "limit": replay.limit,
    }
    try:
        async with pool.connection() as connection:
            rows = await (await connection.execute(_STORED, parameters)).fetchall()
    except (psycopg.Error, PoolTimeout) as error:
        raise ReplayFailed from error
    return [_stored(*row) for row in reversed(rows)]


def _stored(
    message_id: str, event: str | None, payload: str | None, binary: bytes | None
) -> StoredBroadcast:
    if binary is not None:
        return StoredBroadcast(message_id, BinaryBroadcast(event or "", binary, is_json=False))
    return StoredBroadcast(
        message_id, BinaryBroadcast(event or "", (payload or "null").encode(), is_json=True)
    )
