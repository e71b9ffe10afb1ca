"""Conversations through the SDK: open, write, read, ask."""

import asyncio

import pytest
from romashka import Conversation, NoAnswer, NotFound, PermissionDenied, TooLarge

from tests.support.answering import answer_next
from tests.support.customers import customer_of, new_identifier, service_of
from tests.support.stacks import RunningStack
from tests.support.waiting import becomes


async def test_messages_come_back_in_order(stack: RunningStack) -> None:
    """What was sent is there, in order, with its position."""
    async with customer_of(stack) as client:
        conversation = await client.conversations.create(new_identifier(), message="first")
        second = await conversation.send("second")
        messages = await conversation.messages()

    assert [(message.position, message.content) for message in messages] == [
        (1, "first"),
        (2, "second"),
    ]
    assert messages[1] == second
    assert second.kind == "message"


async def test_creating_again_finds_the_open_conversation(stack: RunningStack) -> None:
    """A page reload must not open a second conversation."""
    async with customer_of(stack) as client:
        first = await client.conversations.create("visitor")
        again = await client.conversations.create("visitor")

    assert first.id == again.id


async def test_conversations_can_be_filtered(stack: RunningStack) -> None:
    """An operator's script asks for what waits for a human."""
    async with customer_of(stack) as client:
        conversation = await client.conversations.create(new_identifier())
        await client.conversations.create(new_identifier(), channel_type="email")

        assert len(await client.conversations.list()) == 2
        assert await client.conversations.list(requires_human=True) == []
        assert conversation.id in [
            found.id for found in await client.conversations.list(status="active")
        ]


async def test_a_stranger_finds_and_writes_nothing(stack: RunningStack) -> None:
    """Nobody reads what is not theirs: an id alone opens nothing."""
    async with customer_of(stack) as client, customer_of(stack) as stranger:
        conversation = await client.conversations.create(new_identifier(), message="private")

        with pytest.raises(NotFound):
            await stranger.conversations.get(conversation.id)
        assert await stranger.conversations.list() == []


async def test_too_long_a_message_is_refused_by_name(stack: RunningStack) -> None:
    """The frontend can say what is wrong instead of 'an error occurred'."""
    async with customer_of(stack) as client:
        conversation = await client.conversations.create(new_identifier())
        with pytest.raises(TooLarge) as refused:
            await conversation.send("x" * 5000)

    assert refused.value.name == "message_too_long"


async def test_ask_returns_the_reply(stack: RunningStack) -> None:
    """The whole point of `ask`: one call, one answer."""
    async with customer_of(stack) as client, service_of(stack) as service:
        conversation = await client.conversations.create(new_identifier())
        asked = asyncio.create_task(conversation.ask("What is Romashka?"))
        await answer_next(service, conversation.id, "An inbox.")
        answer = await asked

    assert (answer.kind, answer.content) == ("reply", "An inbox.")


async def test_ask_returns_a_handover_as_one(stack: RunningStack) -> None:
    """A script must see that a human comes, and not take the text for an answer."""
    async with customer_of(stack) as client, service_of(stack) as service:
        conversation = await client.conversations.create(new_identifier())
        asked = asyncio.create_task(conversation.ask("I want a human"))
        await answer_next(service, conversation.id, "", action="escalate", reason="human_requested")
        answer = await asked

    assert answer.kind == "handover"


async def test_all_who_ask_in_one_burst_get_its_one_answer(stack: RunningStack) -> None:
    """A burst is one turn: its answer is the answer to each of its messages."""
    async with customer_of(stack) as client, service_of(stack) as service:
        conversation = await client.conversations.create(new_identifier())
        asked = [asyncio.create_task(conversation.ask(text)) for text in ("one", "two", "three")]
        await becomes(lambda: has_messages(conversation, 3))
        await answer_next(service, conversation.id, "to all three")
        answers = await asyncio.gather(*asked)

    assert len({answer.id for answer in answers}) == 1


async def has_messages(conversation: Conversation, count: int) -> bool:
    return len(await conversation.messages()) == count


async def test_ask_says_when_nobody_answers(stack: RunningStack) -> None:
    """A caller must not wait for ever for a conversation that a human has."""
    async with customer_of(stack) as client:
        conversation = await client.conversations.create(new_identifier())
        with pytest.raises(NoAnswer):
            await conversation.ask("Anybody there?", timeout_seconds=0.3)


async def test_a_stranger_cannot_listen(stack: RunningStack) -> None:
    """The topic of a conversation is closed to everybody else, and says so instead of hanging."""
    async with customer_of(stack) as client, customer_of(stack) as stranger:
        conversation = await client.conversations.create(new_identifier())
        async with stranger.topics.listen(f"conversation:{conversation.id}") as listener:
            with pytest.raises(PermissionDenied):
                async with asyncio.timeout(5):
                    await anext(listener)
