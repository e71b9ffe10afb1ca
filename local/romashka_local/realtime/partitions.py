"""Keep a partition of `realtime.messages` for every day that needs one, and drop the old ones."""

import asyncio
import logging
from datetime import UTC, date, datetime, timedelta
from typing import Final

import psycopg
from psycopg import sql
from psycopg_pool import PoolTimeout

from romashka_local.realtime.database import Pool

_log = logging.getLogger("romashka.local.realtime")

_PERIOD_SECONDS: Final = 3600
_KEPT: Final = timedelta(hours=72)
_EXISTING = """
select c.relname from pg_inherits as i join pg_class as c on c.oid = i.inhrelid
where i.inhparent = 'realtime.messages'::regclass
"""


async def maintain_partitions(pool: Pool) -> None:
    """Make and drop partitions now; a day that has one already is left alone."""
    now = datetime.now(UTC)
    days = [now.date() + timedelta(days=offset) for offset in range(-1, 4)]
    oldest = (now - _KEPT).date()
    async with pool.connection() as connection:
        rows = await (await connection.execute(_EXISTING)).fetchall()
        existing = {str(name) for (name,) in rows}
        for day in days:
            if _name(day) not in existing:
                await connection.execute(_creation(day))
        for name in existing:
            day_of = _day(name)
            if day_of is not None and day_of < oldest:
                await connection.execute(
                    sql.SQL("drop table if exists {}").format(sql.Identifier("realtime", name))
                )


async def maintain_partitions_regularly(pool: Pool) -> None:
    """Do so every hour, for ever."""
    while True:
        await asyncio.sleep(_PERIOD_SECONDS)
        try:
            await maintain_partitions(pool)
        except (psycopg.Error, PoolTimeout) as error:
            _log.warning("partitions.not_maintained", extra={"reason": type(error).__name__})


def _name(day: date) -> str:
    return f"messages_{day:%Y_%m_%d}"


def _day(name: str) -> date | None:
    try:
        return datetime.strptime(name, "messages_%Y_%m_%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def _creation(day: date) -> sql.Composed:
    template = (
        "create table if not exists {name} partition of realtime.messages"
        " for values from ({start}) to ({end});"
        "alter table {name} owner to supabase_realtime_admin"
    )
    return sql.SQL(template).format(
        name=sql.Identifier("realtime", _name(day)),
        start=sql.Literal(day.isoformat()),
        end=sql.Literal((day + timedelta(days=1)).isoformat()),
    )
