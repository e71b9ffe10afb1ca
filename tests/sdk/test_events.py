"""Events of a conversation: each message once, in order, whatever the network does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from romashka import Broadcast, MessageCreated
from romashka._events import follow

from tests.support.customers import customer_of, new_identifier, service_of
from tests.support.proxy import open_proxy
from tests.support.stacks import RunningStack
from tests.support.waiting import becomes


async def take(events: AsyncIterator[MessageCreated], count: int) -> list[str]:
    """Return the next `count` messages' texts."""
    async with asyncio.timeout(15):
        return [(await anext(events)).message.content for _ in range(count)]


async def test_what_was_there_comes_first_then_what_is_new(stack: RunningStack) -> None:
    """A page that opens a conversation sees it whole, without a gap between past and present."""
    async with customer_of(stack) as client:
        conversation = await client.conversations.create(new_identifier(), message="past")
        async with aclosing(conversation.events()) as events:
            assert await take(events, 1) == ["past"]
            await conversation.send("present")

            assert await take(events, 1) == ["present"]


async def test_a_follower_can_start_where_it_stopped(stack: RunningStack) -> None:
    """A restarted script must not see everything again."""
    async with customer_of(stack) as client:
        conversation = await client.conversations.create(new_identifier(), message="seen")
        await conversation.send("unseen")
        async with aclosing(conversation.events(after=1)) as events:
            assert await take(events, 1) == ["unseen"]


async def test_messages_written_at_once_come_once_and_in_order(stack: RunningStack) -> None:
    """Two tabs that write at the same time must not confuse a third that reads."""
    texts = {f"message {number}" for number in range(30)}
    async with customer_of(stack) as client:
        conversation = await client.conversations.create(new_identifier())
        async with aclosing(conversation.events()) as events:
            writing = asyncio.gather(*(conversation.send(text) for text in sorted(texts)))
            seen = await take(events, len(texts))
            await writing
        stored = [message.content for message in await conversation.messages()]

    assert seen == stored
    assert set(seen) == texts


async def test_what_was_missed_while_the_network_was_down_is_fetched(stack: RunningStack) -> None:
    """A customer in a tunnel sees every message afterwards, once."""
    async with (
        open_proxy(stack.api_url) as network,
        customer_of(stack, network.url) as client,
        service_of(stack) as service,
    ):
        conversation = await client.conversations.create(new_identifier())
        elsewhere = await service.conversations.get(conversation.id)
        async with aclosing(conversation.events()) as events:
            await elsewhere.send("before")
            assert await take(events, 1) == ["before"]
            network.refuses = b""
            network.cut()
            for text in ("during 1", "during 2"):
                await elsewhere.send(text)
            network.refuses = None
            missed = await take(events, 2)
            await elsewhere.send("after")

            assert missed == ["during 1", "during 2"]
            assert await take(events, 1) == ["after"]


async def test_a_topic_that_the_server_closed_is_joined_again(stack: RunningStack) -> None:
    """Realtime closes a channel whose token went bad; once it is good again, events must flow."""
    async with customer_of(stack) as client, service_of(stack) as service:
        conversation = await client.conversations.create(new_identifier())
        elsewhere = await service.conversations.get(conversation.id)
        good = client.supabase.realtime.access_token
        async with client.topics.listen(f"conversation:{conversation.id}") as listener:
            async with asyncio.timeout(10):
                await anext(listener)
                await client.supabase.realtime.set_auth("not.a.token")
                await becomes(lambda: not listener.is_live)
                await client.supabase.realtime.set_auth(good)
                await becomes(lambda: listener.is_live)
            async with aclosing(conversation.events()) as events:
                await elsewhere.send("back again")

                assert await take(events, 1) == ["back again"]


async def test_a_broadcast_that_got_lost_is_fetched_with_the_next(stack: RunningStack) -> None:
    """Broadcasts are not guaranteed: a gap in the positions makes the follower read."""
    async with customer_of(stack) as client:
        conversation = await client.conversations.create(new_identifier(), message="lost")
        await conversation.send("not lost")
        rows = await client.supabase.table("messages").select("*").eq("position", 2).execute()
        async with client.topics.listen("of nobody") as listener:
            listener.put(Broadcast("message.created", {"message": rows.data[0]}))
            async with aclosing(follow(listener, conversation._read_after, 0)) as events:
                assert await take(events, 2) == ["lost", "not lost"]
