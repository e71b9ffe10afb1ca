"""What a worker does with a job that it has claimed: it answers, settles and records it."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from romashka_worker.faults import contained, report
from romashka_worker.health import Health
from romashka_worker.job import Answer, Job, Settlement
from romashka_worker.leases import Settle
from romashka_worker.queue import POLL_SECONDS, JobQueue
from romashka_worker.recorder import Recorder
from romashka_worker.trace import Trace, stage

log = structlog.get_logger()


class Turns:
    """Works on jobs with what answers them. A fault costs the turn a hand-over, not an answer to
    anybody else.
    """

    def __init__(
        self, answer: Callable[[Job], Awaitable[Answer]], recorder: Recorder, health: Health
    ) -> None:
        self._answer = answer
        self._recorder = recorder
        self._health = health

    async def work(self, job: Job, settle: Settle[Answer, Settlement]) -> None:
        """Answer a job and settle it."""
        with self._recorder.turn(job) as trace:
            log.info("job.claimed")
            try:
                await self._work(job, settle, trace)
            except asyncio.CancelledError:
                log.info("job.dropped", outcome=trace.outcome)
                raise

    async def _work(self, job: Job, settle: Settle[Answer, Settlement], trace: Trace) -> None:
        with contained("turn") as trouble:
            answer = await self._answer(job)
        if trouble.error:
            answer = Answer(action="escalate", reason="ai_failure")
        self._health.note_turn(has_crashed=trouble.error is not None)
        try:
            with stage("settle"):
                trace.settled(answer, await settle(answer))
        except Exception as error:  # noqa: BLE001 -- the database hands over in our place
            trace.outcome = "unsettled"
            report("settle", error)
            log.error("job.unsettled", outcome=trace.outcome)


async def sweep_regularly(queue: JobQueue) -> None:
    """Hand over what nobody will answer in time, until cancelled."""
    while True:
        await asyncio.sleep(POLL_SECONDS)
        with contained("sweep"):
            await queue.sweep()
