"""The Realtime server's socket: handshake, both protocol versions, frames nobody should send."""

import json

import pytest
import websockets
from romashka_local.keys import Keys

from tests.support.realtime import RealtimeServer, broadcast_frame

pytestmark = pytest.mark.asyncio(loop_scope="module")

VERSIONS = pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])


async def _refusal(server: RealtimeServer, query: str) -> tuple[int, str]:
    url = f"ws://127.0.0.1:{server.port}/realtime/v1/websocket{query}"
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with websockets.connect(url):
            pass
    return caught.value.response.status_code, json.loads(caught.value.response.body)["error"]


async def test_a_socket_without_a_valid_key_is_refused_with_the_reason(
    shared_realtime: RealtimeServer,
) -> None:
    """A frontend with a wrong key must learn what is wrong, as it does on the platform."""
    expired = shared_realtime.token(seconds=-5)
    foreign = Keys(jwt_secret="another-secret-with-at-least-32-characters").anon_key
    roleless = shared_realtime.config.keys.sign({"exp": 4_000_000_000})

    assert await _refusal(shared_realtime, "") == (401, "API key is missing")
    assert await _refusal(shared_realtime, f"?apikey={expired}") == (401, "Token has expired")
    assert await _refusal(shared_realtime, "?apikey=nonsense") == (
        401,
        "The token provided is not a valid JWT",
    )
    assert await _refusal(shared_realtime, f"?apikey={foreign}") == (
        401,
        "Failed to validate JWT signature",
    )
    assert await _refusal(shared_realtime, f"?apikey={roleless}") == (
        401,
        "Fields `role` and `exp` are required in JWT",
    )
    status, _ = await _refusal(
        shared_realtime, f"?apikey={shared_realtime.config.keys.anon_key}&vsn=3.0.0"
    )
    assert status == 403


async def test_the_key_may_come_in_a_header(shared_realtime: RealtimeServer) -> None:
    """Server-side clients send the key as x-api-key, which wins over the address."""
    key = shared_realtime.config.keys.anon_key

    async with shared_realtime.connect(key="nonsense", **{"x-api-key": key}) as socket:
        assert await socket.settle() == []


async def test_the_new_form_of_keys_works_too(shared_realtime: RealtimeServer) -> None:
    """Projects of today are given `sb_` keys; the gateway turns them into tokens."""
    async with shared_realtime.connect(key=shared_realtime.config.keys.publishable_key) as socket:
        reply = await socket.join("room", token=shared_realtime.config.keys.publishable_key)

    assert reply.payload["status"] == "ok"


@VERSIONS
async def test_heartbeats_joins_and_leaves_are_answered(
    shared_realtime: RealtimeServer, version: str
) -> None:
    """Both clients drive their state by these replies; without one they reconnect for ever."""
    async with shared_realtime.connect(version) as socket:
        beat = await socket.reply_to(await socket.push("phoenix", "heartbeat"))
        joined = await socket.join("room")
        left = await socket.reply_to(await socket.push("room", "phx_leave"))
        closed = await socket.next("phx_close")

    assert beat.payload == left.payload == {"status": "ok", "response": {}}
    assert joined.payload == {"status": "ok", "response": {"postgres_changes": []}}
    assert (closed.topic, closed.payload) == ("realtime:room", {})


async def test_version_2_messages_carry_the_join_they_belong_to(
    shared_realtime: RealtimeServer,
) -> None:
    """supabase-js drops what belongs to an earlier join of the channel."""
    async with shared_realtime.connect() as socket:
        joined = await socket.join("room", presence={"enabled": True})
        state = await socket.next("presence_state")
        ref = await socket.push("room", "phx_leave", join_ref=joined.join_ref)
        await socket.reply_to(ref)
        closed = await socket.next("phx_close")

    assert (joined.join_ref, joined.ref) == ("1", "1")
    assert (state.join_ref, state.ref) == ("1", None)
    assert (closed.join_ref, closed.ref) == ("1", "1")


