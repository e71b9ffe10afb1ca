"""Broadcasts: from sockets, by HTTP and from the database, to both protocol versions."""

import json
import time
from typing import Any

import httpx
import pytest

from tests.support.realtime import RawSocket, RealtimeServer, broadcast_frame

READABLE = """
create policy "everybody reads" on realtime.messages for select to authenticated using (true)
"""


async def _said(socket: RawSocket) -> dict[str, Any]:
    return (await socket.next("broadcast")).payload


async def test_a_broadcast_reaches_the_others_and_the_sender_only_when_asked(
    realtime: RealtimeServer,
) -> None:
    """A chat would show each own message twice, or never."""
    message = {"type": "broadcast", "event": "e", "payload": {"n": 1}}
    async with realtime.connect() as one, realtime.connect() as two:
        await one.join("room")
        await two.join("room", broadcast={"self": "true"})
        await one.push("room", "broadcast", message)
        await two.push("room", "broadcast", message | {"event": "f"})

        assert [(await _said(two))["event"], (await _said(two))["event"]] == ["e", "f"]
        assert await _said(one) == message | {"event": "f"}
        assert await one.settle() == []


async def test_an_acknowledged_broadcast_is_delivered_before_its_reply(
    realtime: RealtimeServer,
) -> None:
    """supabase-js resolves `send` by the reply; without `ack` there is none."""
    async with realtime.connect() as socket:
        await socket.join("room", broadcast={"self": True, "ack": True})
        await socket.join("quiet")
        ref = await socket.push("room", "broadcast", {"event": "e"})
        await socket.push("quiet", "broadcast", {"event": "e"})
        seen = await socket.settle()

    assert [message.event for message in seen] == ["broadcast", "phx_reply"]
    assert (seen[1].ref, seen[1].payload) == (ref, {"status": "ok", "response": {}})


async def test_a_broadcast_that_is_too_large_is_dropped_and_said(realtime: RealtimeServer) -> None:
    """The platform drops it; a frontend learns so only with `ack`."""
    async with realtime.connect() as socket:
        await socket.join("room", broadcast={"self": True, "ack": True})
        ref = await socket.push("room", "broadcast", {"event": "e", "payload": "x" * 3_100_000})
        reply = await socket.reply_to(ref)
        rest = await socket.settle()

    assert reply.payload == {"status": "error", "response": "payload_size_exceeded"}
    assert rest == []


async def test_every_kind_of_broadcast_reaches_the_versions_that_can_carry_it(
    realtime: RealtimeServer,
) -> None:
    """Old Python clients and new browsers share rooms; only raw bytes are beyond version 1."""
    async with realtime.connect("1.0.0") as old, realtime.connect() as new:
        await old.join("room")
        await new.join("room", broadcast={"self": True})
        await new.connection.send(broadcast_frame("room", "json", b'{"n": 1}', is_json=True))
        await new.connection.send(broadcast_frame("room", "raw", b"\x00\x01", is_json=False))
        await old.push("room", "broadcast", {"event": "text", "payload": {"n": 2}, "extra": 1})

        old_saw = [await _said(old)]
        new_saw = [await _said(new) for _ in range(3)]
        assert await old.settle() == await new.settle() == []

    as_json = {"type": "broadcast", "event": "json", "payload": {"n": 1}}
    assert old_saw == [as_json]
    assert new_saw[0] == as_json
    assert {"type": "broadcast", "event": "raw", "payload": b"\x00\x01"} in new_saw
    assert {"event": "text", "payload": {"n": 2}, "extra": 1} in new_saw


async def test_private_and_public_channels_of_one_name_are_two_worlds(
    realtime: RealtimeServer,
) -> None:
    """Somebody on the public channel could otherwise listen to, or forge, private messages."""
    await realtime.execute(READABLE)
    async with realtime.connect(key=realtime.token()) as socket, realtime.connect() as other:
        await socket.join("room", private=True)
        await other.join("room", broadcast={"self": True})
        await other.push("room", "broadcast", {"event": "public"})
        await realtime.execute("select realtime.send('{}', 'private', 'room', true)")

        assert (await _said(other))["event"] == "public"
        assert (await _said(socket))["event"] == "private"
        assert await other.settle() == await socket.settle() == []


