"""Follow the WAL for as long as the server runs, and hand on what commits.

One slot serves the users' publication and that of `realtime.messages`. When the stream ends
(Postgres restarted, a publication vanished) a new one is opened: what committed in between is not
seen by anybody, so every subscriber to changes is told by subscribing it again.
"""

import asyncio
import itertools
import logging
from typing import Final

import psycopg
from psycopg_pool import PoolTimeout

from romashka_local.realtime.broadcast import broadcast_inserted, is_messages
from romashka_local.realtime.change import change_of
from romashka_local.realtime.changes import ChangeFeed
from romashka_local.realtime.database import Pool
from romashka_local.realtime.hub import Hub
from romashka_local.realtime.pgoutput import (
    Begin,
    Delete,
    Insert,
    Relation,
    Update,
    decode,
)
from romashka_local.realtime.subscriptions import PUBLICATION, Subscriptions
from romashka_local.realtime.wal import WalStream, open_stream

_log = logging.getLogger("romashka.local.realtime")

MESSAGES_PUBLICATION: Final = "supabase_realtime_messages_publication"
_WATCH_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.5
_MESSAGES_A_TURN: Final = 64

_EXISTING = "select pubname::text from pg_publication where pubname = any(%s)"
_TABLES = "select schemaname, tablename from pg_publication_tables where pubname = %s"


class _PublicationsChanged(Exception):
    """The stream names publications that are not those that exist."""


class Replication:
    """The stream of committed changes, reopened whenever it ends."""

    def __init__(
        self, url: str, pool: Pool, hub: Hub, feed: ChangeFeed, subscriptions: Subscriptions
    ) -> None:
        self._url = url
        self._pool = pool
        self._hub = hub
        self._feed = feed
        self._subscriptions = subscriptions
        self._tables: frozenset[tuple[str, str]] = frozenset()
        self.is_live = asyncio.Event()
        """Set while a commit from now on is seen."""

    async def run(self) -> None:
        """Stream for ever."""
        while True:
            try:
                names, self._tables = await self._published()
                async with open_stream(self._url, names) as stream, asyncio.TaskGroup() as tasks:
                    tasks.create_task(stream.confirm_regularly())
                    tasks.create_task(self._watch(names))
                    tasks.create_task(self._consume(stream))
                    self.is_live.set()
                    for subscriber in self._subscriptions.subscribers():
                        subscriber.resubscribe()
            except* _PublicationsChanged:
                _log.info("wal.publications_changed")
            except* (psycopg.Error, PoolTimeout) as group:
                _log.warning("wal.interrupted", extra={"reason": str(group.exceptions[0])})
            finally:
                self.is_live.clear()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _published(self) -> tuple[tuple[str, ...], frozenset[tuple[str, str]]]:
        """Return the publications to stream and the tables of the users' one."""
        names = [PUBLICATION, MESSAGES_PUBLICATION]
        async with self._pool.connection() as connection:
            existing = [
                row[0] for row in await (await connection.execute(_EXISTING, [names])).fetchall()
            ]
            if MESSAGES_PUBLICATION not in existing:
                await connection.execute(
                    f"create publication {MESSAGES_PUBLICATION} for table realtime.messages"
                )
                existing.append(MESSAGES_PUBLICATION)
            tables = await (await connection.execute(_TABLES, [PUBLICATION])).fetchall()
            # Until PostgreSQL 18 a publication that does not exist ends the stream.
            streamed = names if connection.info.server_version >= 180000 else sorted(existing)
        return tuple(streamed), frozenset((schema, table) for schema, table in tables)

    async def _watch(self, names: tuple[str, ...]) -> None:
        """Notice when migrations change the publications."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            try:
                current, tables = await self._published()
            except (psycopg.Error, PoolTimeout):
                continue  # the stream itself tells whether Postgres lives
            if current != names:
                raise _PublicationsChanged
            changed, self._tables = self._tables ^ tables, tables
            for subscriber in self._subscriptions.concerned_by(changed, tables):
                subscriber.resubscribe()

    async def _consume(self, stream: WalStream) -> None:
        relations: dict[int, Relation] = {}
        begin: Begin | None = None
        for count in itertools.count(1):
            data = await stream.read()
            match message := decode(data):
                case Begin():
                    begin = message
                case Relation():
                    relations[message.oid] = message
                case Insert() | Update() | Delete() if begin is not None:
                    relation = relations[message.relation]
                    await self._hand_on(message, relation, begin, len(data))
            if count % _MESSAGES_A_TURN == 0:
                await asyncio.sleep(0)  # a huge transaction must not keep the others waiting

    async def _hand_on(
        self, message: Insert | Update | Delete, relation: Relation, begin: Begin, size: int
    ) -> None:
        if is_messages(relation):
            if isinstance(message, Insert):
                broadcast_inserted(self._hub, change_of(message, relation, begin, size))
        elif self._feed.concerns_somebody(relation):
            await self._feed.put(change_of(message, relation, begin, size))
