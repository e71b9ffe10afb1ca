"""What gets a worker to claim, and to keep what it has claimed."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from romashka import AsyncRomashka, Conversation, Message, ServerError
from romashka_worker import loop
from romashka_worker import queue as queues
from romashka_worker.health import Health
from romashka_worker.job import Answer, Job
from romashka_worker.queue import JobQueue
from romashka_worker.wake import TOPIC, Wake

from tests.support.customers import customer_of, new_identifier
from tests.support.proxy import open_proxy
from tests.support.stacks import RunningStack
from tests.support.waiting import becomes
from tests.worker.queues import (
    NEVER,
    Announcements,
    Backlog,
    Traces,
    answer_at_once,
    hang,
    raises,
    working,
)


@asynccontextmanager
async def working_on(
    stack: RunningStack, url: str | None = None, *, is_deaf: bool = False
) -> AsyncIterator[Wake]:
    """Run a worker on a stack, and give what wakes it."""
    async with (
        AsyncRomashka.connect(url or stack.api_url, stack.service_role_key) as client,
        client.topics.listen(TOPIC) as listener,
    ):
        wake = Wake(Announcements() if is_deaf else listener)
        async with working(JobQueue(client, "worker-in-a-test"), wake, client):
            yield wake


@pytest.fixture
async def conversation(stack: RunningStack) -> AsyncIterator[Conversation]:
    async with customer_of(stack) as client:
        yield await client.conversations.create(new_identifier())


async def asked_twice(conversation: Conversation) -> list[Message]:
    """Return the answers; the first one may be owed to the claim that a worker begins with."""
    return [await conversation.ask(text, timeout_seconds=60) for text in ("one", "two")]


async def test_an_announcement_is_enough(
    stack: RunningStack, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A customer would wait for the timer, each time."""
    monkeypatch.setattr(queues, "POLL_SECONDS", NEVER)
    async with working_on(stack) as wake:
        await becomes(lambda: wake.is_live)
        answers = await asked_twice(conversation)

    assert [message.kind for message in answers] == ["reply", "reply"]


async def test_lost_announcements_cost_no_more_than_a_poll(
    stack: RunningStack, conversation: Conversation
) -> None:
    """Broadcasts are best effort: on a bad day none arrives."""
    async with working_on(stack, is_deaf=True):
        answers = await asked_twice(conversation)

    assert [message.kind for message in answers] == ["reply", "reply"]


async def test_a_worker_subscribes_again_when_realtime_is_back(
    stack: RunningStack, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it would long-poll from the first hiccup to the next deployment."""
    monkeypatch.setattr(queues, "POLL_SECONDS", NEVER)
    async with open_proxy(stack.api_url) as network, working_on(stack, network.url) as wake:
        await becomes(lambda: wake.is_live)
        network.refuses = b"/realtime/v1/websocket"
        network.cut()
        await becomes(lambda: not wake.is_live)
        network.refuses = None
        await becomes(lambda: wake.is_live)
        answers = await asked_twice(conversation)

    assert [message.kind for message in answers] == ["reply", "reply"]


async def test_a_backlog_is_taken_as_slots_get_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """More jobs than a claim takes, and than there are slots: none of them waits for the timer."""
    monkeypatch.setattr(queues, "POLL_SECONDS", NEVER)
    monkeypatch.setattr(Backlog, "max_claim", 2)
    backlog = Backlog(*map(str, range(20)))
    async with working(backlog, Wake(Announcements()), Traces(), concurrency=3):
        await becomes(lambda: len(backlog.settled) == 20)


async def test_a_project_that_gives_few_rows_at_a_time_leaves_no_turn(stack: RunningStack) -> None:
    """What a claim had leased beyond `max_rows` waited for its lease to run out, every time."""

    async def cut(request: httpx.Request) -> None:
        if "get_next_ai_response_job" in request.url.path:
            request.url = request.url.copy_set_param("limit", "3")

    conversations: set[str] = set()
    async with (
        customer_of(stack) as customer,
        AsyncRomashka.connect(stack.api_url, stack.service_role_key) as client,
    ):
        for channel in ("website", "whatsapp", "instagram", "email"):
            opened = await customer.conversations.create(new_identifier(), channel, "Hello?")
            conversations.add(opened.id)
        http = client.supabase.options.httpx_client
        assert isinstance(http, httpx.AsyncClient)
        http.event_hooks = {"request": [cut]}
        queue = JobQueue(client, "worker-in-a-test")
        first = await queue.claim(100)
        seen = {job.conversation_id for job in first}
        async with asyncio.timeout(20):
            while not conversations <= seen:
                seen |= {job.conversation_id for job in await queue.claim(queue.max_claim, 1)}

    assert len(first) == 3
    assert queue.max_claim == 3


async def test_a_heartbeat_that_hangs_costs_no_lease() -> None:
    """One lost packet would have every turn of the worker answered a second time."""
    backlog = Backlog("one")
    backlog.first["renew"] = [hang]
    has_beaten = asyncio.Event()

    async def answer_later(job: Job) -> Answer:
        await has_beaten.wait()
        return await answer_at_once(job)

    async with working(backlog, Wake(Announcements()), Traces(), answer_later):
        await becomes(lambda: backlog.count("renew") > 1)
        has_beaten.set()
        await becomes(lambda: backlog.settled)


async def test_a_long_poll_that_finds_no_place_comes_again_in_its_own_time() -> None:
    """Where many workers wait, the database turns most of them away at once: asking again at once
    would take its connections from customers.
    """
    backlog = Backlog()
    async with working(backlog, Wake(Announcements(is_live=False)), Traces()):
        await becomes(lambda: backlog.count("claim") > 1)
        before, began = backlog.count("claim"), time.monotonic()
        await becomes(lambda: backlog.count("claim") > before + 2)
        took = time.monotonic() - began

    assert took > 0.3


@pytest.mark.parametrize("name", ["40P01", "55P03"])
async def test_a_claim_that_another_transaction_was_in_the_way_of_is_made_again(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deadlock is nobody's fault, and over: customers do not wait for the worker to recover."""
    monkeypatch.setattr(loop, "_TROUBLE_SECONDS", NEVER)
    backlog, announcements, health = Backlog("one"), Announcements(), Health()
    backlog.first["claim"] = [raises(ServerError("no", name=name))]
    wake = Wake(announcements)
    wake.ring()
    async with working(backlog, wake, Traces(), health=health):
        await becomes(lambda: backlog.settled)
        assert health.can_claim
