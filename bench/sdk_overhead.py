"""What the Python SDK adds to bare supabase-py, side by side in one run.

Time per call, processor time per event, memory of many subscriptions, and the time from a message's
commit to its sight in a second client while others write. With a stack running (`romashka start`):

    set -a && eval "$(.venv/bin/romashka status -o env)" && .venv/bin/python bench/sdk_overhead.py
"""

import argparse
import asyncio
import json
import logging
import os
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from statistics import median, quantiles
from typing import Any
from uuid import uuid4

from realtime import AsyncRealtimeClient
from realtime.message import ServerMessageAdapter
from romashka import AsyncRomashka, Broadcast, Conversation, Listener, MessageCreated
from romashka._events import follow
from romashka._listener import Page

CHANNELS_PER_SOCKET = 100  # the default limit
WRITERS = 10

Action = Callable[[], Awaitable[Any]]


async def measure_calls(conversation: Conversation, calls: int) -> None:
    """The same requests in turns, bare and through the SDK."""
    supabase = conversation._client.supabase
    row = {"conversation_id": conversation.id, "sender_type": "agent", "content": "Hello."}

    def insert() -> Awaitable[Any]:
        return supabase.table("messages").insert(row).execute()

    def select() -> Awaitable[Any]:
        query = supabase.table("messages").select("*").eq("conversation_id", conversation.id)
        return query.order("position", desc=True).limit(50).execute()

    def rpc() -> Awaitable[Any]:
        return supabase.rpc(
            "mark_conversation_read", {"conversation_id": conversation.id}
        ).execute()

    pairs: dict[str, tuple[Action, Action]] = {
        "send": (insert, lambda: conversation.send("Hello.", sender_type="agent")),
        "read 50 messages": (select, lambda: conversation.messages(limit=50)),
        "mark read": (rpc, conversation.mark_read),
    }
    for name, actions in pairs.items():
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(calls):
            for action, taken in zip(actions, times, strict=True):
                started = time.perf_counter()
                await action()
                taken.append(time.perf_counter() - started)
        bare, ours = (median(taken) * 1000 for taken in times)
        print(f"{name:<20}bare {bare:6.2f} ms   SDK {ours:6.2f} ms   {ours / bare - 1:+.1%}")


async def measure_events(message: dict[str, Any], count: int) -> None:
    """The same frames, read by the Realtime client alone, and on to `conversation.events()`."""
    frames = [frame(message | {"position": number}) for number in range(1, count + 1)]
    started = time.process_time()
    read_frames(frames, lambda _: None)
    bare = time.process_time() - started
    listener = Listener(Silence())
    started = time.process_time()
    for first in range(0, count, 500):  # fewer than a listener keeps
        read_frames(
            frames[first : first + 500],
            lambda heard: listener.put(Broadcast(heard["event"], heard["payload"])),
        )
        await take(listener, first, 500)
    ours = time.process_time() - started
    rates = f"bare {count / bare:,.0f}   SDK {count / ours:,.0f}"
    print(f"{'events':<20}{rates}   a second of processor time")


def frame(message: dict[str, Any]) -> str:
    payload = {"type": "broadcast", "event": "message.created", "payload": {"message": message}}
    return json.dumps(
        {"topic": "realtime:bench", "event": "broadcast", "payload": payload, "ref": None}
    )


def read_frames(frames: Sequence[str], on_event: Callable[[Any], None]) -> None:
    """Do with frames what the Realtime client does."""
    channel = AsyncRealtimeClient("ws://127.0.0.1").channel("bench")
    channel.on_broadcast("message.created", on_event)
    for each in frames:
        channel._handle_message(ServerMessageAdapter.validate_json(each))


class Silence:
    """A topic that says nothing."""

    presence_key = ""
    is_live = True
    trouble = None
    present: dict[str, Any] = {}  # noqa: RUF012 -- nobody writes to it

    async def send(self, event: str, payload: object) -> None: ...
    def track(self, payload: object) -> None: ...


