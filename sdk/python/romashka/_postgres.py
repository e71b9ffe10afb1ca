"""Connecting to the database itself, which may be far away, behind a pooler, or not there."""

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

_CONNECT_SECONDS = 10
"""What listens and never answers is no database; a URL's own `connect_timeout` goes first."""


def open_database(db_url: str, **options: Any) -> psycopg.Connection:
    """Connect, without prepared statements: a pooler between us and the database does no harm.

    Raises:
        psycopg.OperationalError: it cannot be reached, or did not answer in time.
    """
    settings = conninfo_to_dict(db_url)
    seconds = settings.get("connect_timeout", _CONNECT_SECONDS)
    try:
        return psycopg.connect(db_url, connect_timeout=seconds, prepare_threshold=None, **options)
    except psycopg.errors.ConnectionTimeout as error:
        where = f"the database at {settings.get('host', 'localhost')}"
        raise psycopg.errors.ConnectionTimeout(f"{where} does not answer") from error
