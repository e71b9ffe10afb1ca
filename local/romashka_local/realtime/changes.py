"""Deliver changed rows to `postgres_changes` subscribers: match, check access, build the payload.

Changes go through in commit order, many at a time when many wait: one question to the database
serves all of them. What is wrong with one row or one policy never holds up the others.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import psycopg
from psycopg_pool import PoolTimeout

from romashka_local.realtime.change import Change, Kind
from romashka_local.realtime.change_payload import error_payload, row_payload
from romashka_local.realtime.database import Connection, Pool
from romashka_local.realtime.filters import Filter
from romashka_local.realtime.pgoutput import Relation
from romashka_local.realtime.protocol import Frame, Version, push
from romashka_local.realtime.rate_limit import RateLimit
from romashka_local.realtime.rows import (
    Claims,
    ConvertedRow,
    Table,
    TableCache,
    convert,
    visible,
)
from romashka_local.realtime.subscriptions import Subscriber, Subscription, Subscriptions

_log = logging.getLogger("romashka.local.realtime")

_BATCH: Final = 100
_PAIRS_A_QUERY: Final = 5_000
_MAX_WAITING_BYTES: Final = 16 * 1024 * 1024


class ChangeFeed:
    """The changes that wait to be delivered, and the task that delivers them."""

    def __init__(self, pool: Pool, subscriptions: Subscriptions, limit: RateLimit) -> None:
        """`limit` is of what goes out; over it, changes are lost."""
        self._pool = pool
        self._subscriptions = subscriptions
        self._limit = limit
        self._tables = TableCache()
        self._waiting: deque[Change] = deque()
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._has_room = asyncio.Event()

    def concerns_somebody(self, relation: Relation) -> bool:
        """Say whether anybody listens to this table at all."""
        return any(self._subscriptions.of_table(relation.schema, relation.table))

    async def put(self, change: Change) -> None:
        """Add a change; waits while too many bytes wait already."""
        while self._waiting_bytes > _MAX_WAITING_BYTES:
            self._has_room.clear()
            await self._has_room.wait()
        self._waiting.append(change)
        self._waiting_bytes += change.size
        self._arrived.set()

    async def run(self) -> None:
        """Deliver what is put, for ever."""
        while True:
            await self._arrived.wait()
            batch = self._take()
            if not self._limit.is_exceeded:
                await self._deliver(batch)

    def _take(self) -> list[Change]:
        """Return the next changes that belong to one table."""
        first = self._waiting[0]
        batch: list[Change] = []
        while self._waiting and len(batch) < _BATCH:
            if self._waiting[0].relation is not first.relation:
                break
            batch.append(self._waiting.popleft())
        self._waiting_bytes -= sum(change.size for change in batch)
        self._has_room.set()
        if not self._waiting:
            self._arrived.clear()
        return batch

    async def _deliver(self, batch: Sequence[Change]) -> None:
        """Deliver a batch; when it fails, each of its changes alone: one bad row costs itself."""
        try:
            await self._deliver_together(batch)
        except (psycopg.Error, PoolTimeout):  # nothing was sent yet
            for change in batch:
                await self._deliver_alone(change)

    async def _deliver_alone(self, change: Change) -> None:
        try:
            await self._deliver_together([change])
        except (psycopg.Error, PoolTimeout) as error:
            table, reason = change.relation.table, type(error).__name__
            _log.error("change.lost", extra={"table": table, "reason": reason})

    async def _deliver_together(self, batch: Sequence[Change]) -> None:
        async with self._pool.connection() as connection:
            delivery = _Delivery(connection, self._tables, self._subscriptions, batch)
            self._limit.add(await delivery.run())


class _Delivery:
    """One batch of changes of one table, on its way to its subscribers."""

    def __init__(
        self,
        connection: Connection,
        tables: TableCache,
        subscriptions: Subscriptions,
        changes: Sequence[Change],
    ) -> None:
        self._connection = connection
        self._tables = tables
        self._changes = changes
        relation = changes[0].relation
        concerned = list(subscriptions.of_table(relation.schema, relation.table))
        self._candidates = [_candidates(change, concerned) for change in changes]
        self._relation = relation

    async def run(self) -> int:
        """Deliver them, and return how often."""
        everyone = [s for candidates in self._candidates for s in candidates]
        if not everyone:
            return 0
        roles = frozenset(subscription.who.role for subscription in everyone)
        table = await self._tables.get(self._connection, self._relation, roles)
        if table is None:
            return 0
        filters = list(dict.fromkeys(f for s in everyone for f in s.request.filters))
        new, old = await self._convert(table, filters)
        allowed = await self._allowed(table, new, old)
        for number, change in enumerate(self._changes):
            _send(change, table, new[number], old[number], allowed[number])
        return sum(map(len, allowed))

    async def _convert(
        self, table: Table, filters: Sequence[Filter]
    ) -> tuple[list[ConvertedRow], list[ConvertedRow]]:
        rows = [change.new for change in self._changes] + [change.old for change in self._changes]
        converted = await convert(self._connection, table, rows, filters)
        count = len(self._changes)
        return converted[:count], converted[count:]

    async def _allowed(
        self, table: Table, new: Sequence[ConvertedRow], old: Sequence[ConvertedRow]
    ) -> list[list[Subscription]]:
        """Return for each change the subscriptions that get something: the row, or an error."""
        allowed = []
        pairs: dict[tuple[int, Claims], None] = {}
        for number, (change, candidates) in enumerate(
            zip(self._changes, self._candidates, strict=True)
        ):
            row = old[number] if change.kind == "DELETE" else new[number]
            failing = {s.who.role for s in candidates if _error(table, change, s.who.role)}
            kept = [s for s in candidates if s.who.role in failing or _passes(s, row)]
            allowed.append(kept)
            if table.has_rls and change.kind != "DELETE":
                pairs |= {(number, s.who): None for s in kept if s.who.role not in failing}
        if not pairs:
            return allowed
        seen = await self._visible(table, list(pairs))
        return [
            [s for s in kept if (number, s.who) in seen or (number, s.who) not in pairs]
            for number, kept in enumerate(allowed)
        ]

    async def _visible(
        self, table: Table, pairs: list[tuple[int, Claims]]
    ) -> set[tuple[int, Claims]]:
        xids = {change.begin.xid for change in self._changes}
        rows = [change.new for change in self._changes]
        seen: set[tuple[int, Claims]] = set()
        for start in range(0, len(pairs), _PAIRS_A_QUERY):
            part = pairs[start : start + _PAIRS_A_QUERY]
            seen |= await visible(self._connection, table, rows, part, xids)
        return seen


def _candidates(change: Change, concerned: Iterable[Subscription]) -> list[Subscription]:
    return [
        subscription
        for subscription in concerned
        if subscription.request.event in ("*", change.kind)
        and change.begin.commit_lsn >= subscription.floor_lsn
    ]


def _passes(subscription: Subscription, row: ConvertedRow) -> bool:
    return all(condition in row.passed for condition in subscription.request.filters)


def _error(table: Table, change: Change, role: str) -> str | None:
    """Return why `role` gets an error in place of the row."""
    if change.kind == "DELETE":
        return None
    if not table.keys:
        return "Error 400: Bad Request, no primary key"
    if not all(role in key.readers for key in table.keys):
        return "Error 401: Unauthorized"
    return None


def _send(
    change: Change,
    table: Table,
    new: ConvertedRow,
    old: ConvertedRow,
    subscriptions: Sequence[Subscription],
) -> None:
    """Send one change: to each subscriber one frame for each selection of columns."""
    groups: dict[tuple[str, tuple[str, ...] | None], dict[Subscriber, list[int]]] = {}
    for s in subscriptions:
        subscribers = groups.setdefault((s.who.role, s.request.select), {})
        subscribers.setdefault(s.subscriber, []).append(s.id)
    for (role, select), subscribers in groups.items():
        error = _error(table, change, role)
        if error is not None:
            data = error_payload(change, error)
        else:
            data = row_payload(change, table, new, old, role, select)
        _send_group(subscribers, data, change.kind)


def _send_group(subscribers: Mapping[Subscriber, Sequence[int]], data: str, kind: Kind) -> None:
    """Send the same data; subscribers whose frames agree share one."""
    frames: dict[tuple[Version, str, bool, tuple[int, ...]], Frame] = {}
    for subscriber, ids in subscribers.items():
        name, is_old = subscriber.topic_name, subscriber.has_old_form
        key = (subscriber.version, name, is_old, tuple(dict.fromkeys(ids)))
        if key not in frames:
            frames[key] = _frame(*key, data, kind)
        subscriber.send(frames[key])


def _frame(
    version: Version, name: str, is_old: bool, ids: Sequence[int], data: str, kind: Kind
) -> Frame:
    if is_old:
        return push(version, f"realtime:{name}", kind, data)
    payload = f'{{"ids":[{",".join(map(str, ids))}],"data":{data}}}'
    return push(version, f"realtime:{name}", "postgres_changes", payload)
