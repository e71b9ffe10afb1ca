"""The subscriptions to `postgres_changes`: checked in the database, kept in memory."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
from psycopg import errors

from romashka_local.realtime.database import Connection, Pool
from romashka_local.realtime.filters import (
    KEYWORDS,
    BadParameters,
    ChangeRequest,
    Filter,
    parse_request,
)
from romashka_local.realtime.join import change_id
from romashka_local.realtime.protocol import Frame, Version
from romashka_local.realtime.rows import Claims
from romashka_local.realtime.tokens import Token

TableName = tuple[str, str]
"""Schema and table."""

PUBLICATION = "supabase_realtime"
_MAX_IN_VALUES = 100

_TABLES = """
select schemaname, tablename, format('%%I.%%I', schemaname, tablename)::regclass::oid
from pg_publication_tables
where pubname = %(publication)s
  and %(schema)s::text in (schemaname, '*') and %(table)s::text in (tablename, '*')
"""
# A column's type, and whether pattern and regular-expression operators take it.
_COLUMNS = """
select a.attname, a.atttypid::regtype::text,
  exists (select from pg_operator where oprname = '~~' and oprleft = a.atttypid),
  exists (select from pg_operator where oprname = '~' and oprleft = a.atttypid
    and oprright = a.atttypid and oprresult = 'boolean'::regtype)
from pg_attribute as a
where a.attrelid = %(table)s and a.attnum > 0 and not a.attisdropped
  and has_column_privilege(%(role)s::name, a.attrelid, a.attnum, 'SELECT')
"""


class Subscriber(Protocol):
    """What the delivery of changes needs of a channel."""

    @property
    def version(self) -> Version: ...
    @property
    def topic_name(self) -> str: ...
    @property
    def has_old_form(self) -> bool: ...
    def send(self, frame: Frame) -> None: ...
    def resubscribe(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Subscription:
    """One object of a channel's `postgres_changes`, ready to be matched."""

    subscriber: Subscriber
    id: int
    request: ChangeRequest
    who: Claims
    tables: frozenset[TableName]
    """The published tables that it is for."""
    floor_lsn: int
    """What committed before is not for this subscription."""


class Subscriptions:
    """All live subscriptions."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._by_subscriber: dict[Subscriber, tuple[Subscription, ...]] = {}
        self._by_table: dict[TableName, list[Subscription]] = {}

    async def subscribe(
        self, subscriber: Subscriber, changes: Sequence[Mapping[str, Any]], token: Token
    ) -> None:
        """Make these the subscriptions of `subscriber`; a commit from now on is seen.

        Those it had before work until then, and stay when the database does not answer.

        Raises:
            BadParameters: the database has no such table or column, or refuses a value.
            psycopg.Error: the database does not answer.
        """
        try:
            requests = [parse_request(change) for change in changes]
            async with self._pool.connection() as connection, connection.transaction():
                tables = [await _check(connection, request, token.role) for request in requests]
                floor_lsn = await _current_lsn(connection)
        except BadParameters:
            self.unsubscribe(subscriber)
            raise
        known = self._by_subscriber.get(subscriber)
        floor_lsn = known[0].floor_lsn if known else floor_lsn
        who = Claims(token.role, json.dumps(token.claims))
        self.unsubscribe(subscriber)
        self._by_subscriber[subscriber] = tuple(
            Subscription(subscriber, change_id(change), request, who, published, floor_lsn)
            for change, request, published in zip(changes, requests, tables, strict=True)
        )
        self._index()

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Forget the subscriptions of `subscriber`, if it has any."""
        if self._by_subscriber.pop(subscriber, None):
            self._index()

    def resubscribe_all(self) -> None:
        """Let every subscriber subscribe again, and so learn that it may have missed changes."""
        for subscriber in list(self._by_subscriber):
            subscriber.resubscribe()

    def outdated(self, published: Collection[TableName]) -> list[Subscriber]:
        """Return those that subscribed when other tables were published than are now."""
        return [
            subscriber
            for subscriber, subscriptions in self._by_subscriber.items()
            if any(s.tables != _matching(s.request, published) for s in subscriptions)
        ]

    def of_table(self, schema: str, table: str) -> Iterable[Subscription]:
        """Return the subscriptions that a change of this table may concern."""
        for key in ((schema, table), (schema, "*"), ("*", table), ("*", "*")):
            yield from self._by_table.get(key, ())

    def _index(self) -> None:
        self._by_table = {}
        for subscriptions in self._by_subscriber.values():
            for subscription in subscriptions:
                request = subscription.request
                self._by_table.setdefault((request.schema, request.table), []).append(subscription)


