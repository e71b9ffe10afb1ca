"""The official clients work against the Realtime server unchanged."""

import asyncio
import json
from typing import Any

from realtime import AsyncRealtimeClient, RealtimeSubscribeStates

from tests.local.test_realtime_changes import NOTES
from tests.support.javascript import SCRIPTS, find_node
from tests.support.realtime import RealtimeServer

SECRET_FOR_ALL = (
    "create policy readers on realtime.messages for select to authenticated"
    " using (realtime.topic() = 'secret')"
)


async def test_supabase_py_broadcasts_tracks_and_hears_changes(realtime: RealtimeServer) -> None:
    """The worker and the SDK are built on this client."""
    await realtime.execute(*NOTES, SECRET_FOR_ALL)
    client = AsyncRealtimeClient(realtime.http_url, realtime.config.keys.anon_key)
    await client.connect()
    await client.set_auth(realtime.token())
    heard: asyncio.Queue[Any] = asyncio.Queue()
    joined, live = asyncio.Event(), asyncio.Event()
    channel = client.channel(
        "secret",
        {
            "config": {
                "broadcast": {"ack": True, "self": True},
                "presence": {"key": "me", "enabled": True},
                "private": True,
            }
        },
    )
    channel.on_postgres_changes("*", heard.put_nowait, table="notes", schema="public")  # type: ignore[arg-type] # accepts the name, too
    channel.on_broadcast("e", heard.put_nowait)
    channel.on_system(lambda _: live.set())

    def note(state: RealtimeSubscribeStates, error: Exception | None) -> None:
        if state is RealtimeSubscribeStates.SUBSCRIBED:
            joined.set()

    await channel.subscribe(note)
    async with asyncio.timeout(10):
        await joined.wait()
        await live.wait()
        await realtime.execute("insert into public.notes values (7, 'hello')")
        change = await heard.get()
        await realtime.execute("select realtime.send('{\"n\": 1}', 'e', 'secret', true)")
        message = await heard.get()
    await client.close()

    assert change["data"]["record"] == {"id": 7, "body": "hello", "done": False}
    assert message["payload"]["n"] == 1


async def test_supabase_js_broadcasts_tracks_and_hears_changes(
    realtime: RealtimeServer,
) -> None:
    """Every frontend is built on this client; it speaks version 2 with its binary frames."""
    await realtime.execute(*NOTES, SECRET_FOR_ALL)
    url = realtime.http_url.removesuffix("/realtime/v1")
    process = await asyncio.create_subprocess_exec(
        find_node(), SCRIPTS / "realtime.mjs", url, realtime.config.keys.anon_key, realtime.token(),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(30):
        first = json.loads(await process.stdout.readline())
        await realtime.execute("insert into public.notes values (7, 'hello')")
        await realtime.execute("select realtime.send('{\"n\": 1}', 'e', 'secret', true)")
        second = json.loads(await process.stdout.readline())
        code = await process.wait()

    assert first == {
        "system": "Subscribed to PostgreSQL",
        "sent": "ok",
        "posted": {"success": True},
        "heard": [["json", {"text": "héllo"}], ["bytes", [0, 255]], ["posted", {"n": 1}]],
        "present": ["me", ["good"]],
        "refusal": first["refusal"],
    }
    assert "You do not have permissions to read from this Channel topic" in first["refusal"]
    assert second == {
        "change": {"type": "INSERT", "new": {"id": 7, "body": "hello", "done": False}},
        "message": 1,
    }
    assert code == 0
