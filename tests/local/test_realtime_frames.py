"""Random frames: none ends a socket that the original would keep, none finds a defect."""

import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from romashka_local.realtime.protocol import (
    BinaryBroadcast,
    MalformedFrame,
    Message,
    Version,
    decode,
    push,
    user_broadcast,
)

from tests.support import realtime as client
from tests.support.realtime import RealtimeServer, broadcast_frame

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["realtime:room", "realtime:", "realtime:other", "realtime:\x00é", "phoenix", "room", ""]
)
EVENTS = st.sampled_from(
    [
        "phx_join",
        "phx_leave",
        "broadcast",
        "presence",
        "access_token",
        "heartbeat",
        "x",
        "phx_close",
    ]
)
CHANGE = st.fixed_dictionaries(
    {},
    optional={
        "event": st.sampled_from(["*", "INSERT", "nope"]) | JSON,
        "schema": st.sampled_from(["public", "*", "realtime"]) | JSON,
        "table": st.sampled_from(["notes", "*"]) | JSON,
        "filter": st.sampled_from(["id=eq.1", "id=in.(1,2)", "body=like.%"]) | JSON,
        "select": JSON,
    },
)
CONFIG = st.fixed_dictionaries(
    {},
    optional={
        "broadcast": st.fixed_dictionaries(
            {}, optional={"self": JSON, "ack": JSON, "replay": JSON}
        ),
        "presence": st.fixed_dictionaries({}, optional={"enabled": JSON, "key": JSON}),
        "private": st.booleans() | JSON,
        "postgres_changes": st.lists(CHANGE | JSON, max_size=3) | JSON,
    },
)
PAYLOADS = (
    JSON
    | st.fixed_dictionaries({"config": CONFIG | JSON}, optional={"access_token": JSON})
    | st.fixed_dictionaries({"event": st.sampled_from(["track", "untrack", "x"]), "payload": JSON})
)
REFS = st.none() | st.text(max_size=3) | st.integers() | JSON
ARRAYS = st.tuples(REFS, REFS, NAMES | JSON, EVENTS | JSON, PAYLOADS).map(json.dumps)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={"topic": NAMES, "event": EVENTS, "payload": PAYLOADS, "ref": REFS, "join_ref": REFS},
).map(json.dumps)
BINARIES = st.binary(max_size=40) | st.binary(max_size=40).map(lambda tail: b"\x03" + tail)
FRAMES: st.SearchStrategy[str | bytes] = ARRAYS | OBJECTS | st.text(max_size=40) | BINARIES


@given(st.sampled_from(Version), FRAMES)
def test_a_frame_is_a_message_or_malformed(version: Version, frame: str | bytes) -> None:
    """Any other error would end the socket, and all channels with it."""
    try:
        message = decode(version, frame)
    except MalformedFrame:
        return

    assert isinstance(message, Message)


@given(st.sampled_from(Version), st.text(), st.text(), JSON, st.none() | st.text(), st.none())
def test_what_the_server_sends_is_read_as_it_was_meant(
    version: Version, topic: str, event: str, payload: Any, join_ref: str | None, ref: None
) -> None:
    """A name with a quote or an emoji must not break the client's parser."""
    frame = push(version, topic, event, json.dumps(payload), join_ref, ref)
    shown_ref = join_ref if version is Version.V2 else None

    assert client.decode(frame) == client.Received(topic, event, payload, ref, shown_ref)


@given(st.text(max_size=40), st.text(max_size=40), st.binary(max_size=99))
def test_binary_broadcasts_survive_both_ways(name: str, event: str, data: bytes) -> None:
    """Lengths count bytes, so letters beyond ASCII are where this breaks."""
    sent = broadcast_frame(name, event, data, is_json=False, ref="7")
    message = decode(Version.V2, sent)
    frame = user_broadcast(Version.V2, message.topic, message.payload)

    assert message == Message(
        f"realtime:{name}", "broadcast", BinaryBroadcast(event, data, False), "7", ""
    )
    assert frame is not None
    assert client.decode(frame).payload == {"type": "broadcast", "event": event, "payload": data}


def test_a_name_that_a_binary_frame_cannot_hold_is_not_sent() -> None:
    """255 bytes are the limit of the format; a cut name would go to another channel."""
    content = BinaryBroadcast("e" * 256, b"", is_json=True)

    assert user_broadcast(Version.V2, "realtime:room", content) is None


@pytest.mark.asyncio(loop_scope="module")
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(frames=st.lists(FRAMES, max_size=12), version=st.sampled_from(["1.0.0", "2.0.0"]))
async def test_no_frames_end_a_socket_or_crash_a_channel(
    shared_realtime: RealtimeServer,
    caplog: pytest.LogCaptureFixture,
    frames: list[str | bytes],
    version: str,
) -> None:
    """One client's nonsense must cost nobody anything, itself included."""
    caplog.set_level(logging.ERROR, "romashka.local.realtime")
    async with shared_realtime.connect(version) as socket:
        for frame in frames:
            await socket.connection.send(frame)
        socket.refs = 1_000_000  # a ref that no frame has: their replies may come late
        beat = await socket.reply_to(await socket.push("phoenix", "heartbeat", {"is": "last"}))

    assert beat.payload["status"] == "ok"
    assert not caplog.records
