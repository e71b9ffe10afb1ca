"""A clock that a test moves: the database's own functions read it instead of the wall clock."""

from typing import Any

import psycopg

_CLOCK = """
create sequence private.test_ticks;
create table private.test_epoch as select now() as began;
create function private.test_clock() returns timestamptz
language sql volatile security definer set search_path = '' as $$
  select began + pg_catalog.nextval('private.test_ticks') * interval '1 microsecond'
  from private.test_epoch;
$$;
"""
_FUNCTIONS_THAT_READ_THE_TIME = """
select pg_get_functiondef(oid) as definition from pg_proc
where pronamespace in ('public'::regnamespace, 'private'::regnamespace)
  and prosrc like '%clock_timestamp()%'
"""


def install_clock(connection: psycopg.Connection[Any]) -> None:
    """Let every function read a clock that stands still but for a microsecond each time it is read.

    It is a sequence, so that time passes for every session at once, also within a transaction.
    """
    connection.execute(_CLOCK)
    changed = connection.execute(_FUNCTIONS_THAT_READ_THE_TIME).fetchall()
    assert len(changed) > 5, "the functions read the time by another name"
    for row in changed:
        connection.execute(row["definition"].replace("clock_timestamp()", "private.test_clock()"))


def let_pass(connection: psycopg.Connection[Any], seconds: float) -> None:
    """Move the clock forward."""
    connection.execute(
        "select setval('private.test_ticks', last_value + %s) from private.test_ticks",
        [round(seconds * 1_000_000)],
    )
