"""Events of a conversation: each message once, in order, whatever the network does."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import jwt
import psycopg
import pytest
from psycopg.types.json import Jsonb
from romashka import (
    AsyncRomashka,
    Broadcast,
    ConversationChanged,
    DeliveryFailed,
    MessageCreated,
    NotSignedIn,
    _topic,
)
from romashka._events import follow
from romashka._inbox import InboxEvent

from tests.support.customers import conversation_with_human, customer_of, service_of
from tests.support.proxy import open_proxy
from tests.support.stacks import RunningStack
from tests.support.waiting import becomes


async def take(events: AsyncIterator[MessageCreated], count: int) -> list[str]:
    """Return the next `count` messages' texts."""
    async with asyncio.timeout(100):
        return [(await anext(events)).message.content for _ in range(count)]


async def test_what_was_there_comes_first_then_what_is_new(stack: RunningStack) -> None:
    """A page that opens a conversation sees it whole, without a gap between past and present."""
    async with customer_of(stack) as client:
        conversation = await conversation_with_human(client, stack, "past")
        async with aclosing(conversation.events()) as events:
            assert await take(events, 1) == ["past"]
            await conversation.send("present")

            assert await take(events, 1) == ["present"]


async def test_a_follower_can_start_where_it_stopped(stack: RunningStack) -> None:
    """A restarted script must not see everything again."""
    async with customer_of(stack) as client:
        conversation = await conversation_with_human(client, stack, "seen")
        await conversation.send("unseen")
        async with aclosing(conversation.events(after=1)) as events:
            assert await take(events, 1) == ["unseen"]


async def test_messages_written_at_once_come_once_and_in_order(stack: RunningStack) -> None:
    """Two tabs that write at the same time must not confuse a third that reads."""
    texts = {f"message {number}" for number in range(30)}
    async with customer_of(stack) as client:
        conversation = await conversation_with_human(client, stack)
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
        conversation = await conversation_with_human(client, stack)
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


async def test_interruptions_are_told_to_whoever_asks(stack: RunningStack) -> None:
    """A page can say that it is offline; the messages come all the same."""
    states: list[bool] = []
    async with (
        open_proxy(stack.api_url) as network,
        customer_of(stack, network.url) as client,
    ):
        conversation = await conversation_with_human(client, stack, "before")
        async with aclosing(conversation.events(on_connection=states.append)) as events:
            await take(events, 1)
            network.cut()
            await becomes(lambda: len(states) >= 3)
            await conversation.send("after")

            assert await take(events, 1) == ["after"]
    assert states[:3] == [True, False, True]


async def test_a_bad_token_is_replaced(stack: RunningStack) -> None:
    """Realtime closes a channel whose token went bad; the session has another one."""
    states: list[bool] = []
    async with customer_of(stack) as client, service_of(stack) as service:
        conversation = await conversation_with_human(client, stack, "before")
        elsewhere = await service.conversations.get(conversation.id)
        async with aclosing(conversation.events(on_connection=states.append)) as events:
            await take(events, 1)
            await client.supabase.realtime.set_auth("not.a.token")
            await becomes(lambda: states[:3] == [True, False, True])
            await elsewhere.send("back again")

            assert await take(events, 1) == ["back again"]


async def test_after_a_sleep_the_token_is_renewed(stack: RunningStack) -> None:
    """A laptop that slept past its token's time must not ask its user to sign in again."""
    async with customer_of(stack) as client, service_of(stack) as service:
        conversation = await conversation_with_human(client, stack, "before")
        elsewhere = await service.conversations.get(conversation.id)
        await let_expire(client, stack)
        async with aclosing(conversation.events()) as events:
            seen = await take(events, 1)
            await let_expire(client, stack)
            found = await asyncio.gather(*(client.conversations.list() for _ in range(5)))
            await conversation.send("by an old token")
            await elsewhere.send("to an old token")

            assert {each.id for page in found for each in page} == {conversation.id}
            assert [*seen, *await take(events, 2)] == [
                "before",
                "by an old token",
                "to an old token",
            ]


