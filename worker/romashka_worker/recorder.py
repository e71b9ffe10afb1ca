"""Records turns: each gets its log context, its metrics and a trace in the database.

Traces are written in batches after the settles, off their way. They are best effort: what cannot be
written, or does not fit, is counted and forgotten; so is what a dying process still has.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import structlog
from romashka import AsyncRomashka

from romashka_worker.faults import contained
from romashka_worker.job import Job
from romashka_worker.metrics import RESCUED, TOKENS, TRACES_LOST, TURNS
from romashka_worker.trace import Trace, took, tracing

_WRITE_SECONDS = 1.0
_CALL_SECONDS = 5.0
_MAX_BATCH = 100
_MAX_WAITING = 2000

log = structlog.get_logger()


class Recorder:
    """Records the turns of one worker; `run` writes their traces."""

    def __init__(self, client: AsyncRomashka, worker_id: str, *, keeps_prompts: bool) -> None:
        self._client = client
        self._worker_id = worker_id
        self._keeps_prompts = keeps_prompts
        self._waiting: deque[dict[str, Any]] = deque()

    @contextmanager
    def turn(self, job: Job) -> Iterator[Trace]:
        """Record what happens within the block as one attempt at `job`."""
        trace = Trace(job, keeps_prompts=self._keeps_prompts)
        names = {"job_id": job.id, "conversation_id": job.conversation_id, "attempt": job.attempt}
        with structlog.contextvars.bound_contextvars(**names), tracing(trace):
            took("wait", job.waited_seconds)
            try:
                yield trace
            finally:
                took("total", job.waited_seconds + trace.seconds_since_claim())
                self._end(trace)

    def _end(self, trace: Trace) -> None:
        answer, job = trace.answer, trace.job
        reason = answer.reason if answer else None
        if answer:
            seconds = round(trace.seconds_since_claim(), 3)
            log.info("job.settled", outcome=trace.outcome, reason=reason, seconds=seconds)
            TOKENS.inc(answer.tokens_used or 0)
        TURNS.labels(trace.outcome, reason or "").inc()
        RESCUED.inc(job.attempt > 1)
        if len(self._waiting) == _MAX_WAITING:
            TRACES_LOST.inc()
            return
        self._waiting.append(
            {
                "job_id": job.id,
                "attempt": job.attempt,
                "trace": {"worker_id": self._worker_id, **trace.record()},
            }
        )

    async def run(self) -> None:
        """Write what waits, each second, until cancelled."""
        while True:
            await asyncio.sleep(_WRITE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write all that waits; what fails is lost. Cancelled in a call, it may be repeated."""
        while self._waiting:
            traces = list(islice(self._waiting, _MAX_BATCH))
            with contained("traces", count=len(traces)) as trouble:
                async with asyncio.timeout(_CALL_SECONDS):
                    await self._client.call("record_ai_response_traces", traces=traces)
            if trouble.error:
                TRACES_LOST.inc(len(traces))
            for _ in traces:
                self._waiting.popleft()
