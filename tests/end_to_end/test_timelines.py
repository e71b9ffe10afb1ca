"""What customers live through, second by second, on the whole stack.

Stories that do not disturb one another run at the same time.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from tests.end_to_end.visitor import Visitor, visit
from tests.support.customers import service_of
from tests.support.proxy import open_proxy
from tests.support.stacks import RunningStack
from tests.support.waiting import becomes
from tests.worker.provider import Provider, analysis, answers_after, hangs, open_provider
from tests.worker.worker_process import WorkerProcess, run_worker

PROMISE_SECONDS = 6.0


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with open_provider() as running:
        yield running


async def at_once(*stories: Coroutine[Any, Any, None]) -> None:
    """Let the stories happen at the same time."""
    async with asyncio.TaskGroup() as tasks:
        for story in stories:
            tasks.create_task(story)


def assert_kept(visitor: Visitor) -> None:
    """Each turn has one answer, seen in time."""
    turns = [answer.message.turn_id for answer in visitor.answers]
    assert len(turns) == len(set(turns))
    assert max(answer.seconds for answer in visitor.answers) <= PROMISE_SECONDS


async def say_as_agent(stack: RunningStack, visitor: Visitor, text: str) -> None:
    row = {"conversation_id": visitor.conversation.id, "sender_type": "agent", "content": text}
    async with service_of(stack) as service:
        await service.supabase.table("messages").insert(row).execute()


async def test_with_a_worker_every_turn_gets_its_one_answer_in_time(
    stack: RunningStack, provider: Provider
) -> None:
    """However customers write, and whatever the network does to them meanwhile."""

    async def answers_as_asked() -> Any:
        asked = str(provider.requests[-1]["messages"])
        if "never" in asked:
            return await hangs()()
        seconds = 2.8 if "slowly" in asked else 0.8
        return await answers_after(seconds, analysis(reply="An answer."))()

    provider.will(answers_as_asked)
    async with run_worker(stack, OPENAI_BASE_URL=provider.url) as worker:
        await at_once(
            one_message(stack),
            five_in_a_burst(stack),
            five_in_three_seconds(stack),
            twenty_seconds_without_a_pause(stack),
            an_agent_at_two_seconds(stack, worker),
            a_connection_that_breaks_while_waiting(stack),
        )


async def one_message(stack: RunningStack) -> None:
    async with visit(stack) as visitor:
        await visitor.say("What is Romashka?")
        (answer,) = await visitor.sees()

    assert answer.message.kind == "reply"
    assert_kept(visitor)


async def five_in_a_burst(stack: RunningStack) -> None:
    """Within the cap (2 s) a burst is one turn."""
    async with visit(stack) as visitor:
        await write_parts(visitor, 5, every_seconds=0.1)
        await becomes(lambda: has_answers_to_all(visitor))

    assert len(visitor.answers) == 1
    assert_kept(visitor)


async def five_in_three_seconds(stack: RunningStack) -> None:
    """What comes after the cap, while the burst is being answered, is a turn of its own."""
    async with visit(stack) as visitor:
        await write_parts(visitor, 5, every_seconds=0.6)
        await becomes(lambda: has_answers_to_all(visitor))

    assert len(visitor.answers) <= 2
    assert_kept(visitor)


async def twenty_seconds_without_a_pause(stack: RunningStack) -> None:
    """Somebody who never stops writing is answered all the while."""
    async with visit(stack) as visitor:
        await write_parts(visitor, 40, every_seconds=0.5)
        await becomes(lambda: has_answers_to_all(visitor))

    assert len(visitor.answers) >= 4
    assert_kept(visitor)


async def write_parts(visitor: Visitor, count: int, *, every_seconds: float) -> None:
    """Write at a steady pace, however long each call takes."""
    started_at = time.monotonic()
    for number in range(count):
        await asyncio.sleep(started_at + number * every_seconds - time.monotonic())
        await visitor.say(f"part {number}")


async def has_answers_to_all(visitor: Visitor) -> bool:
    jobs = [job for job in await visitor.jobs() if job["status"] == "completed"]
    return await visitor.answered_messages() == visitor.sent and len(visitor.answers) == len(jobs)


async def an_agent_at_two_seconds(stack: RunningStack, worker: WorkerProcess) -> None:
    """The answer that was being written is never sent."""
    async with visit(stack) as visitor:
        await visitor.say("Answer never, please.")
        await asyncio.sleep(2)
        await say_as_agent(stack, visitor, "I am here.")
        await worker.has_logged("job.dropped", conversation_id=visitor.conversation.id)
        messages = await visitor.conversation.messages()

    assert [message.sender_type for message in messages] == ["user", "agent"]


async def a_connection_that_breaks_while_waiting(stack: RunningStack) -> None:
    """The answer came while nobody listened: it is seen all the same."""
    async with open_proxy(stack.api_url) as network, visit(stack, network.url) as visitor:
        await visitor.say("Answer slowly, please.")
        await asyncio.sleep(1.5)
        network.refuses = b"/realtime/v1/websocket"
        network.cut()
        await asyncio.sleep(1.6)  # the answer comes meanwhile
        network.refuses = None
        (answer,) = await visitor.sees()

    assert answer.message.kind == "reply"
    assert_kept(visitor)


async def test_when_the_only_worker_is_killed_a_human_is_announced_in_time(
    stack: RunningStack, provider: Provider
) -> None:
    """The worker dies at 4 s, with the lease and the model's answer: cron hands over."""
    provider.will(hangs())
    async with run_worker(stack, OPENAI_BASE_URL=provider.url) as worker, visit(stack) as visitor:
        sent = await visitor.say("What is Romashka?")
        await worker.has_logged("job.claimed", conversation_id=visitor.conversation.id)
        await asyncio.sleep(4 - (time.time() - sent.created_at.timestamp()))
        await worker.end(signal.SIGKILL)
        (answer,) = await visitor.sees()

    assert answer.message.kind == "handover"
    assert_kept(visitor)


