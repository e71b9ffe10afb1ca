"""The two publications that are followed, each with a slot of its own as in the original.

So neither a flood of changes nor a migration that drops and makes the users' publication again
(which ends its stream before PostgreSQL 18) costs a broadcast.
"""

import asyncio
from contextlib import suppress
from typing import Final

import psycopg
from psycopg_pool import PoolTimeout

from romashka_local.realtime.database import Pool
from romashka_local.realtime.subscriptions import PUBLICATION, Subscriptions, TableName

MESSAGES_PUBLICATION: Final = "supabase_realtime_messages_publication"
_WATCH_SECONDS: Final = 1.0

_TABLES = "select schemaname, tablename from pg_publication_tables where pubname = %s"


async def ensure_messages_publication(pool: Pool) -> None:
    """Make the publication of broadcasts when there is none."""
    async with pool.connection() as connection:
        query = "select 1 from pg_publication where pubname = %s"
        found = await connection.execute(query, [MESSAGES_PUBLICATION])
        if await found.fetchone() is None:
            await connection.execute(
                f"create publication {MESSAGES_PUBLICATION} for table realtime.messages"
            )


async def watch_published_tables(pool: Pool, subscriptions: Subscriptions) -> None:
    """Subscribe again, for ever, those whose tables a migration published or ceased to."""
    while True:
        # When Postgres does not answer, the stream tells of it.
        with suppress(psycopg.Error, PoolTimeout):
            for subscriber in subscriptions.outdated(await _published_tables(pool)):
                subscriber.resubscribe()
        await asyncio.sleep(_WATCH_SECONDS)


async def _published_tables(pool: Pool) -> frozenset[TableName]:
    async with pool.connection() as connection:
        rows = await (await connection.execute(_TABLES, [PUBLICATION])).fetchall()
    return frozenset((schema, table) for schema, table in rows)
