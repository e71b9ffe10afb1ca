"""Following a conversation, whatever its topic does: lost, late, repeated and interrupted."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from romashka import (
    Broadcast,
    Check,
    Listener,
    Message,
    MessageCreated,
    MessageUpdated,
    Resync,
    Unreachable,
)
from romashka import _reader as reader
from romashka._events import follow
from romashka._listener import Page

Step = tuple[str, int]
_PAGE = 2


class Topic:
    """A topic that a test speaks for."""

    presence_key = "nobody"
    is_live = True
    trouble = None
    present: Mapping[str, Sequence[Mapping[str, Any]]] = {}

    async def send(self, event: str, payload: Mapping[str, Any]) -> None: ...

    def track(self, payload: Mapping[str, Any]) -> None: ...


class Store:
    """The committed messages of one conversation."""

    def __init__(self) -> None:
        self.count = 0
        self.failures = 0

    def row(self, position: int) -> dict[str, Any]:
        return {
            "id": str(position),
            "conversation_id": "c",
            "position": position,
            "sender_type": "user",
            "content": "x",
            "created_at": datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
        }

    def broadcast(self, position: int) -> Broadcast:
        return Broadcast("message.created", {"message": self.row(position)})

    async def read_after(self, position: int) -> Page:
        numbers = range(position + 1, self.count + 1)[:_PAGE]
        is_last = numbers.stop > self.count
        await asyncio.sleep(0)
        if self.failures and position % 3 == 0:  # after some pages
            self.failures -= 1
            raise Unreachable("cut")
        return Page([Message.from_row(self.row(number)) for number in numbers], is_last)


async def seen_of(listener: Listener, store: Store, until: int) -> list[int]:
    """Return the positions that a follower sees, up to one."""
    seen = []
    async for event in follow(listener, store.read_after, 0):
        assert isinstance(event, MessageCreated)
        seen.append(event.message.position)
        if seen[-1] >= until:
            break
    return seen


# What a topic does: a message commits and is heard, or is not, or something old is heard again; the
# connection is interrupted; reads fail; the follower gets a turn.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["heard", "lost", "again", "interrupt", "check", "fail", "read"]),
        st.integers(1, 5),
    ),
    max_size=40,
)


@given(steps=STEPS)
@settings(derandomize=True, deadline=None, database=None, max_examples=150)
def test_every_message_comes_once_and_in_order(steps: list[Step]) -> None:
    """Whatever a topic does, its follower sees the positions 1, 2, 3, … and each of them once."""

    async def play() -> tuple[list[int], int]:
        store, listener = Store(), Listener(Topic())
        listener.put(Resync())
        following = asyncio.create_task(seen_of(listener, store, 1 + commits(steps)))
        for what, number in steps:
            await act(what, number, store, listener)
        store.count += 1
        listener.put(Resync())  # it comes, sooner or later
        return await asyncio.wait_for(following, 30), store.count

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "retry_pause", lambda _: 0.0)
        seen, count = asyncio.run(play())

    assert seen == list(range(1, count + 1))


def commits(steps: list[Step]) -> int:
    return sum(what in ("heard", "lost") for what, _ in steps)


async def act(what: str, number: int, store: Store, listener: Listener) -> None:
    if what in ("heard", "lost"):
        store.count += 1
    if what == "heard":
        listener.put(store.broadcast(store.count))
    elif what == "again" and store.count:
        listener.put(store.broadcast(1 + number % store.count))
    elif what in ("interrupt", "check"):
        listener.put(Check() if what == "check" else Resync())
    elif what == "fail":
        store.failures += 1
    elif what == "read":
        for _ in range(number):
            await asyncio.sleep(0)


async def test_a_slow_reader_costs_bounded_memory_and_misses_nothing() -> None:
    """A script that is stuck in its own work must neither fill the memory nor lose a message."""
    store, listener = Store(), Listener(Topic())
    listener.put(Resync())
    largest = 0
    for number in range(1, 5001):
        store.count = number
        listener.put(store.broadcast(number))
        largest = max(largest, len(listener._unread))
    seen = await seen_of(listener, store, store.count)

    assert largest <= 1000
    assert seen == list(range(1, 5001))


async def test_a_broadcast_of_an_unknown_form_makes_it_read() -> None:
    """A newer server may say it differently: what is stored is still there."""
    store, listener = Store(), Listener(Topic())
    store.count = 2
    listener.put(Broadcast("message.created", {"message": {"id": "x"}}))

    assert await seen_of(listener, store, 2) == [1, 2]


async def test_a_change_is_told_of_what_was_seen_and_unknown_events_are_passed_over() -> None:
    """A status that comes early must not show a message twice, nor a newer server stop a client."""
    store, listener = Store(), Listener(Topic())
    store.count = 2
    read = {"message": store.row(1) | {"delivery_status": "read"}}
    for event, payload in (
        ("message.updated", read),
        ("message.created", {"message": store.row(1)}),
        ("message.translated", read),
        ("message.updated", {"message": "of another form"}),
        ("message.updated", read),
        ("message.created", {"message": store.row(2)}),
    ):
        listener.put(Broadcast(event, payload))
    following = follow(listener, store.read_after, 0)
    seen = [await anext(following) for _ in range(3)]
    await following.aclose()

    assert [type(event) for event in seen] == [MessageCreated, MessageUpdated, MessageCreated]
    assert isinstance(seen[1], MessageUpdated)
    assert seen[1].message.delivery_status == "read"


@pytest.mark.parametrize("metadata", [None, 5, "x", ["x"], {"attachment": "x"}])
def test_whatever_a_customer_writes_beside_a_message_it_is_read(metadata: object) -> None:
    """Else a stranger could stop the script of an agent who reads the conversation."""
    message = Message.from_row(Store().row(1) | {"metadata": metadata, "media_url": "x"})

    assert (message.kind, message.attachment) == ("message", None)