async def test_without_any_worker_a_human_is_announced_in_time_and_then_not_at_once_again(
    stack: RunningStack,
) -> None:
    """Nobody but cron is there; a customer who goes on writing waits for the human."""
    async with visit(stack) as visitor:
        await visitor.say("What is Romashka?")
        (answer,) = await visitor.sees()
        await visitor.say("Still there?")
        ended = await becomes(lambda: two_ended(visitor))
        await say_as_agent(stack, visitor, "I am here.")
        messages = await visitor.conversation.messages()

    assert answer.message.kind == "handover"
    assert_kept(visitor)
    assert ended == ["escalated", "taken_over"]
    assert [message.sender_type for message in messages] == ["user", "ai", "user", "agent"]


async def two_ended(visitor: Visitor) -> list[str]:
    outcomes = [job["outcome"] for job in await visitor.jobs()]
    return outcomes if len(outcomes) == 2 and all(outcomes) else []


async def test_the_originals_worker_claims_and_completes(stack: RunningStack) -> None:
    """It knows no leases and no attempts: one bare call, one completion by the job's id."""
    async with visit(stack) as visitor, service_of(stack) as service:
        await visitor.say("What is Romashka?")
        job = await becomes(lambda: claim_barely(service, visitor))
        completion = {
            "job_id": job["job_id"],
            "ai_response": "An inbox.",
            "confidence": 0.9,
            "response_time_ms": 120,
        }
        first = await service.call("complete_ai_response_job", **completion)
        second = await service.call("complete_ai_response_job", **completion)
        (answer,) = await visitor.sees()

    assert (first, second) == (True, False)
    assert job["user_message"] == "What is Romashka?"
    assert answer.message.content == "An inbox."
    assert_kept(visitor)


async def claim_barely(service: Any, visitor: Visitor) -> Any:
    """Claim as the original does; leave alone what other tests left behind."""
    jobs = await service.call("get_next_ai_response_job")
    return next((j for j in jobs if j["conversation_id"] == visitor.conversation.id), None)
