"""Runs the statement of a request in its own transaction, as the role that the token names."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from romashka_local.rest.action import Action, Result, bad_setting
from romashka_local.rest.catalog import Catalog
from romashka_local.rest.request import Context
from romashka_local.rest.sql_text import identifier
from romashka_local.rest.statement import Statement
from romashka_local.rest.tokens import Identity

# PostgREST's defaults, which hosted projects have.
POOL_SIZE = 10
POOL_TIMEOUT_SECONDS = 10.0
_POOL_IDLE_SECONDS = 30.0
_POOL_LIFETIME_SECONDS = 1800.0

Pool = AsyncConnectionPool[psycopg.AsyncConnection[Any]]
_Cursor = psycopg.AsyncRawCursor[Any]


@asynccontextmanager
async def open_pool(url: str) -> AsyncIterator[Pool]:
    """Open the connections that requests share, each used by one request at a time."""
    pool: Pool = AsyncConnectionPool(
        url,
        kwargs={"autocommit": True, "cursor_factory": psycopg.AsyncRawCursor},
        min_size=min(4, POOL_SIZE),
        max_size=POOL_SIZE,
        timeout=POOL_TIMEOUT_SECONDS,
        max_idle=_POOL_IDLE_SECONDS,
        max_lifetime=_POOL_LIFETIME_SECONDS,
        open=False,
    )
    async with pool:
        yield pool


@asynccontextmanager
async def _lent(pool: Pool) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """Lend a connection; a server that ended it has ended the idle ones, too."""
    async with pool.connection() as connection:
        try:
            yield connection
        except psycopg.OperationalError:
            if connection.closed:
                await pool.check()
            raise


async def execute(
    pool: Pool, action: Action, context: Context, identity: Identity, catalog: Catalog
) -> Result:
    """Run `action` and return what came of it; all in one round trip where nothing is checked.

    Raises:
        RestError: the action's check failed, and nothing was written.
        psycopg.Error: Postgres refused, or could not be reached.
    """
    rolls_back = _rolls_back(context)
    settings = _transaction_settings(action, context, identity, catalog)
    before = [settings, *_pre_request(context)]
    after = [action.estimate] if action.estimate else []
    # What runs together is one transaction of itself: a read, which may end before it is judged,
    # needs no more. A write says where it ends, so that a constraint may still fail there.
    is_implicit = action.read_only and action.isolation is None and not rolls_back
    commits_at_once = not is_implicit and not rolls_back and action.check is None
    if not is_implicit:
        before.insert(0, Statement(_begin(action)))
    if commits_at_once:
        after.append(Statement("commit"))
    async with _lent(pool) as connection:
        cursors = await _run_together(connection, [*before, action.statement, *after])
        results = cursors[len(before) :]
        result = _result(results[0], action.statement)
        if action.check is not None and not action.statement.is_plan:
            action.check(result)
        if rolls_back:
            await connection.execute("set constraints all immediate")
        if not (is_implicit or commits_at_once):
            await connection.execute("rollback" if rolls_back else "commit")
    if action.estimate is None:
        return result
    return _with_estimate(result, _planned_rows(results[1]), context)


def _begin(action: Action) -> str:
    isolation = f" isolation level {action.isolation}" if action.isolation in _ISOLATIONS else ""
    return f"begin{isolation} {'read only' if action.read_only else 'read write'}"


_ISOLATIONS = ("serializable", "repeatable read", "read committed", "read uncommitted")


def _pre_request(context: Context) -> list[Statement]:
    name = ".".join(identifier(part) for part in context.settings.pre_request)
    return [Statement(f"select {name}()")] if name else []


def _rolls_back(context: Context) -> bool:
    asked = context.preferences.transaction
    return asked == "rollback" or (context.settings.rolls_back and asked != "commit")


def _transaction_settings(
    action: Action, context: Context, identity: Identity, catalog: Catalog
) -> Statement:
    """Return the statement that sets up the transaction.

    The settings of the role come before the role: what it may be given, this one may set.
    """
    request = context.request
    path = (context.schema, *context.settings.extra_search_path)
    # Of a repeated header the last counts, as in the original.
    headers = {name: value for name, value in request.headers if name != "cookie"}
    settings = [
        ("transaction_read_only", "on" if action.read_only else "off"),
        ("search_path", ", ".join(identifier(schema) for schema in path)),
        *catalog.role_settings.get(identity.role, {}).items(),
        ("role", identity.role),
        ("request.jwt.claims", identity.claims),
        ("request.method", request.method),
        ("request.path", request.path),
        ("request.headers", json.dumps(headers, ensure_ascii=False)),
        ("request.cookies", json.dumps(request.cookies, ensure_ascii=False)),
    ]
    if context.preferences.timezone is not None:
        settings.append(("timezone", context.preferences.timezone))
    settings += action.settings.items()
    calls = (f"set_config(${2 * i + 1}, ${2 * i + 2}, true)" for i in range(len(settings)))
    return Statement(
        f"select {', '.join(calls)}", tuple(text for pair in settings for text in pair)
    )


async def _run_together(
    connection: psycopg.AsyncConnection[Any], statements: list[Statement]
) -> list[_Cursor]:
    """Run statements in one round trip.

    Raises:
        psycopg.Error: the first that failed; those after it did not run.
    """
    failure: psycopg.Error | None = None
    cursors = [psycopg.AsyncRawCursor(connection) for _ in statements]
    try:
        async with connection.pipeline():
            try:
                for cursor, statement in zip(cursors, statements, strict=True):
                    await cursor.execute(statement.text.encode(), statement.values)
            except psycopg.Error as error:  # leaving the pipeline would only say: aborted
                failure = error
    except psycopg.Error as error:
        raise failure or error from None
    if failure is not None:
        raise failure
    return cursors


def _result(cursor: _Cursor, statement: Statement) -> Result:
    rows = cursor.pgresult
    if rows is None:  # the server said nothing; the pipeline has raised already
        raise psycopg.InternalError("no result")
    if statement.is_plan:
        lines = [rows.get_value(number, 0) or b"" for number in range(rows.ntuples)]
        return Result(rows=0, body=b"".join(line + b"\n" for line in lines))
    total, page, body, headers, status, inserted, location = (
        rows.get_value(0, number) for number in range(7)
    )
    return Result(
        rows=int(page or 0),
        body=body or b"",
        total=None if total is None else int(total),
        inserted=None if inserted is None else int(inserted),
        location=None if location is None else json.loads(location),
        status=None if status is None else _status(status),
        headers=() if headers is None else _headers(headers),
    )


def _status(text: bytes) -> int:
    if not text.isdigit() or not 200 <= int(text) <= 599:
        raise bad_setting("PGRST112", "response.status guc must be a valid status code")
    return int(text)


def _headers(text: bytes) -> tuple[tuple[str, str], ...]:
    try:
        listed = [pair for each in json.loads(text) for pair in each.items()]
    except (ValueError, TypeError, AttributeError):
        listed = [("", None)]
    if any(not isinstance(value, str) for _, value in listed):
        raise bad_setting(
            "PGRST111",
            "response.headers guc must be a JSON array composed of objects with a single key"
            " and a string value",
        )
    return tuple(listed)


def _planned_rows(cursor: _Cursor) -> int:
    value = cursor.pgresult and cursor.pgresult.get_value(0, 0)
    return int(json.loads(value or b"[]")[0]["Plan"]["Plan Rows"])


def _with_estimate(result: Result, planned: int, context: Context) -> Result:
    """Return `result` with the planner's total; `estimated` counts up to the limit of rows."""
    limit = context.settings.max_rows
    if context.preferences.count == "planned":
        return replace(result, total=planned)
    if result.total is not None and limit is not None and result.total > limit:
        return replace(result, total=max(result.total, planned))
    return result
