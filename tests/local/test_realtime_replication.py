"""Following the WAL through what happens to a database: DDL, restarts, floods, slow readers."""

import asyncio
import json
from pathlib import Path

import psycopg
import pytest
import websockets
from romashka_local.realtime import open_realtime

from tests.local.test_realtime_changes import ALL_NOTES, NOTES, data_of
from tests.support.realtime import RawSocket, RealtimeServer
from tests.support.servers import config_for


async def test_changes_keep_coming_through_ddl(realtime: RealtimeServer) -> None:
    """Migrations run while screens are open."""
    await realtime.execute(*NOTES)
    async with realtime.connect() as socket:
        await socket.subscribe("room", ALL_NOTES)
        await realtime.execute(
            "insert into public.notes values (1)",
            "alter table public.notes add column extra int default 7",
            "insert into public.notes values (2)",
            "alter table public.notes rename body to text",
            "alter table public.notes drop column done",
            "insert into public.notes values (3, 'x')",
        )
        records = [(await data_of(socket))["record"] for _ in range(3)]

    assert [record["id"] for record in records] == [1, 2, 3]
    assert records[2] == {"id": 3, "text": "x", "extra": 7}


async def test_row_security_that_is_switched_on_counts_at_once(realtime: RealtimeServer) -> None:
    """The next row after closing a leak must not leak."""
    await realtime.execute(*NOTES)
    async with realtime.connect() as socket:
        await socket.subscribe("room", ALL_NOTES)
        await socket.subscribe("end", ALL_NOTES, token=realtime.config.keys.service_role_key)
        await realtime.execute("insert into public.notes values (1)")
        assert (await data_of(socket))["record"]["id"] == 1
        await realtime.execute(
            "alter table public.notes enable row level security",
            "insert into public.notes values (2)",
        )
        for _ in range(2):
            await socket.next("postgres_changes", "end")

        assert await socket.settle() == []


async def test_only_those_whose_tables_change_are_subscribed_again(
    realtime: RealtimeServer,
) -> None:
    """Frontends read everything anew when they are told; a migration must not make all do so."""
    await realtime.execute(*NOTES)
    async with realtime.connect() as socket:
        await socket.subscribe("room", ALL_NOTES)
        await socket.subscribe("all", {"event": "*", "schema": "public"})
        await realtime.execute(
            "create table public.more (id bigint primary key)",
            "alter publication supabase_realtime add table public.more",
        )
        told = await socket.next("system", "all")

        assert told.payload["message"] == "Subscribed to PostgreSQL"
        assert await socket.settle() == []


async def test_a_publication_may_be_dropped_and_made_again(realtime: RealtimeServer) -> None:
    """Supabase's own migrations do so; broadcasts go on, and changes come back."""
    await realtime.execute(*NOTES)
    async with realtime.connect() as socket:
        await socket.subscribe("room", ALL_NOTES)
        await realtime.execute(
            "drop publication supabase_realtime",
            "insert into public.notes values (1)",
            "select realtime.send('{}', 'still', 'room', false)",
        )
        assert (await socket.next("broadcast")).payload["event"] == "still"
        gone = await socket.next("system")
        await realtime.execute("create publication supabase_realtime for table public.notes")
        await socket.join("again", postgres_changes=[ALL_NOTES])
        back = await socket.next("system", "again")
        await realtime.execute("insert into public.notes values (2)")
        data = await data_of(socket, "again")

    assert gone.payload["status"] == "error"
    assert back.payload["message"] == "Subscribed to PostgreSQL"
    assert data["record"]["id"] == 2


