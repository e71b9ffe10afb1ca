"""`postgres_changes`: what a subscriber is told of committed rows."""

import math
from typing import Any

import pytest

from tests.support.realtime import RawSocket, RealtimeServer

NOTES = (
    "create table public.notes (id bigint primary key, body text, done boolean default false)",
    "alter publication supabase_realtime add table public.notes",
)
ALL_NOTES = {"event": "*", "schema": "public", "table": "notes"}


async def data_of(socket: RawSocket, name: str = "room") -> dict[str, Any]:
    """Return the data of the next change."""
    return (await socket.next("postgres_changes", name)).payload["data"]  # type: ignore[no-any-return] # JSON


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
async def test_inserts_updates_and_deletes_are_told_in_order(
    realtime: RealtimeServer, version: str
) -> None:
    """Existing frontends keep their lists up to date by these three."""
    await realtime.execute(*NOTES)
    async with realtime.connect(version) as socket:
        reply = await socket.subscribe("room", ALL_NOTES)
        await realtime.execute(
            "insert into public.notes values (1, 'hello')",
            "update public.notes set done = true",
            "delete from public.notes",
        )
        messages = [await socket.next("postgres_changes") for _ in range(3)]

    (subscription,) = reply.payload["response"]["postgres_changes"]
    inserted, updated, deleted = (message.payload["data"] for message in messages)
    columns = [
        {"name": "id", "type": "int8"},
        {"name": "body", "type": "text"},
        {"name": "done", "type": "bool"},
    ]
    assert all(message.payload["ids"] == [subscription["id"]] for message in messages)
    moment = inserted.pop("commit_timestamp")
    assert (len(moment), moment[10], moment[-1]) == (24, "T", "Z")
    assert inserted == {
        "schema": "public",
        "table": "notes",
        "type": "INSERT",
        "columns": columns,
        "record": {"id": 1, "body": "hello", "done": False},
        "errors": None,
    }
    assert updated["record"] == {"id": 1, "body": "hello", "done": True}
    assert updated["old_record"] == {"id": 1}
    assert deleted["old_record"] == {"id": 1}
    assert "record" not in deleted


async def test_the_reply_repeats_the_bindings_as_they_were_sent(realtime: RealtimeServer) -> None:
    """Both clients compare them one by one and fail on a difference."""
    await realtime.execute(*NOTES)
    bindings = [
        {"event": "INSERT", "schema": "public", "table": "notes", "filter": "id=eq.1"},
        {"event": "*", "schema": "public", "table": "notes"},
        {"event": "INSERT", "schema": "public", "table": "notes", "filter": "id=eq.1"},
    ]
    async with realtime.connect() as socket:
        reply = await socket.subscribe("room", *bindings)
        await realtime.execute("insert into public.notes values (1)")
        message = await socket.next("postgres_changes")

    answered = reply.payload["response"]["postgres_changes"]
    ids = [binding.pop("id") for binding in answered]
    assert answered == bindings
    assert ids[0] == ids[2] != ids[1]
    assert sorted(message.payload["ids"]) == sorted(set(ids))


async def test_rolled_back_and_earlier_changes_are_not_told(realtime: RealtimeServer) -> None:
    """A screen must not show what never was, nor what it has read already."""
    await realtime.execute(*NOTES, "insert into public.notes values (1, 'earlier')")
    async with realtime.connect() as socket:
        await socket.subscribe("room", ALL_NOTES)
        async with realtime.database.transaction(force_rollback=True):
            await realtime.execute("insert into public.notes values (2, 'never')")
        async with realtime.database.transaction():
            await realtime.execute("insert into public.notes values (3)", "truncate public.notes")
        await realtime.execute("insert into public.notes values (4)")

        assert [(await data_of(socket))["record"]["id"] for _ in range(2)] == [3, 4]


async def test_values_look_as_postgres_writes_json(realtime: RealtimeServer) -> None:
    """Clients parse these as they parse REST's; a difference shows only on some rows."""
    await realtime.execute(
        "create type public.mood as enum ('good', 'bad')",
        "create domain public.positive as int check (value > 0)",
        """
        create table public.kinds (
          id uuid primary key, big bigint, exact numeric, wide float8, yes boolean, doc jsonb,
          raw bytea, tags text[], moods public.mood[], mood public.mood, at timestamptz,
          plain timestamp, day date, span interval, range int4range, "Odd ""name" public.positive,
          doubled bigint generated always as (big * 2) stored, nothing text)""",
        "alter publication supabase_realtime add table public.kinds",
    )
    async with realtime.connect() as socket:
        await socket.subscribe("room", {"event": "INSERT", "table": "kinds"})
        await realtime.execute(
            """
            insert into public.kinds values (
              '00000000-0000-4000-8000-00000000000a', 9007199254740993, 1.50, 'NaN', true,
              '{"a": [1, null]}', '\\xDEAD', '{a,"b,c",null}', '{good}', 'bad',
              '2026-01-02 03:04:05.678+02', '2026-01-02 03:04:05', '2026-01-02', '1 day 2 hours',
              '[1,5)', 7)"""
        )
        data = await data_of(socket)

    record = data["record"]
    types = {column["name"]: column["type"] for column in data["columns"]}
    assert record.pop("doubled", 18014398509481986) == 18014398509481986
    assert record == {
        "id": "00000000-0000-4000-8000-00000000000a",
        "big": 9007199254740993,
        "exact": 1.5,
        "wide": None,
        "yes": True,
        "doc": {"a": [1, None]},
        "raw": "dead",
        "tags": ["a", "b,c", None],
        "moods": ["good"],
        "mood": "bad",
        "at": "2026-01-02T01:04:05.678+00:00",
        "plain": "2026-01-02T03:04:05",
        "day": "2026-01-02",
        "span": "1 day 02:00:00",
        "range": "[1,5)",
        'Odd "name': 7,
        "nothing": None,
    }
    assert (types["tags"], types["mood"], types["at"]) == ("_text", "mood", "timestamptz")
    assert not any(isinstance(value, float) and math.isnan(value) for value in record.values())