def _matching(request: ChangeRequest, published: Collection[TableName]) -> frozenset[TableName]:
    return frozenset(table for table in published if request.matches(*table))


async def _current_lsn(connection: Connection) -> int:
    cursor = await connection.execute("select (pg_current_wal_insert_lsn() - '0/0')::bigint")
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def _check(connection: Connection, request: ChangeRequest, role: str) -> frozenset[TableName]:
    """Return the published tables that `request` is for."""
    names = {"publication": PUBLICATION, "schema": request.schema, "table": request.table}
    try:
        tables = await (await connection.execute(_TABLES, names)).fetchall()
        for _, _, table in tables:
            await _check_columns(connection, table, request, role)
    except (ValueError, errors.DataError, errors.ProgrammingError, errors.InternalError) as error:
        raise BadParameters(
            "Unable to subscribe to changes with given parameters. An exception happened so please "
            f"check your connect parameters: [{request}]. Exception: {_describe(error)}"
        ) from error
    if not tables:
        raise BadParameters(
            "Unable to subscribe to changes with given parameters. Please check Realtime is "
            f"enabled for the given connect parameters: [{request}]"
        )
    return frozenset((schema, table) for schema, table, _ in tables)


async def _check_columns(
    connection: Connection, table: int, request: ChangeRequest, role: str
) -> None:
    cursor = await connection.execute(_COLUMNS, {"table": table, "role": role})
    columns = {row[0]: row[1:] for row in await cursor.fetchall()}
    for condition in request.filters:
        if condition.column not in columns:
            raise ValueError(f"invalid column for filter {condition.column}")
        await _check_filter(connection, condition, *columns[condition.column])
    for column in request.select or ():
        if column not in columns:
            raise ValueError(f"invalid column for select {column}")


async def _check_filter(
    connection: Connection, condition: Filter, type_name: str, has_like: bool, has_regex: bool
) -> None:
    match condition.operator:
        case "is":
            _check_keyword(condition.value, type_name)
            return
        case "like" | "ilike" if not has_like:
            raise ValueError(_needs_text(condition, type_name))
        case "match" | "imatch" if not has_regex:
            raise ValueError(_needs_text(condition, type_name))
    try:
        sample = condition.condition(
            "%(value)s::text", "%(value)s::text", type_name.replace("%", "%%")
        )
        if condition.operator == "in":
            await _check_list(connection, condition.value, type_name)
        else:
            await connection.execute(f"select {sample}", {"value": condition.value})
    except errors.InvalidRegularExpression as error:
        raise ValueError(
            f"invalid regular expression for {condition.operator} filter: {_primary(error)}"
        ) from error


def _check_keyword(value: str, type_name: str) -> None:
    if value not in KEYWORDS:
        raise ValueError("invalid value for is filter: must be null, true, false, or unknown")
    if value != "null" and type_name != "boolean":
        raise ValueError(f"is {value} filter requires a boolean column, got {type_name}")


async def _check_list(connection: Connection, value: str, type_name: str) -> None:
    query = f"select coalesce(cardinality((%s::text)::{type_name.replace('%', '%%')}[]), 0)"
    row = await (await connection.execute(query, [value])).fetchone()
    if row and row[0] > _MAX_IN_VALUES:
        raise ValueError(f"too many values for `in` filter. Maximum {_MAX_IN_VALUES}")


def _needs_text(condition: Filter, type_name: str) -> str:
    return f"operator {condition.operator} requires a text-compatible column type, got {type_name}"


def _describe(error: Exception) -> str:
    """Return the error as the original's driver writes it: severity, code, name, text."""
    if not isinstance(error, psycopg.Error):
        return f"ERROR P0001 (raise_exception) {error}"
    if error.sqlstate is None:
        return str(error)
    name = "".join(f"_{c.lower()}" if c.isupper() else c for c in type(error).__name__)
    return f"ERROR {error.sqlstate} ({name.lstrip('_')}) {_primary(error)}"


def _primary(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error)