async def test_a_lost_connection_is_made_again_and_subscribers_are_told(
    realtime: RealtimeServer,
) -> None:
    """After a restart of Postgres a screen must neither wait for ever nor trust its state."""
    await realtime.execute(*NOTES)
    async with realtime.connect() as socket:
        await socket.subscribe("room", ALL_NOTES)
        admin = realtime.config.database_url("supabase_admin")
        async with await psycopg.AsyncConnection.connect(admin, autocommit=True) as connection:
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name like 'realtime%%' and datname = current_database()"
            )
        told = await socket.next("system")
        await realtime.execute("insert into public.notes values (1)")
        await realtime.execute("select realtime.send('{}', 'e', 'room', false)")
        data = await data_of(socket)
        broadcast = await socket.next("broadcast")

    assert told.payload["message"] == "Subscribed to PostgreSQL"
    assert data["record"]["id"] == 1
    assert broadcast.payload["event"] == "e"


async def test_a_large_transaction_comes_whole_and_in_order(realtime: RealtimeServer) -> None:
    """An import must not break the stream, nor reorder it."""
    await realtime.execute(*NOTES)
    async with realtime.connect() as socket:
        await socket.subscribe("room", ALL_NOTES)
        await realtime.execute("insert into public.notes select generate_series(1, 3000)")
        await realtime.execute("update public.notes set done = true where id = 3000")
        records = [(await data_of(socket))["record"] for _ in range(3001)]

    assert [record["id"] for record in records] == [*range(1, 3001), 3000]
    assert records[-1]["done"] is True


async def test_concurrent_writers_are_seen_in_the_order_of_their_commits(
    realtime: RealtimeServer,
) -> None:
    """What was committed later must not be shown earlier, whoever began first."""
    await realtime.execute(*NOTES)
    url = realtime.config.database_url()
    async with realtime.connect() as socket, await psycopg.AsyncConnection.connect(url) as slow:
        await socket.subscribe("room", ALL_NOTES)
        await slow.execute("insert into public.notes values (1)")
        await realtime.execute("insert into public.notes values (2)")
        await slow.commit()

        assert [(await data_of(socket))["record"]["id"] for _ in range(2)] == [2, 1]


async def test_a_client_that_does_not_read_is_dropped_and_holds_up_nobody(
    realtime: RealtimeServer,
) -> None:
    """A frozen browser tab must cost the others no time and the server no memory."""
    payload = {"event": "e", "payload": "x" * 500_000}
    async with realtime.connect() as frozen, realtime.connect() as sender:
        await frozen.join("room")
        await sender.join("room", broadcast={"self": True, "ack": True})
        frozen.connection.transport.pause_reading()  # its kernel buffers fill, as a frozen tab's do
        for _ in range(60):
            await sender.push("room", "broadcast", payload)
            await sender.next("broadcast")
        frozen.connection.transport.resume_reading()
        with pytest.raises(websockets.ConnectionClosed):
            await _read_for_ever(frozen)

        assert (await sender.reply_to(await sender.push("phoenix", "heartbeat"))).event


async def _read_for_ever(socket: RawSocket) -> None:
    while True:
        await socket.next("broadcast")


async def test_clients_are_told_when_the_server_stops(bare_db: str, tmp_path: Path) -> None:
    """supabase-js then reconnects at once instead of after a timeout."""
    sent: list[dict[str, object]] = []
    received: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    received.put_nowait({"type": "websocket.connect"})
    join = ["1", "1", "realtime:room", "phx_join", {}]
    received.put_nowait({"type": "websocket.receive", "text": json.dumps(join)})
    config = config_for(bare_db, tmp_path)
    joined = asyncio.Event()

    async def send(message: dict[str, object]) -> None:
        sent.append(message)
        joined.set() if "phx_reply" in str(message) else None

    query = f"apikey={config.keys.anon_key}&vsn=2.0.0".encode()
    scope = {"type": "websocket", "path": "/websocket", "query_string": query, "headers": []}
    async with open_realtime(config) as app:
        socket = asyncio.create_task(app(scope, received.get, send))  # type: ignore[arg-type] # a plain coroutine will do
        await asyncio.wait_for(joined.wait(), 5)
    await socket

    assert "Server requested disconnect" in str(sent[-2])
    assert sent[-1]["type"] == "websocket.close"
