"""The queue's functions, and nothing else calls them: claim, extend, release, settle, sweep."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from romashka import AsyncRomashka, RomashkaError, ServerError
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

from romashka_worker.job import Answer, Job, Settlement

LEASE_SECONDS = 2.0
MAX_JOBS = 100
"""What one claim takes at most."""
_CALL_SECONDS = 1.5
"""A call that takes longer than this is worth trying again, or not worth waiting for."""
_CLAIM_SECONDS = 5.0
"""A claim is worth waiting for: giving up would cost what it claimed an attempt."""

Result = tuple[Job, Answer]


class Queue:
    """The queue as one worker sees it."""

    def __init__(self, client: AsyncRomashka, worker_id: str) -> None:
        self._client = client
        self._worker_id = worker_id

    async def claim(self, max_jobs: int, wait_seconds: float = 0) -> list[Job]:
        """Lease up to `max_jobs` jobs, waiting for the first one if asked.

        Not retried: a claim that got lost on its way back has leases that nobody extends, and they
        run out.
        """
        async with asyncio.timeout(wait_seconds + _CLAIM_SECONDS):
            rows = await self._client.call(
                "get_next_ai_response_job",
                worker_id=self._worker_id,
                max_jobs=max_jobs,
                lease_seconds=LEASE_SECONDS,
                wait_seconds=wait_seconds,
            )
        claimed_at = time.monotonic()
        return [Job.from_row(row, claimed_at) for row in rows]

    async def extend(self, jobs: Sequence[Job]) -> set[str]:
        """Prolong the leases of `jobs`; return the ids of those that are not held any more."""
        return await self._set_leases(jobs, LEASE_SECONDS)

    async def release(self, jobs: Sequence[Job]) -> None:
        """Give jobs back: the next claim has them at once."""
        await self._set_leases(jobs, 0)

    async def _set_leases(self, jobs: Sequence[Job], lease_seconds: float) -> set[str]:
        async with asyncio.timeout(_CALL_SECONDS):
            rows = await self._client.call(
                "extend_ai_response_leases",
                worker_id=self._worker_id,
                jobs=[{"job_id": job.id, "attempt": job.attempt} for job in jobs],
                lease_seconds=lease_seconds,
            )
        return {row["job_id"] for row in rows if not row["is_held"]}

    async def settle(self, results: Sequence[Result]) -> dict[str, Settlement]:
        """Settle jobs; return what became of each, by job id.

        Retried until the last deadline: repeating a settle is safe, and after the deadline the
        sweep has settled the job in our place.
        """
        patience = max(job.deadline for job, _ in results) - time.monotonic()
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(is_transient),
            wait=wait_random_exponential(multiplier=0.05, max=0.5),
            stop=stop_after_delay(max(patience, _CALL_SECONDS)),
            reraise=True,
        ):
            with attempt:
                return await self._settle_once(results)
        raise AssertionError("tenacity returns or raises")

    async def _settle_once(self, results: Sequence[Result]) -> dict[str, Settlement]:
        async with asyncio.timeout(_CALL_SECONDS):
            rows = await self._client.call(
                "complete_ai_response_jobs", results=[_result_row(*result) for result in results]
            )
        return {row["job_id"]: Settlement(row["settled"], row["outcome"]) for row in rows}

    async def sweep(self) -> int:
        """Hand over what nobody will answer in time; return how many turns that were."""
        async with asyncio.timeout(_CALL_SECONDS):
            swept: int = await self._client.call("settle_overdue_ai_response_jobs")
        return swept


def is_transient(error: BaseException) -> bool:
    """Is the call worth trying again?"""
    return isinstance(error, TimeoutError) or (isinstance(error, RomashkaError) and error.retryable)


def is_refusal(error: BaseException) -> bool:
    """Did the server look at the call and say no?"""
    return isinstance(error, ServerError) and not error.retryable


def _result_row(job: Job, answer: Answer) -> dict[str, Any]:
    row = {
        "job_id": job.id,
        "attempt": job.attempt,
        "action": answer.action,
        "reason": answer.reason,
        "ai_response": answer.text,
        "confidence": answer.confidence,
        "intent": answer.intent,
        "sentiment": answer.sentiment,
        "language": answer.language,
        "knowledge_sources": list(answer.knowledge_sources) or None,
        "tokens_used": answer.tokens_used,
        "model": answer.model,
    }
    return {name: value for name, value in row.items() if value is not None}