@VERSIONS
async def test_what_is_not_joined_is_answered_as_unmatched(
    shared_realtime: RealtimeServer, version: str
) -> None:
    """A client that lost its channel learns it by this reply, and joins again."""
    async with shared_realtime.connect(version) as socket:
        lost = await socket.reply_to(await socket.push("room", "broadcast", {}))
        left = await socket.reply_to(await socket.push("room", "phx_leave"))

    assert lost.payload == {"status": "error", "response": {"reason": "unmatched topic"}}
    assert left.payload == {"status": "ok", "response": {}}


async def test_joining_again_closes_the_earlier_join(shared_realtime: RealtimeServer) -> None:
    """A client that reconnects its channel must not get every message twice."""
    async with shared_realtime.connect() as socket:
        first = await socket.join("room", broadcast={"self": True})
        second = await socket.join("room", broadcast={"self": True})
        closed = await socket.next("phx_close")
        await socket.push("room", "broadcast", {"event": "e"}, join_ref=first.join_ref)
        await socket.push("room", "broadcast", {"event": "f"}, join_ref=second.join_ref)
        seen = await socket.next("broadcast")
        rest = await socket.settle()

    assert closed.ref == first.ref
    assert seen.payload["event"] == "f"
    assert rest == []


MALFORMED: list[str | bytes] = [
    "",
    "nonsense",
    "[]",
    "{}",
    '["1","1","realtime:x"]',
    "[null,null,1,2,{}]",
    '["1","1","realtime:x","phx_join",{"a":NaN}]',
    '["1","1","realtime:x","broadcast",{"a":1e999}]',
    '["1","1","realtime:x","broadcast","\\ud800"]',
    "[" * 100_000,
    b"",
    b"\x00",
    b"\x03\xff\xff\xff\xff\xff\x01",
    b"\x09hello",
    broadcast_frame("room", "e", b"{not json", is_json=True),
]


async def test_malformed_frames_are_dropped_and_the_socket_stays(
    shared_realtime: RealtimeServer,
) -> None:
    """One bad message of a client must not cost it all its channels."""
    async with shared_realtime.connect() as socket:
        for frame in MALFORMED:
            await socket.connection.send(frame)
        seen = await socket.settle()

    assert seen == []


async def test_a_join_that_makes_no_sense_is_answered_with_an_error(
    shared_realtime: RealtimeServer,
) -> None:
    """Without a reply a client would wait until its timeout."""
    async with shared_realtime.connect() as socket:
        replies = []
        for payload in ("text", [], {"config": 5}, {"config": {"postgres_changes": ["x"]}}):
            ref = await socket.push("room", "phx_join", payload)
            replies.append((await socket.reply_to(ref)).payload)
        empty = await socket.join("")
        odd = await socket.join(
            "room", broadcast=None, presence=[], private="maybe", postgres_changes=[None]
        )

    assert {reply["status"] for reply in replies} == {"error"}
    assert empty.payload["response"]["reason"] == "TopicNameRequired: You must provide a topic name"
    assert odd.payload["status"] == "ok"


async def test_a_silent_socket_is_closed(
    shared_realtime: RealtimeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections of laptops that were closed would add up; clients send a heartbeat."""
    monkeypatch.setattr("romashka_local.realtime.socket._SILENT_SECONDS", 0.2)
    async with shared_realtime.connect() as socket:
        with pytest.raises(websockets.ConnectionClosedOK):
            await socket.connection.recv()


async def test_a_socket_has_at_most_a_hundred_channels(shared_realtime: RealtimeServer) -> None:
    """The platform refuses more; a frontend that needs more should fail here already."""
    async with shared_realtime.connect() as socket:
        for number in range(100):
            await socket.join(f"room-{number}")
        refused = await socket.join("one-too-many")

    assert refused.payload["response"]["reason"] == "ChannelRateLimitReached: Too many channels"