async def _post(server: RealtimeServer, path: str, **request: Any) -> httpx.Response:
    headers = {"apikey": server.config.keys.anon_key} | request.pop("headers", {})
    async with httpx.AsyncClient(base_url=server.http_url) as http:
        return await http.post(f"/api/broadcast{path}", headers=headers, **request)


async def test_a_batch_by_http_reaches_public_channels(realtime: RealtimeServer) -> None:
    """supabase-js and supabase-py send this way from a channel that is not joined."""
    messages = [
        {"topic": "room", "event": "one", "payload": {"n": 1}},
        {"topic": "room", "event": "two", "payload": {"n": 2}, "id": "abc"},
        {"topic": "room", "event": "never", "payload": {}, "private": True},
    ]
    async with realtime.connect("1.0.0") as socket:
        await socket.join("room")
        answer = await _post(realtime, "", json={"messages": messages})
        seen = [await _said(socket), await _said(socket)]
        rest = await socket.settle()

    assert (answer.status_code, answer.content) == (202, b"")
    assert seen == [
        {"type": "broadcast", "event": "one", "payload": {"n": 1}},
        {"type": "broadcast", "event": "two", "payload": {"n": 2}, "meta": {"id": "abc"}},
    ]
    assert rest == []


async def test_one_message_by_http_takes_any_shape(realtime: RealtimeServer) -> None:
    """`httpSend` puts topic and event into the path, and sends whatever JSON or bytes it likes."""
    async with realtime.connect() as socket:
        await socket.join("a/b c")
        json_answer = await _post(realtime, "/a%2Fb%20c/events/e%2F1", json=[1, 2])
        raw_answer = await _post(
            realtime,
            "/a%2Fb%20c/events/raw",
            content=b"\x00\xff",
            headers={"content-type": "application/octet-stream"},
        )
        seen = [await _said(socket), await _said(socket)]

    assert (json_answer.status_code, raw_answer.status_code) == (202, 202)
    assert seen == [
        {"type": "broadcast", "event": "e/1", "payload": [1, 2]},
        {"type": "broadcast", "event": "raw", "payload": b"\x00\xff"},
    ]


async def test_wrong_requests_are_refused_as_on_the_platform(realtime: RealtimeServer) -> None:
    """Clients turn these answers into the errors that they show."""
    nobody = {"apikey": "", "authorization": "Bearer nonsense"}
    unauthorized = await _post(realtime, "", json={"messages": []}, headers=nobody)
    invalid = await _post(realtime, "", json={"messages": [{"topic": "room"}]})
    missing = await _post(realtime, "", json={})
    forbidden = await _post(realtime, "/room/events/e?private=true", json={})
    other_type = await _post(
        realtime, "/room/events/e", content=b"x", headers={"content-type": "text/plain"}
    )

    assert (unauthorized.status_code, unauthorized.json()) == (401, {"message": "Unauthorized"})
    assert invalid.status_code == missing.status_code == 422
    assert invalid.json()["errors"]["messages"][0]["event"] == ["can't be blank"]
    assert (forbidden.status_code, forbidden.json()) == (403, {"message": "Unauthorized"})
    assert other_type.status_code == 415


async def test_ping_answers(realtime: RealtimeServer) -> None:
    """Health checks ask it."""
    async with httpx.AsyncClient(base_url=realtime.http_url) as http:
        answer = await http.get("/api/ping")

    assert (answer.status_code, answer.json()) == (200, {"message": "Success"})


