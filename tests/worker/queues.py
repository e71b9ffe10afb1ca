"""A queue in memory, and a worker in this process that works on it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from romashka import AsyncRomashka, Broadcast, Listener, Resync
from romashka_worker.health import Health
from romashka_worker.job import Answer, Job, Settlement
from romashka_worker.loop import Loop
from romashka_worker.queue import JobQueue, Result
from romashka_worker.recorder import Recorder
from romashka_worker.turns import Turns
from romashka_worker.wake import Wake

from tests.worker.turns import job

NEVER = 3600.0


class Announcements(Listener):
    """A subscription that stands, and brings what `put` is given."""

    def __init__(self, *, is_live: bool = True) -> None:
        self._live = is_live
        self._signals: asyncio.Queue[Broadcast | Resync] = asyncio.Queue()

    @property
    def is_live(self) -> bool:
        return self._live

    def announce(self, job_id: str, **payload: Any) -> None:
        turn = {"job_id": job_id, "status": "pending"} | payload
        self._signals.put_nowait(Broadcast("conversation.changed", {"turn": turn}))

    async def __anext__(self) -> Broadcast | Resync:
        return await self._signals.get()


class Backlog(JobQueue):
    """A queue in memory. What it is told to do first, by the name of a call, it does once."""

    def __init__(self, *ids: str) -> None:
        self.waiting = [job(id=id, user_message=id) for id in ids]
        self.settled: dict[str, Answer] = {}
        self.calls: list[tuple[str, list[str]]] = []
        self.first: dict[str, list[Callable[[], Awaitable[None]]]] = {}

    async def claim(self, limit: int, wait_seconds: float = 0) -> list[Job]:
        await self._begin("claim")
        jobs, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return jobs

    async def renew(self, leased: Sequence[Job]) -> set[str]:
        await self._begin("renew", leased)
        return set()

    async def release(self, leased: Sequence[Job]) -> None:
        await self._begin("release", leased)

    async def settle(self, results: Sequence[Result]) -> dict[str, Settlement]:
        await self._begin("settle", [job for job, _ in results])
        self.settled |= {job.id: answer for job, answer in results}
        return {job.id: Settlement(True, "replied") for job, _ in results}

    async def _begin(self, call: str, jobs: Sequence[Job] = ()) -> None:
        self.calls.append((call, [job.id for job in jobs]))
        if first := self.first.get(call):
            await first.pop(0)()

    def count(self, call: str) -> int:
        """Return how often a call was made."""
        return sum(name == call for name, _ in self.calls)


def raises(error: Exception) -> Callable[[], Awaitable[None]]:
    """Do that, and nothing else."""

    async def fail() -> None:
        raise error

    return fail


async def hang() -> None:
    """Never answer."""
    await asyncio.sleep(NEVER)


class Traces:
    """A database that takes traces of turns."""

    async def call(self, function: str, **arguments: object) -> None:
        assert function == "record_ai_response_traces"


async def answer_at_once(_: Job) -> Answer:
    """Answer."""
    return Answer(action="reply", text="An answer.", confidence=1)


@asynccontextmanager
async def working(
    queue: JobQueue,
    wake: Wake,
    client: AsyncRomashka | Any,
    answer: Callable[[Job], Awaitable[Answer]] = answer_at_once,
    concurrency: int = 8,
    health: Health | None = None,
) -> AsyncIterator[None]:
    """Run a worker in this process until the block is left."""
    health = health or Health()
    recorder = Recorder(client, "worker-in-a-test", keeps_prompts=False)
    turns = Turns(answer, recorder, health)
    worker = Loop(queue, wake, turns.work, concurrency=concurrency, grace_seconds=5, health=health)
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await running
