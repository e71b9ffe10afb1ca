"""A worker process on a whole stack: it answers, and what happens when it is stopped or killed."""

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest
from romashka import Conversation, Message, NoAnswerNeeded

from tests.support.customers import customer_of, new_identifier
from tests.support.proxy import open_proxy
from tests.support.stacks import RunningStack
from tests.support.waiting import becomes
from tests.worker.provider import Provider, analysis, answers, answers_after, hangs, open_provider
from tests.worker.worker_process import run_worker

QUESTION = "What is Romashka?"


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with open_provider() as running:
        yield running


@pytest.fixture
async def conversation(stack: RunningStack) -> AsyncIterator[Conversation]:
    async with customer_of(stack) as client:
        yield await client.conversations.create(new_identifier())


async def automatic(conversation: Conversation) -> list[Message]:
    """Return the automatic answers of a conversation."""
    return [message for message in await conversation.messages() if message.kind != "message"]


async def test_a_question_is_answered_from_the_knowledge_base(
    stack: RunningStack, conversation: Conversation
) -> None:
    """Without any model provider a customer still gets the team's own words."""
    async with run_worker(stack) as worker:
        answer = await conversation.ask(QUESTION, timeout_seconds=60)
        settled = await worker.has_logged("job.settled", conversation_id=conversation.id)

    assert answer.kind == "reply"
    assert answer.content.startswith("Romashka turns a Supabase project into")
    assert settled["outcome"] == "replied"
    assert QUESTION not in worker.output
    assert answer.content not in worker.output


async def test_small_talk_asks_for_nobody_and_the_next_question_is_answered(
    stack: RunningStack, conversation: Conversation
) -> None:
    """ "hi" was handed over, and "thanks!" silenced the AI for good."""
    async with run_worker(stack) as worker:
        greeting = await conversation.ask("Hi!", timeout_seconds=60)
        await conversation.ask(QUESTION, timeout_seconds=60)
        with pytest.raises(NoAnswerNeeded):
            await conversation.ask("Thanks 👍", timeout_seconds=60)
        settled = await worker.has_logged("job.settled", outcome="not_needed")
        answer = await conversation.ask(QUESTION, timeout_seconds=60)

    assert greeting.content == "Hello! How can I help you?"
    assert settled["conversation_id"] == conversation.id
    assert answer.content.startswith("Romashka turns a Supabase project into")
    assert [message.kind for message in await automatic(conversation)] == ["reply"] * 3


async def test_a_request_for_a_human_is_handed_over_in_the_customers_language(
    stack: RunningStack, conversation: Conversation
) -> None:
    """The hand-over is the one text that must not come in the wrong language."""
    async with run_worker(stack):
        answer = await conversation.ask(
            "Ich möchte mit einem Menschen sprechen", timeout_seconds=60
        )

    assert answer.kind == "handover"
    assert answer.metadata["reason"] == "human_requested"
    assert answer.content.startswith("Ich gebe das an")


async def test_the_model_answers_when_there_is_one(
    stack: RunningStack, conversation: Conversation, provider: Provider
) -> None:
    """OPENAI_BASE_URL alone switches the model on, and it is given what the knowledge base has."""
    async with run_worker(stack, OPENAI_BASE_URL=provider.url):
        answer = await conversation.ask(QUESTION, timeout_seconds=60)

    assert answer.content == "It is an inbox."
    assert "Romashka turns a Supabase project into" in str(provider.documents[0]["knowledge"])


async def test_without_the_model_the_knowledge_base_answers(
    stack: RunningStack, conversation: Conversation, provider: Provider
) -> None:
    """A provider that hangs costs time, not the answer: that comes within the six seconds."""
    provider.will(hangs())
    async with run_worker(stack, OPENAI_BASE_URL=provider.url):
        answer = await conversation.ask(QUESTION, timeout_seconds=60)

    assert answer.kind == "reply"
    assert answer.content.startswith("Romashka turns a Supabase project into")


async def test_a_failed_model_without_an_item_hands_over(
    stack: RunningStack, conversation: Conversation, provider: Provider
) -> None:
    """No answer at all would be silence."""
    provider.will(answers("not an answer"))
    async with run_worker(stack, OPENAI_BASE_URL=provider.url):
        answer = await conversation.ask(
            "Which wine goes well with grilled octopus?", timeout_seconds=60
        )

    assert answer.kind == "handover"
    assert answer.metadata["reason"] == "ai_failure"