async def test_full_replica_identity_tells_the_whole_old_row(realtime: RealtimeServer) -> None:
    """Frontends that need the old values set it; without row security they get them."""
    await realtime.execute(*NOTES, "alter table public.notes replica identity full")
    long_text = "".join(f"{number:05}" for number in range(20_000))  # stored out of line
    async with realtime.connect() as socket:
        await socket.subscribe("room", ALL_NOTES)
        await realtime.execute(
            f"insert into public.notes values (1, '{long_text}')",
            "update public.notes set done = true",
            "delete from public.notes",
        )
        _, updated, deleted = [await data_of(socket) for _ in range(3)]

    assert updated["record"] == {"id": 1, "body": long_text, "done": True}
    assert updated["old_record"] == {"id": 1, "body": long_text, "done": False}
    assert deleted["old_record"] == {"id": 1, "body": long_text, "done": True}


async def test_a_large_value_that_an_update_left_alone_is_left_out(
    realtime: RealtimeServer,
) -> None:
    """The WAL does not have it; null would look like a deletion."""
    await realtime.execute(*NOTES, "alter table public.notes alter body set storage external")
    await realtime.execute("insert into public.notes values (1, repeat('x', 10000))")
    async with realtime.connect() as socket:
        await socket.subscribe("room", ALL_NOTES)
        await realtime.execute("update public.notes set id = 2, done = true")
        data = await data_of(socket)

    assert data["record"] == {"id": 2, "done": True}
    assert data["old_record"] == {"id": 1}


async def test_a_change_over_a_megabyte_is_cut_down(realtime: RealtimeServer) -> None:
    """The platform cuts it, so a frontend must be prepared to read the row itself."""
    await realtime.execute(*NOTES)
    async with realtime.connect() as socket:
        await socket.subscribe("room", ALL_NOTES)
        await realtime.execute("insert into public.notes values (1, repeat('x', 1100000))")
        data = await data_of(socket)

    assert data["errors"] == ["Error 413: Payload Too Large"]
    assert data["record"] == {"id": 1, "done": False}


async def test_wildcards_match_what_is_published(realtime: RealtimeServer) -> None:
    """Dashboards subscribe to a whole schema."""
    await realtime.execute(
        *NOTES,
        "create schema other",
        "grant usage on schema other to anon",
        "create table other.things (id int primary key)",
        "grant select on other.things to anon",
        "alter publication supabase_realtime add table other.things",
    )
    async with realtime.connect() as socket:
        await socket.subscribe("all", {"event": "*", "schema": "*", "table": "*"})
        await socket.subscribe("public", {"event": "*", "schema": "public"})
        await realtime.execute(
            "insert into other.things values (1)", "insert into public.notes values (2)"
        )

        assert [(await data_of(socket, "all"))["table"] for _ in "ab"] == ["things", "notes"]
        assert (await data_of(socket, "public"))["table"] == "notes"


async def test_select_limits_the_columns_but_keeps_the_key(realtime: RealtimeServer) -> None:
    """supabase-js offers it to save bandwidth."""
    await realtime.execute(*NOTES)
    async with realtime.connect() as socket:
        await socket.subscribe("room", ALL_NOTES | {"select": ["done"]}, ALL_NOTES)
        await realtime.execute("insert into public.notes values (1, 'x')")
        records = [(await data_of(socket))["record"] for _ in range(2)]

    assert {"id": 1, "done": False} in records
    assert {"id": 1, "body": "x", "done": False} in records


async def test_a_join_without_config_subscribes_by_its_topic(realtime: RealtimeServer) -> None:
    """Frontends of the first generation still do."""
    await realtime.execute(*NOTES)
    async with realtime.connect("1.0.0") as socket:
        await socket.reply_to(await socket.push("public:notes:id=eq.2", "phx_join", {}))
        await socket.next("system")
        await realtime.execute("insert into public.notes values (1), (2)")
        message = await socket.next("INSERT")

    assert message.payload["record"]["id"] == 2


async def test_a_join_may_wait_until_changes_are_live(realtime: RealtimeServer) -> None:
    """Newer supabase-js asks for it, and takes a refusal as the join's error."""
    await realtime.execute(*NOTES)
    wait = {"postgres_changes_options": {"wait": True}}
    async with realtime.connect() as socket:
        joined = await socket.subscribe("room", ALL_NOTES, **wait)
        refused = await socket.join("other", postgres_changes=[{"table": "nothing"}], **wait)

    assert joined.payload["status"] == "ok"
    reason = refused.payload["response"]["reason"]
    assert reason.startswith("RealtimeDisabledForConfiguration: Unable to subscribe to changes")