async def let_expire(client: AsyncRomashka, stack: RunningStack, **fields: str) -> None:
    """Give the client a session whose token ran out while its timer stood still."""
    session = await client.supabase.auth.get_session()
    assert session is not None
    claims = jwt.decode(session.access_token, options={"verify_signature": False})
    past = int(time.time()) - 60
    token = jwt.encode(claims | {"exp": past}, stack.jwt_secret)
    old = session.model_copy(update={"access_token": token, "expires_at": past, **fields})
    client.supabase.auth._notify_all_subscribers("TOKEN_REFRESHED", old)


async def test_a_session_that_is_over_ends_the_events(stack: RunningStack) -> None:
    """Whoever was signed out hears so, instead of hearing nothing for ever."""
    async with customer_of(stack) as client:
        conversation = await conversation_with_human(client, stack)
        await let_expire(client, stack, refresh_token="revoked")
        with pytest.raises(NotSignedIn):
            await take(conversation.events(), 1)


async def test_a_server_that_only_says_that_it_streams_hides_nothing(
    stack: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers confirm a join before they stream, and broadcasts get lost: then it is read."""
    monkeypatch.setattr(_topic.Topic, "_on_broadcast", lambda *_: None)
    monkeypatch.setattr(_topic, "_LAST_CHECK_SECONDS", 0.2)
    async with customer_of(stack) as client:
        conversation = await conversation_with_human(client, stack, "before")
        async with aclosing(conversation.events()) as events:
            assert await take(events, 1) == ["before"]
            await conversation.send("unheard of")

            assert await take(events, 1) == ["unheard of"]


async def test_a_broadcast_that_got_lost_is_fetched_with_the_next(stack: RunningStack) -> None:
    """Broadcasts are not guaranteed: a gap in the positions makes the follower read."""
    async with customer_of(stack) as client:
        conversation = await conversation_with_human(client, stack, "lost")
        await conversation.send("not lost")
        rows = await client.supabase.table("messages").select("*").eq("position", 2).execute()
        async with client.topics.listen("of nobody") as listener:
            listener.put(Broadcast("message.created", {"message": rows.data[0]}))
            async with aclosing(follow(listener, conversation._read_after, 0)) as events:
                assert await take(events, 2) == ["lost", "not lost"]


async def test_the_inbox_tells_what_was_not_delivered_and_passes_over_the_unknown(
    stack: RunningStack,
) -> None:
    """An agent hears that a customer was not reached; a newer server stops nobody."""
    async with customer_of(stack) as client, service_of(stack) as service:
        conversation = await conversation_with_human(client, stack, "before")
        async with aclosing(service.inbox.live()) as live, asyncio.timeout(100):
            hearing = asyncio.create_task(next_failure(live))

            def is_heard() -> bool:
                broadcast(stack, "conversation.changed", {"conversation": {"id": "other"}})
                broadcast(stack, "conversation.translated", {"conversation": "of another form"})
                broadcast(stack, "delivery.failed", {"message_id": "m", "error": "no such number"})
                return hearing.done()

            await becomes(is_heard)
            await conversation.send("after")
            async for event in live:
                if isinstance(event, ConversationChanged):
                    if event.conversation.last_message == "after":
                        break

        assert await hearing == DeliveryFailed("", "m", None, "no such number")
        assert await (await service.conversations.get(conversation.id)).deliveries() == []


def broadcast(stack: RunningStack, event: str, payload: dict[str, object]) -> None:
    """Tell the inbox something, as the database does."""
    with psycopg.connect(stack.db_url) as database:
        database.execute("select realtime.send(%s, %s, 'inbox', true)", [Jsonb(payload), event])


async def next_failure(events: AsyncIterator[InboxEvent]) -> DeliveryFailed:
    async for event in events:
        if isinstance(event, DeliveryFailed):
            return event
    raise AssertionError("the inbox ended")