async def test_a_killed_workers_turn_is_answered_once_by_another(
    stack: RunningStack, conversation: Conversation, provider: Provider
) -> None:
    """SIGKILL in the middle of a job: the lease runs out, and the customer notices nothing."""
    provider.will(hangs())
    async with run_worker(stack) as second:
        second.pause()
        async with run_worker(stack, OPENAI_BASE_URL=provider.url) as first:
            asking = asyncio.create_task(conversation.ask(QUESTION, timeout_seconds=60))
            await first.has_logged("job.claimed", conversation_id=conversation.id)
            await first.end(signal.SIGKILL)
        second.resume()
        answer = await asking
        settled = await second.has_logged("job.settled", conversation_id=conversation.id)

    assert answer.kind == "reply"
    assert settled["attempt"] == 2
    assert await automatic(conversation) == [answer]


async def test_a_stopped_worker_finishes_what_it_has(
    stack: RunningStack, conversation: Conversation, provider: Provider
) -> None:
    """A deployment must not cost an answer."""
    provider.will(answers_after(0.7, analysis()))
    async with run_worker(stack, OPENAI_BASE_URL=provider.url) as worker:
        asking = asyncio.create_task(conversation.ask(QUESTION, timeout_seconds=60))
        await worker.has_logged("job.claimed", conversation_id=conversation.id)
        code = await worker.end(signal.SIGTERM)
        answer = await asking
        await worker.has_logged("worker.stopped")

    assert code == 0
    assert answer.content == "It is an inbox."


async def test_a_stopped_worker_gives_back_what_it_cannot_finish(
    stack: RunningStack, conversation: Conversation, provider: Provider
) -> None:
    """After the grace time the job is free at once; nobody waits for its lease."""
    provider.will(hangs())
    stopped_at_once = {"OPENAI_BASE_URL": provider.url, "ROMASHKA_GRACE_SECONDS": "0"}
    async with run_worker(stack) as second:
        second.pause()
        async with run_worker(stack, **stopped_at_once) as first:
            asking = asyncio.create_task(conversation.ask(QUESTION, timeout_seconds=60))
            await first.has_logged("job.claimed", conversation_id=conversation.id)
            assert await first.end(signal.SIGTERM) == 0
            await first.has_logged("leases.released")
        second.resume()
        answer = await asking

    assert answer.kind == "reply"
    assert await automatic(conversation) == [answer]


async def test_a_message_during_the_draft_makes_one_answer_to_both(
    stack: RunningStack, conversation: Conversation, provider: Provider
) -> None:
    """The draft that the customer overtook is dropped, and never sent."""
    provider.will(hangs(), answers(analysis(reply="to both")))
    async with run_worker(stack, OPENAI_BASE_URL=provider.url) as worker:
        await conversation.send("What is Romashka?")
        await becomes(lambda: provider.requests)  # whoever is asked first hangs
        answer = await conversation.ask("And which channels are supported?", timeout_seconds=60)
        await worker.has_logged("job.dropped", conversation_id=conversation.id)

    assert answer.content == "to both"
    assert await automatic(conversation) == [answer]


async def test_without_realtime_the_long_poll_is_enough(
    stack: RunningStack, conversation: Conversation
) -> None:
    """A project whose Realtime is down or full still answers its customers."""
    async with open_proxy(stack.api_url) as network:
        network.refuses = b"/realtime/v1/websocket"
        async with run_worker(stack, network.url):
            answer = await conversation.ask(QUESTION, timeout_seconds=60)

    assert answer.kind == "reply"


async def test_a_worker_outlives_a_network_that_breaks(
    stack: RunningStack, conversation: Conversation
) -> None:
    """When the project is back, so is the worker: nobody restarts it at night."""
    async with open_proxy(stack.api_url) as network, run_worker(stack, network.url) as worker:
        network.refuses = b""
        network.cut()
        await worker.has_logged("claim.failed")
        network.refuses = None
        answer = await conversation.ask(QUESTION, timeout_seconds=60)

    assert answer.kind == "reply"
