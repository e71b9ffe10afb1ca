"""The worker's loop: wake, claim, dispatch, wait, shut down. How to answer it does not know."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from romashka import RomashkaError

from romashka_worker.health import Health
from romashka_worker.job import Answer, Job
from romashka_worker.logs import describe
from romashka_worker.metrics import CLAIMS, HELD, SLOTS
from romashka_worker.queue import MAX_JOBS, Queue
from romashka_worker.recorder import Recorder
from romashka_worker.settler import Settler
from romashka_worker.trace import stage
from romashka_worker.wake import Wake

HEARTBEAT_SECONDS = 0.5
CLAIM_SECONDS = 0.25
"""A worker with free slots claims this often, besides the wake-ups: leases run out, quiet windows
end and broadcasts get lost without an event. One without sweeps as often, as a claim would have."""
_AGAIN_SECONDS = 0.02
"""After an announcement, a claim that found nothing is made once more: for an instant a delivery's
claim may lock the conversation, or the commit be told of before it is seen."""
LONG_POLL_SECONDS = 5.0
_TROUBLE_SECONDS = 1.0

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class _Held:
    """A job that this worker holds the lease of."""

    job: Job
    task: asyncio.Task[None] | None = None
    is_settling: bool = False
    """Its answer is on the way: nobody cancels it any more, the database decides."""


class Worker:
    """Claims jobs, has them answered, settles them; `stop` makes `run` end in order.

    If the process dies instead, its leases run out within two seconds, and another worker's claim
    takes the jobs over.
    """

    def __init__(
        self,
        queue: Queue,
        wake: Wake,
        answer: Callable[[Job], Awaitable[Answer]],
        recorder: Recorder,
        health: Health,
        *,
        concurrency: int,
        grace_seconds: float,
    ) -> None:
        self._queue = queue
        self._answer = answer
        self._recorder = recorder
        self._health = health
        self._settler = Settler(queue.settle)
        self._concurrency = concurrency
        self._grace_seconds = grace_seconds
        self._held: dict[str, _Held] = {}
        self._wake = wake
        self._stopping = asyncio.Event()
        SLOTS.set(concurrency)
        HELD.set_function(lambda: len(self._held))

    def stop(self) -> None:
        """Claim nothing more; finish what is held, within the grace time."""
        self._health.is_draining = True
        self._stopping.set()
        self._wake.ring()

    async def run(self) -> None:
        """Work until stopped."""
        async with asyncio.TaskGroup() as tasks:
            service = [
                tasks.create_task(self._wake.listen()),
                tasks.create_task(self._beat_regularly()),
                tasks.create_task(self._sweep_while_busy()),
                tasks.create_task(self._settler.run()),
                tasks.create_task(self._recorder.run()),
                tasks.create_task(self._health.run()),
            ]
            await self._claim_until_stopped(tasks)
            await self._drain()
            for task in service:
                task.cancel()
        await self._recorder.write()

    # ---- claiming

    async def _claim_until_stopped(self, tasks: asyncio.TaskGroup) -> None:
        await self._wake.wait(_TROUBLE_SECONDS)  # the subscription wakes us; without it, long-poll
        has_rung = False
        while not self._stopping.is_set():
            pause_seconds = await self._claim(tasks, has_rung)
            has_rung = bool(pause_seconds) and await self._wake.wait(pause_seconds)

    async def _claim(self, tasks: asyncio.TaskGroup, has_rung: bool) -> float:
        """Claim and start what there is; return the seconds to the next claim, if nobody rings."""
        if not (free := min(self._free_slots(), MAX_JOBS)):
            return CLAIM_SECONDS
        polls = not self._wake.is_live
        try:
            jobs = await self._queue.claim(free, LONG_POLL_SECONDS if polls else 0.0)
        except (RomashkaError, TimeoutError) as error:
            self._health.can_claim = False
            CLAIMS.labels("failed").inc()
            log.warning("claim.failed", error=describe(error))
            return _TROUBLE_SECONDS
        self._health.can_claim = True
        CLAIMS.labels("jobs" if jobs else "none").inc()
        if self._stopping.is_set():
            await self._release(jobs)
            return 0.0
        for job in jobs:
            self._start(job, tasks)
        if polls or len(jobs) == free:  # there may be more
            return 0.0
        return _AGAIN_SECONDS if has_rung and not jobs else CLAIM_SECONDS

    def _free_slots(self) -> int:
        return self._concurrency - len(self._held)

    async def _sweep_while_busy(self) -> None:
        while True:
            await asyncio.sleep(CLAIM_SECONDS)
            if self._free_slots() <= 0:
                with suppress(RomashkaError, TimeoutError):
                    await self._queue.sweep()

    # ---- one job

    def _start(self, job: Job, tasks: asyncio.TaskGroup) -> None:
        if stale := self._held.get(job.id):  # we lost the lease, and got the job again
            self._cancel(stale)
        held = self._held[job.id] = _Held(job)
        held.task = tasks.create_task(self._work(held))
        log.info("job.claimed", **_names(job))

    async def _work(self, held: _Held) -> None:
        with self._recorder.turn(held.job) as trace:
            try:
                answer = await self._answer(held.job)
                held.is_settling = True
                with stage("settle"):
                    trace.settled(answer, await self._settler.settle(held.job, answer))
            except asyncio.CancelledError:
                log.info("job.dropped", outcome=trace.outcome)
                raise
            except (RomashkaError, TimeoutError) as error:
                trace.outcome = "unsettled"
                log.error("job.unsettled", outcome=trace.outcome, error=describe(error))
            finally:
                self._forget(held)

    def _forget(self, held: _Held) -> None:
        was_full = not self._free_slots()
        if self._held.get(held.job.id) is held:
            del self._held[held.job.id]
        if was_full or self._stopping.is_set():  # somebody waits for it
            self._wake.ring()

    def _cancel(self, held: _Held) -> None:
        if held.task is not None and not held.is_settling:
            held.task.cancel()

    async def _beat_regularly(self) -> None:
        """Beat on time: if one heartbeat hangs, the next keeps the leases."""
        async with asyncio.TaskGroup() as beats:
            while True:
                await asyncio.sleep(HEARTBEAT_SECONDS)
                if self._held:
                    beats.create_task(self._beat())

    async def _beat(self) -> None:
        """Prolong all leases in one call, and drop the jobs that are not ours any more."""
        beating = list(self._held.values())
        try:
            lost = await self._queue.extend([held.job for held in beating])
        except (RomashkaError, TimeoutError) as error:
            log.warning("heartbeat.failed", error=describe(error))
            return
        for held in beating:
            if held.job.id in lost:
                self._cancel(held)

    # ---- shutting down

    async def _drain(self) -> None:
        log.info("worker.draining", jobs=len(self._held))
        give_up_at = time.monotonic() + self._grace_seconds
        while self._held and (left := give_up_at - time.monotonic()) > 0:
            await self._wake.wait(left)
        unfinished = list(self._held.values())
        for held in unfinished:
            if held.task is not None:
                held.task.cancel()
        await self._release([held.job for held in unfinished])

    async def _release(self, jobs: list[Job]) -> None:
        if not jobs:
            return
        log.info("jobs.released", job_ids=[job.id for job in jobs])
        with suppress(RomashkaError, TimeoutError):  # then their leases run out
            await self._queue.release(jobs)


def _names(job: Job) -> dict[str, Any]:
    return {"job_id": job.id, "conversation_id": job.conversation_id, "attempt": job.attempt}
