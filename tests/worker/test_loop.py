"""What gets a worker to claim, and to keep what it has claimed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from romashka import AsyncRomashka, Broadcast, Conversation, Listener, Message, Resync
from romashka_worker import queue as queues
from romashka_worker.health import Health
from romashka_worker.job import Answer, Job, Settlement
from romashka_worker.loop import Loop
from romashka_worker.queue import JobQueue, Result
from romashka_worker.recorder import Recorder
from romashka_worker.turns import Turns
from romashka_worker.wake import TOPIC, Wake

from tests.support.customers import customer_of, new_identifier
from tests.support.proxy import open_proxy
from tests.support.stacks import RunningStack
from tests.support.waiting import becomes
from tests.worker.turns import job

NEVER = 3600.0


class Deaf(Listener):
    """A subscription that stands, and on which every announcement gets lost."""

    def __init__(self) -> None: ...

    @property
    def is_live(self) -> bool:
        return True

    async def __anext__(self) -> Broadcast | Resync:
        await asyncio.sleep(NEVER)
        raise AssertionError("nothing comes")


async def answer_at_once(_: Job) -> Answer:
    return Answer(action="reply", text="An answer.", confidence=1)


@asynccontextmanager
async def working(
    queue: JobQueue,
    wake: Wake,
    client: AsyncRomashka,
    answer: Callable[[Job], Awaitable[Answer]] = answer_at_once,
    concurrency: int = 8,
) -> AsyncIterator[None]:
    """Run a worker in this process until the block is left."""
    recorder = Recorder(client, "worker-in-a-test", keeps_prompts=False)
    turns = Turns(answer, recorder, Health())
    worker = Loop(queue, wake, turns.work, concurrency=concurrency, grace_seconds=5)
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await running


@asynccontextmanager
async def working_on(
    stack: RunningStack, url: str | None = None, *, is_deaf: bool = False
) -> AsyncIterator[Wake]:
    """Run a worker on a stack, and give what wakes it."""
    async with (
        AsyncRomashka.connect(url or stack.api_url, stack.service_role_key) as client,
        client.topics.listen(TOPIC) as listener,
    ):
        wake = Wake(Deaf() if is_deaf else listener)
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


class Backlog(JobQueue):
    """A queue in memory in which that many jobs wait. Its first heartbeat hangs."""

    def __init__(self, count: int) -> None:
        self.waiting = [job(id=str(number)) for number in range(count)]
        self.settled: list[str] = []
        self.beats = 0

    async def claim(self, limit: int, wait_seconds: float = 0) -> list[Job]:
        jobs, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return jobs

    async def renew(self, leased: Sequence[Job]) -> set[str]:
        self.beats += 1
        if self.beats == 1:
            await asyncio.sleep(NEVER)
        return set()

    async def settle(self, results: Sequence[Result]) -> dict[str, Settlement]:
        ids = [job.id for job, _ in results]
        self.settled += ids
        return dict.fromkeys(ids, Settlement(True, "replied"))


class Traces:
    """A database that takes traces of turns."""

    async def call(self, function: str, **arguments: object) -> None:
        assert function == "record_ai_response_traces"


async def test_a_backlog_is_taken_as_slots_get_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """More jobs than a claim takes, and than there are slots: none of them waits for the timer."""
    monkeypatch.setattr(queues, "POLL_SECONDS", NEVER)
    monkeypatch.setattr(Backlog, "max_claim", 2)
    backlog = Backlog(20)
    async with working(backlog, Wake(Deaf()), Traces(), concurrency=3):
        await becomes(lambda: len(backlog.settled) == 20)


async def test_a_heartbeat_that_hangs_costs_no_lease() -> None:
    """One lost packet would have every turn of the worker answered a second time."""
    backlog = Backlog(1)
    has_beaten = asyncio.Event()

    async def answer_later(job: Job) -> Answer:
        await has_beaten.wait()
        return await answer_at_once(job)

    async with working(backlog, Wake(Deaf()), Traces(), answer_later):
        await becomes(lambda: backlog.beats > 1)
        has_beaten.set()
        await becomes(lambda: backlog.settled)
