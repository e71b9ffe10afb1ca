"""Replies on a subscriber's screen while a worker writes them, on a whole stack."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from romashka import Broadcast, Conversation, Listener

from tests.support.customers import customer_of, new_identifier, service_of
from tests.support.stacks import RunningStack
from tests.support.waiting import becomes
from tests.worker.provider import (
    Provider,
    analysis,
    answers,
    beginning,
    ending,
    open_provider,
    streams,
    token,
)
from tests.worker.worker_process import WorkerProcess, run_worker

pytestmark = pytest.mark.asyncio(loop_scope="module")
FIRST, LAST = "It is an inbox.", " Ask me anything."
INVENTED = "It costs 29 € a month."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider() -> AsyncIterator[Provider]:
    async with open_provider() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(stack: RunningStack, provider: Provider) -> AsyncIterator[WorkerProcess]:
    async with run_worker(stack, OPENAI_BASE_URL=provider.url) as running:
        yield running


@dataclass(slots=True)
class Screen:
    """What a customer sees of one conversation."""

    conversation: Conversation
    listener: Listener
    events: list[Broadcast] = field(default_factory=list)

    async def sees(self, event: str, **payload: Any) -> dict[str, Any]:
        """Read on to such an event."""
        async with asyncio.timeout(30):
            async for signal in self.listener:
                if isinstance(signal, Broadcast):
                    self.events.append(signal)
                    if signal.event == event and payload.items() <= signal.payload.items():
                        return dict(signal.payload)
        raise AssertionError("the topic ended")

    @property
    def deltas(self) -> list[dict[str, Any]]:
        return [dict(seen.payload) for seen in self.events if seen.event == "reply.delta"]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [seen.payload["message"] for seen in self.events if seen.event == "message.created"]

    async def answer_to(self, turn_id: str) -> dict[str, Any]:
        """Read on to the answer of a turn."""
        while (message := (await self.sees("message.created"))["message"])["turn_id"] != turn_id:
            pass
        return dict(message)

    async def is_up_to_date(self) -> None:
        """Have seen what was sent so far: a message that comes after it."""
        await self.conversation.send("Thank you")
        while (await self.sees("message.created"))["message"]["content"] != "Thank you":
            pass


@pytest_asyncio.fixture(loop_scope="module")
async def screen(stack: RunningStack) -> AsyncIterator[Screen]:
    async with customer_of(stack) as client:
        conversation = await client.conversations.create(new_identifier())
        async with client.topics.listen(f"conversation:{conversation.id}") as listener:
            await anext(listener)  # it is subscribed
            yield Screen(conversation, listener)


async def test_a_reply_is_read_while_it_is_written(
    provider: Provider, worker: WorkerProcess, screen: Screen
) -> None:
    """The first words come at once, and the message that follows is what was shown."""
    goes_on = asyncio.Event()
    provider.will(
        streams(token(beginning(f"{FIRST} ")), goes_on, token(f'{LAST[1:]}"}}'), *ending())
    )
    question = await screen.conversation.send("What is Romashka?")
    first = await screen.sees("reply.delta")
    goes_on.set()
    answer = await screen.answer_to(question.id)

    assert (first["text"], first["sequence"], first["turn_id"]) == (FIRST, 1, question.id)
    names = [seen.event for seen in screen.events]
    assert names.index("reply.started") == names.index("reply.delta") - 1
    assert answer["content"] == FIRST + LAST
    assert answer["content"].startswith("".join(delta["text"] for delta in screen.deltas))
    assert answer["turn_id"] == question.id


async def test_a_takeover_in_the_middle_ends_what_is_shown(
    stack: RunningStack, provider: Provider, worker: WorkerProcess, screen: Screen
) -> None:
    """Two voices at once would be worse than either: the machine's falls silent."""
    goes_on = asyncio.Event()
    provider.will(
        streams(token(beginning(f"{FIRST} ")), goes_on, token(f'{LAST[1:]}"}}'), *ending())
    )
    question = await screen.conversation.send("What is Romashka?")
    await screen.sees("reply.delta")
    async with service_of(stack) as team:
        await team.call("take_over_conversation", conversation_id=screen.conversation.id)
    settled = await screen.sees("reply.settled", turn_id=question.id)
    job = {"conversation_id": screen.conversation.id}
    await becomes(
        lambda: worker.logged("job.dropped", **job) or worker.logged("job.settled", **job)
    )
    goes_on.set()
    await screen.is_up_to_date()

    assert (settled["outcome"], settled["message_id"]) == ("taken_over", None)
    assert [delta["text"] for delta in screen.deltas] == [FIRST]
    assert {message.kind for message in await screen.conversation.messages()} == {"message"}


async def test_nothing_is_shown_of_a_reply_that_policy_holds_back(
    provider: Provider, worker: WorkerProcess, screen: Screen
) -> None:
    """What is wrong for the message is wrong for the preview."""
    provider.will(answers(analysis(reply=FIRST, needs_human=True, reason="out_of_scope")))
    question = await screen.conversation.send("What is Romashka?")
    answer = await screen.answer_to(question.id)
    await screen.is_up_to_date()

    assert answer["metadata"]["reason"] == "out_of_scope"
    assert not [seen for seen in screen.events if seen.event in ("reply.started", "reply.delta")]


async def test_nothing_is_shown_of_what_stands_nowhere(
    provider: Provider, worker: WorkerProcess, screen: Screen
) -> None:
    """A price that a model made up is neither sent nor seen; made up twice, a human answers."""
    provider.will(answers(analysis(reply=f"{FIRST} {INVENTED}")))
    question = await screen.conversation.send("What is Romashka?")
    answer = await screen.answer_to(question.id)

    assert answer["content"] == FIRST
    assert [delta["text"] for delta in screen.deltas] in ([], [FIRST])
    provider.will(answers(analysis(reply=f"Hello! {INVENTED}")))
    question = await screen.conversation.send("What does it cost?")
    answer = await screen.answer_to(question.id)
    await screen.is_up_to_date()
    assert answer["metadata"]["reason"] == "ungrounded"
    assert "29" not in str(screen.deltas)
    assert not [delta for delta in screen.deltas if delta["turn_id"] == question.id]
