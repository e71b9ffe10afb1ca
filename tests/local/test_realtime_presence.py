"""Presence: who is there, and what everybody is told when that changes."""

from typing import Any

from tests.support.realtime import RawSocket, RealtimeServer

TRACK = {"type": "presence", "event": "track"}


async def _track(socket: RawSocket, payload: Any, event: str = "track") -> dict[str, Any]:
    ref = await socket.push("room", "presence", TRACK | {"event": event, "payload": payload})
    return (await socket.reply_to(ref)).payload  # type: ignore[no-any-return] # JSON


async def _diff(socket: RawSocket) -> tuple[dict[str, Any], dict[str, Any]]:
    payload = (await socket.next("presence_diff")).payload
    return payload["joins"], payload["leaves"]


async def test_members_see_each_other_come_change_and_go(realtime: RealtimeServer) -> None:
    """Typing indicators and online lists are built of these."""
    async with realtime.connect("1.0.0") as one, realtime.connect() as two:
        await one.join("room", presence={"enabled": True, "key": "one"})
        assert (await one.next("presence_state")).payload == {}
        assert (await _track(one, {"mood": "good"}))["status"] == "ok"
        joins, leaves = await _diff(one)
        first = joins["one"]["metas"][0]
        assert (first["mood"], leaves) == ("good", {})

        await two.join("room", presence={"enabled": True, "key": "two"})
        assert (await two.next("presence_state")).payload == {"one": {"metas": [first]}}

        await _track(one, {"mood": "good"})
        await _track(one, {"mood": "better"})
        joins, leaves = await _diff(two)
        second = joins["one"]["metas"][0]
        assert leaves == {"one": {"metas": [first]}}
        assert (second["mood"], second["phx_ref_prev"]) == ("better", first["phx_ref"])

        await _track(one, {}, event="UNTRACK")
        assert await _diff(two) == ({}, {"one": {"metas": [second]}})
        assert await two.settle() == []


async def test_sockets_of_one_key_are_counted_apart(realtime: RealtimeServer) -> None:
    """Somebody with two tabs is online until the second one is closed."""
    async with realtime.connect() as watcher:
        await watcher.join("room")
        async with realtime.connect() as one, realtime.connect() as two:
            for socket in (one, two):
                await socket.join("room", presence={"enabled": True, "key": "me"})
                await _track(socket, {})
                await _diff(watcher)
            await watcher.join("other", presence={"enabled": True})
        first, second = await _diff(watcher), await _diff(watcher)

    assert len(first[1]["me"]["metas"]) == len(second[1]["me"]["metas"]) == 1


async def test_a_key_is_made_up_when_none_is_given(realtime: RealtimeServer) -> None:
    """Two anonymous visitors must not be taken for one."""
    async with realtime.connect() as socket:
        await socket.join("room", presence={"enabled": True, "key": ""})
        await _track(socket, {"n": 1})
        joins, _ = await _diff(socket)

    assert len(next(iter(joins))) == 36


async def test_nonsense_is_answered_not_punished(realtime: RealtimeServer) -> None:
    """supabase-js waits for a reply to every track."""
    async with realtime.connect() as socket:
        await socket.join("room")
        not_a_map = await _track(socket, "text")
        unknown = await _track(socket, {}, event="dance")
        empty = await socket.reply_to(await socket.push("room", "presence", {}))

    reason = {"reason": "Presence track payload must be a map"}
    assert not_a_map == {"status": "error", "response": reason}
    assert unknown == {"status": "error", "response": {}}
    assert empty.payload == {"status": "ok", "response": {}}


async def test_private_presence_needs_its_own_rights(realtime: RealtimeServer) -> None:
    """Who may not write presence cannot appear; who may not read it sees nobody."""
    await realtime.execute(
        "create policy r on realtime.messages for select to authenticated using"
        " (extension = 'broadcast' or auth.jwt() ->> 'sees' = 'yes')",
        "create policy w on realtime.messages for insert to authenticated with check"
        " (extension = 'presence' and auth.jwt() ->> 'shows' = 'yes')",
    )
    presence = {"private": True, "presence": {"enabled": True, "key": "me"}}
    seer, shower = realtime.token(sees="yes"), realtime.token(shows="yes")
    async with realtime.connect(key=seer) as one, realtime.connect(key=shower) as two:
        await one.join("room", **presence)
        await two.join("room", **presence)
        assert (await _track(one, {}))["status"] == "error"
        assert (await _track(two, {}))["status"] == "ok"

        joins, _ = await _diff(one)
        assert list(joins) == ["me"]
        assert await two.settle() == []


async def test_tracking_turns_presence_on(realtime: RealtimeServer) -> None:
    """A channel that joined without presence may still use it later."""
    await realtime.execute(
        "create policy a on realtime.messages to authenticated using (true) with check (true)"
    )
    async with realtime.connect(key=realtime.token()) as socket:
        await socket.join("room", private=True)
        assert (await _track(socket, {"n": 1}))["status"] == "ok"

        assert (await _diff(socket))[0]
