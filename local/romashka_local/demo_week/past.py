"""Puts what was just played into the past: each time where its event says that it was.

As a restored dump does it, with triggers off: no function of the product lets anybody choose times.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime

import psycopg
from psycopg import sql

Moments = Sequence[tuple[datetime, datetime]]
"""When an event was played, and when it happened, in their order."""

_COLUMNS = """
select schemas.nspname, tables.relname, columns.attname
from pg_catalog.pg_attribute as columns
join pg_catalog.pg_class as tables on tables.oid = columns.attrelid and tables.relkind = 'r'
join pg_catalog.pg_namespace as schemas on schemas.oid = tables.relnamespace
where schemas.nspname in ('public', 'private') and columns.atttypid = 'timestamptz'::regtype
  and columns.attnum > 0 and not columns.attisdropped
order by 1, 2, 3
"""
# By their defaults these are of the transaction, which is one for the whole week.
_OF_THE_TRANSACTION = """
update public.conversations as conversations
set created_at = (select min(messages.created_at) from public.messages as messages
  where messages.conversation_id = conversations.id);
update public.customer_profiles as customers
set created_at = opened.at, first_interaction = opened.at, updated_at = opened.at
from (
  select customer_id, min(created_at) as at from public.conversations group by customer_id
) as opened
where opened.customer_id = customers.id;
update public.channel_deliveries as deliveries
set created_at = messages.created_at
from public.messages as messages where messages.id = deliveries.message_id;
"""
# What went out by a channel did so a moment later; one message was not taken.
_DELIVERED = """
update public.channel_deliveries
set status = case when status = 'failed' then status when kind = 'receipt' then 'sent'
    else (array['read', 'delivered', 'read', 'sent'])[1 + position %% 4] end,
  settled_at = created_at, process_after = null, leased_by = null, attempt = 1, parts_sent = 1,
  external_ids = array['demo-' || id]
where created_at between %(first)s and %(last)s;
update public.messages as messages
set delivery_status = deliveries.status, status = deliveries.status
from public.channel_deliveries as deliveries
where deliveries.message_id = messages.id and deliveries.kind = 'message'
  and deliveries.created_at between %(first)s and %(last)s;
"""
# What lies ahead of a time, or was measured from one to another.
_DERIVED = """
update public.ai_response_queue
set process_after = turn_started_at,
  deadline = turn_started_at
    + make_interval(secs => (select deadline_ms / 1000.0 from public.ai_settings));
update public.realtime_metrics set expires_at = timestamp + interval '30 days';
update public.realtime_metrics as metrics
set metric_value = extract(epoch from jobs.completed_at - jobs.turn_started_at) * 1000
from public.ai_response_queue as jobs
where metrics.metric_name = 'ai_response_generated' and metrics.timestamp = jobs.completed_at;
update public.channel_deliveries
set settled_at = created_at + interval '1.4 s', expires_at = created_at + interval '1 day';
update public.conversations
set resolution_time_seconds = extract(epoch from resolved_at - created_at)
where resolved_at is not null;
"""


def put_into_the_past(database: psycopg.Connection, moments: Moments) -> None:
    """Move the times of all rows within the open transaction."""
    first, last = moments[0][0], database.execute("select clock_timestamp()").fetchone()
    assert last is not None  # noqa: S101 -- it is one row
    span = {"first": first, "last": last[0]}
    database.execute("set local session_replication_role = replica")
    _run_each(database, _OF_THE_TRANSACTION)
    _run_each(database, _DELIVERED, span)
    for schema, table, column in database.execute(_COLUMNS).fetchall():
        _move(database, sql.Identifier(schema, table), sql.Identifier(column), moments, last[0])
    _run_each(database, _DERIVED)
    database.execute("set local session_replication_role = origin")


def _move(
    database: psycopg.Connection,
    table: sql.Identifier,
    column: sql.Identifier,
    moments: Moments,
    last: datetime,
) -> None:
    """Move the times in one column that lie within the play."""
    found = database.execute(
        sql.SQL("select distinct {} from {} where {} between %s and %s").format(
            column, table, column
        ),
        [moments[0][0], last],
    ).fetchall()
    moved = [(_moved(time, moments), time) for (time,) in found]
    with database.cursor() as cursor:
        cursor.executemany(
            sql.SQL("update {} set {} = %s where {} = %s").format(table, column, column), moved
        )


def _moved(time: datetime, moments: Moments) -> datetime:
    """Return when what happened at `time` in the play happened."""
    played, happened = moments[bisect_right(moments, time, key=lambda moment: moment[0]) - 1]
    return happened + (time - played)


def _run_each(
    database: psycopg.Connection, statements: str, values: dict[str, datetime] | None = None
) -> None:
    for statement in filter(str.strip, statements.split(";\n")):
        database.execute(statement.encode(), values)
