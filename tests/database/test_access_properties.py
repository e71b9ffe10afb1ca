"""Promise 5 against chance: whatever anybody asks for or writes, no row of another's is reached."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql
from romashka_local.postgres import Cluster

from tests.database.chance import (
    TABLES,
    Statement,
    World,
    build_world,
    draw_call,
    draw_filter,
    draw_write,
)
from tests.database.inbox import Inbox, Row
from tests.support import databases

steps = settings(max_examples=80, deadline=None)


@pytest.fixture(scope="module")
def world(cluster: Cluster, template_db: str) -> Iterator[World]:
    with databases.clone(cluster, template_db) as url, Inbox(url) as inbox:
        yield build_world(inbox)


@steps
@given(data=st.data())
def test_no_row_reaches_whom_the_page_does_not_name(world: World, data: st.DataObject) -> None:
    """One policy with an `or` too many shows a customer the whole inbox."""
    actor = data.draw(st.sampled_from(sorted(world.roles)), label="actor")
    table, other = (data.draw(st.sampled_from(TABLES), label=name) for name in ("table", "other"))
    filters = draw_filter(data, world, table)
    join = data.draw(st.sampled_from(["left join", "cross join", "full join"]), label="join")
    on = sql.SQL("" if join == "cross join" else " on true")
    if join == "full join":
        on = sql.SQL(" on t.id::text = o.id::text")
    query = sql.SQL(
        "select t.id::text as id, o.id::text as other from public.{} as t {} public.{} as o{}"
        " where {} limit 500"
    ).format(sql.Identifier(table), sql.SQL(join), sql.Identifier(other), on, filters.query)
    owners = {key: owner for key, (owner, _) in world.rows().items()}
    seen, sqlstate = attempt(world, actor, query, filters.values)

    for row in seen:
        for name, row_id in ((table, row["id"]), (other, row["other"])):
            if row_id is not None:
                assert world.may(actor, "select", name, owners[name, row_id]), (name, row)
    # A division by zero tells that a row is there: one that the actor may see, then.
    assert sqlstate in (None, "42501", "22012")
    if sqlstate == "22012":
        visible = [
            row_id
            for (name, row_id), owner in owners.items()
            if name == table and world.may(actor, "select", name, owner)
        ]
        alone = sql.SQL(
            "select from (select * from public.{} where id::text = any (%s) offset 0) as t where {}"
        ).format(sql.Identifier(table), filters.query)
        _, again = attempt(world, None, alone, [visible, *filters.values])
        assert again == "22012"


def attempt(
    world: World, actor: str | None, query: sql.Composed, values: Any
) -> tuple[list[Row], str | None]:
    """Run a statement as somebody, and take it back; return its rows, or why it failed."""
    connection = world.inbox.connection
    try:
        with connection.transaction(force_rollback=True):
            databases.as_user(connection, actor)
            cursor = connection.execute(query, values)
            return (cursor.fetchall() if cursor.description else []), None
    except psycopg.Error as error:
        return [], error.sqlstate


@steps
@given(data=st.data())
def test_nothing_that_a_customer_writes_changes_what_is_not_theirs(
    world: World, data: st.DataObject
) -> None:
    """Every way in, with everybody's ids: their own rows change, and no others."""
    customers = [who for who, role in world.roles.items() if role == "user"]
    actor = data.draw(st.sampled_from([*sorted(customers) * 3, "anon"]), label="actor")
    acts = data.draw(st.lists(st.sampled_from([draw_write, draw_call]), min_size=3, max_size=8))
    statements = [act(data, world, actor) for act in acts]
    before = world.rows()
    connection = world.inbox.connection
    with connection.transaction(force_rollback=True):
        for statement in statements:
            databases.as_user(connection, actor)
            error = error_of(connection, statement)
            assert error is None or (error.sqlstate or "XX")[:2] != "XX", error
            assert error is None or error.sqlstate != "P0001", error
        databases.as_user(connection, None)
        after = world.rows()

    check_changes(world, actor, before, after)


def error_of(connection: psycopg.Connection[Any], statement: Statement) -> psycopg.Error | None:
    """Run a statement, as one request of several; return why it failed."""
    try:
        with connection.transaction():
            connection.execute(statement.query, statement.values)
    except psycopg.Error as error:
        return error
    return None


Rows = dict[tuple[str, str], tuple[str | None, Row]]


def check_changes(world: World, actor: str, before: Rows, after: Rows) -> None:
    """Assert that a customer changed their own rows alone, and of these only what is theirs."""
    for key, (owner, row) in before.items():
        assert key in after, f"deleted {key}"
        if owner != actor:
            assert after[key] == (owner, row)
        elif key[0] == "messages":
            changed = {name for name in row if row[name] != after[key][1][name]}
            # What the other side wrote is read; `status` says the same, for the original's widget.
            assert changed <= {"delivery_status", "status", "updated_at"}
        elif key[0] == "profiles":
            assert after[key][1]["role"] == row["role"]
        assert after[key][0] == owner
    for key in after.keys() - before.keys():
        owner, row = after[key]
        table = key[0]
        if table != "realtime_metrics":  # what a message leaves there
            assert owner == actor, key
        if table == "messages":
            assert (row["sender_type"], row["sender_id"], row["turn_id"]) == ("user", actor, None)
        elif table == "ai_response_queue":
            assert row["status"] == "pending"
    for conversation in {
        row["conversation_id"] for (t, _), (_, row) in after.items() if t == "messages"
    }:
        positions = sorted(
            row["position"]
            for (table, _), (_, row) in after.items()
            if table == "messages" and row["conversation_id"] == conversation
        )
        assert positions == list(range(1, len(positions) + 1))