async def take(listener: Listener, after: int, count: int) -> None:
    async def read(_: int) -> Page:
        raise AssertionError("nothing was missed")

    async for event in follow(listener, read, after):
        if isinstance(event, MessageCreated) and event.message.position == after + count:
            return


async def measure_memory(url: str, key: str, ids: Sequence[str]) -> None:
    """What each subscription keeps, bare and through the SDK."""
    kept = []
    for subscribe in (subscribe_bare, subscribe_to_events):
        async with AsyncExitStack() as stack:
            watched: list[Conversation] = []
            for first in range(0, len(ids), CHANNELS_PER_SOCKET):
                client = await stack.enter_async_context(AsyncRomashka.connect(url, key))
                some = ids[first : first + CHANNELS_PER_SOCKET]
                watched += [await client.conversations.get(each) for each in some]
            tracemalloc.start()
            for conversation in watched:
                await subscribe(stack, conversation)
            kept.append(tracemalloc.get_traced_memory()[0] / len(ids) / 1024)
            tracemalloc.stop()
    bare, ours = kept
    print(f"{'memory':<20}bare {bare:.1f} KiB   SDK {ours:.1f} KiB   a subscription")


async def subscribe_bare(_: AsyncExitStack, conversation: Conversation) -> None:
    realtime = conversation._client.supabase.realtime
    channel = realtime.channel(conversation._topic, {"config": {"private": True}})
    await channel.on_broadcast("*", lambda _: None).subscribe()


async def subscribe_to_events(stack: AsyncExitStack, conversation: Conversation) -> None:
    live = asyncio.Event()

    async def read_all() -> None:
        async for _ in conversation.events(on_connection=lambda _: live.set()):
            pass

    stack.callback(asyncio.create_task(read_all()).cancel)
    await live.wait()


async def measure_sight(url: str, key: str, conversation: Conversation, count: int) -> None:
    """A second client watches one conversation, while others write into their own."""
    sent: dict[str, float] = {}
    delays: list[float] = []
    async with AsyncRomashka.connect(url, key) as watcher:
        watched = await watcher.conversations.get(conversation.id)
        live = asyncio.Event()

        async def watch() -> None:
            after = (await watched.messages(limit=1))[-1].position
            events = watched.events(after, on_connection=lambda _: live.set())
            async for event in events:
                delays.append(time.perf_counter() - sent[event.message.content])
                if len(delays) == count:
                    return

        watching = asyncio.create_task(watch())
        await live.wait()
        async with AsyncExitStack() as stack:
            for number in range(WRITERS):
                writing = asyncio.create_task(keep_writing(url, key, f"writer {number}"))
                stack.callback(writing.cancel)
            for number in range(count):
                text = str(number)
                sent[text] = time.perf_counter()
                await conversation.send(text, sender_type="agent")
            await watching
    cuts = quantiles(delays, n=100)
    print(
        f"{'sent to seen':<20}p50 {cuts[49] * 1000:.0f} ms   p99 {cuts[98] * 1000:.0f} ms"
        f"   while {WRITERS} others write"
    )


async def keep_writing(url: str, key: str, name: str) -> None:
    async with AsyncRomashka.connect(url, key) as client:
        conversation = await client.conversations.create(f"{name} {uuid4()}")
        while True:
            await conversation.send("Something.", sender_type="agent")


async def main(calls: int, subscriptions: int) -> None:
    url, key = os.environ["API_URL"], os.environ["SERVICE_ROLE_KEY"]
    async with AsyncRomashka.connect(url, key) as client:
        conversation = await client.conversations.create(f"bench {uuid4()}")
        await conversation.take_over()
        await measure_calls(conversation, calls)
        rows: Any = await client.supabase.table("messages").select("*").limit(1).execute()
        await measure_events(rows.data[0], 20_000)
        await measure_sight(url, key, conversation, calls)
        ids = [
            (await client.conversations.create(f"bench {uuid4()}")).id for _ in range(subscriptions)
        ]
        await measure_memory(url, key, ids)


if __name__ == "__main__":
    logging.disable()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--subscriptions", type=int, default=1000)
    options = parser.parse_args()
    asyncio.run(main(options.calls, options.subscriptions))
