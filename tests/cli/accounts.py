"""The channels' accounts of a stack that other tests use too."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from tests.support.stacks import RunningStack

Database = psycopg.Connection[Any]


@contextmanager
def without_accounts(stack: RunningStack) -> Iterator[Database]:
    """Give the database, where until the block is left no account is active but those it adds."""
    with psycopg.connect(stack.admin_url(), autocommit=True) as database:
        others = database.execute(
            "select id, status from public.communication_channels where status <> 'disabled'"
        ).fetchall()
        disable_all(database)
        try:
            yield database
        finally:
            disable_all(database)
            for account, status in others:
                set_status(database, account, status)


def disable_all(database: Database) -> None:
    database.execute("update public.communication_channels set status = 'disabled'")


def set_status(database: Database, account: str, status: str) -> None:
    database.execute(
        "update public.communication_channels set status = %s where id = %s", [status, account]
    )