async def test_the_database_broadcasts_what_it_commits(realtime: RealtimeServer) -> None:
    """Every screen of the product hears of messages this way; what was rolled back never was."""
    await realtime.execute(
        "create table public.notes (id bigint primary key, body text)",
        """
        create function public.tell() returns trigger language plpgsql security definer as $$
        begin
          perform realtime.broadcast_changes(
            'room', tg_op, tg_op, tg_table_name, tg_table_schema, new, old);
          return null;
        end $$""",
        "create trigger tell after insert or delete on public.notes"
        " for each row execute function public.tell()",
        READABLE,
    )
    async with realtime.connect(key=realtime.token()) as new, realtime.connect("1.0.0") as old:
        await new.join("room", private=True)
        await old.join("room", private=True, token=realtime.token())
        async with realtime.database.transaction(force_rollback=True):
            await realtime.execute("insert into public.notes values (1, 'never')")
        await realtime.execute("insert into public.notes values (2, 'hello')")
        await realtime.execute("select realtime.send_binary('\\x0001', 'raw', 'room')")
        await realtime.execute("delete from public.notes")

        seen = [await _said(new) for _ in range(3)]
        old_saw = [await _said(old) for _ in range(2)]

    inserted, raw, deleted = seen
    record = {"id": 2, "body": "hello"}
    assert inserted["event"] == "INSERT"
    assert inserted["payload"] == {
        "id": inserted["meta"]["id"],
        "schema": "public",
        "table": "notes",
        "operation": "INSERT",
        "record": record,
        "old_record": None,
    }
    assert raw["payload"] == b"\x00\x01"
    assert deleted["payload"]["old_record"] == record
    assert old_saw == [inserted, deleted]


async def test_stored_broadcasts_are_replayed_once_oldest_first(realtime: RealtimeServer) -> None:
    """A client that was away reads what it missed, and hears nothing twice."""
    await realtime.execute(READABLE)
    since = int(time.time() * 1000) - 1000
    async with realtime.connect(key=realtime.token()) as earlier:
        await earlier.join("room", private=True)
        for number in range(4):
            payload = json.dumps({"n": number})
            await realtime.execute(f"select realtime.send('{payload}', 'e', 'room', true)")
        await realtime.execute("select realtime.send_binary('\\x07', 'raw', 'room')")
        for _ in range(5):
            await earlier.next("broadcast")
    replay = {"replay": {"since": since, "limit": 3}}
    async with realtime.connect(key=realtime.token()) as socket:
        joined = await socket.join("room", private=True, broadcast=replay)
        seen = [await socket.next("broadcast") for _ in range(3)]
        await realtime.execute("select realtime.send('{\"n\": 9}', 'e', 'room', true)")
        live = await _said(socket)
        rest = await socket.settle()

    assert [m.payload["payload"] for m in seen[2:]] == [b"\x07"]
    assert [m.payload["payload"]["n"] for m in seen[:2]] == [2, 3]
    assert all(m.payload["meta"]["replayed"] is True for m in seen)
    assert seen[0].join_ref == joined.join_ref
    assert (live["payload"]["n"], "replayed" in live["meta"]) == (9, False)
    assert rest == []


@pytest.mark.parametrize(
    ("private", "replay", "reason"),
    [
        (False, {}, "UnableToReplayMessages: Replay is not allowed for public channels"),
        (True, {"since": "x"}, "UnableToReplayMessages: Replay params are not valid"),
    ],
)
async def test_a_replay_that_cannot_be_is_refused(
    realtime: RealtimeServer, private: bool, replay: dict[str, Any], reason: str
) -> None:
    """Silence would look like "nothing was missed"."""
    await realtime.execute(READABLE)
    async with realtime.connect(key=realtime.token()) as socket:
        reply = await socket.join("room", private=private, broadcast={"replay": replay})

    assert reply.payload == {"status": "error", "response": {"reason": reason}}


async def test_a_client_is_told_when_database_broadcasts_are_live(realtime: RealtimeServer) -> None:
    """supabase-js waits for it before it does what will be broadcast."""
    async with realtime.connect() as socket:
        await socket.join("room", broadcast={"replication_ready": True})
        system = await socket.next("system")

    assert system.payload == {
        "extension": "system",
        "status": "ok",
        "message": "Replication connection established",
        "channel": "room",
    }
