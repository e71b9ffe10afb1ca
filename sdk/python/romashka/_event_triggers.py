"""Makes a project's event triggers on a local stack, where `postgres` may not make them itself."""

import re

import psycopg

_COMMENT = r"(?:\s+|--[^\n]*|/\*.*?\*/)"
_CREATION = re.compile(rf"{_COMMENT}*create\s+event\s+trigger\b", re.IGNORECASE | re.DOTALL)
_HELP = "extensions.create_event_trigger"


def run_statement(connection: psycopg.Connection, statement: str) -> None:
    """Run one statement of a migration.

    In plain Postgres event triggers are a superuser's. Hosted projects have an extension that lets
    `postgres` make them; the local stack has a function for it, and nothing else has one.
    """
    if _CREATION.match(statement) and _is_helped(connection):
        connection.execute(f"select {_HELP}(%s)".encode(), [statement])
    else:
        connection.execute(statement.encode())


def _is_helped(connection: psycopg.Connection) -> bool:
    found = connection.execute("select to_regprocedure(%s) is not null", [f"{_HELP}(text)"])
    row = found.fetchone()
    return row is not None and bool(row[0])
