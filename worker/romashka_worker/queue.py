"""The queue of turns: its functions in the database, which nothing else calls."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from romashka import AsyncRomashka

from romashka_worker.calls import parsed
from romashka_worker.job import Answer, Job, Settlement
from romashka_worker.leases import Queue

LEASE_SECONDS = 2.0
POLL_SECONDS = 0.25
"""Besides the wake-ups: leases run out, quiet windows end, broadcasts get lost without an event."""
_CALL_SECONDS = 1.5
"""A call that takes longer than this is worth trying again, or not worth waiting for."""
_CLAIM_SECONDS = 5.0
"""A claim is worth waiting for: giving up would cost what it claimed an attempt."""

Result = tuple[Job, Answer]


class JobQueue(Queue[Job, Answer, Settlement]):
    """The queue of turns as one worker sees it."""

    name = "turns"
    long_poll_seconds = 5.0

    def __init__(self, client: AsyncRomashka, worker_id: str) -> None:
        self._client = client
        self._worker_id = worker_id

    async def claim(self, limit: int, wait_seconds: float = 0) -> list[Job]:
        """Lease up to `limit` jobs, waiting for the first one if asked."""
        async with asyncio.timeout(wait_seconds + _CLAIM_SECONDS):
            rows, claimed = await self._client._call_counted(
                "get_next_ai_response_job",
                worker_id=self._worker_id,
                max_jobs=limit,
                lease_seconds=LEASE_SECONDS,
                wait_seconds=wait_seconds,
            )
        self.note_claimed(len(rows), claimed)
        claimed_at = time.monotonic()
        return parsed(rows, lambda row: Job.from_row(row, claimed_at))

    async def renew(self, leased: Sequence[Job]) -> set[str]:
        """Prolong the leases of jobs; return the ids of those that are not held any more."""
        return await self._set_leases(leased, LEASE_SECONDS)

    async def release(self, leased: Sequence[Job]) -> None:
        """Give jobs back: the next claim has them at once."""
        await self._set_leases(leased, 0)

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
        """Settle jobs; return what became of each, by job id, but for those that are locked."""
        async with asyncio.timeout(_CALL_SECONDS):
            rows = await self._client.call(
                "complete_ai_response_jobs", results=[_result_row(*result) for result in results]
            )
        return {
            row["job_id"]: Settlement(row["settled"], row["outcome"])
            for row in rows
            if row["outcome"] != "not_now"
        }

    async def sweep(self) -> None:
        """Hand over what nobody will answer in time."""
        async with asyncio.timeout(_CALL_SECONDS):
            await self._client.call("settle_overdue_ai_response_jobs")

    def poll_seconds(self, *, is_woken: bool) -> float:
        """Return how often to claim: a lost announcement may cost no more than this."""
        return POLL_SECONDS

    def patience_seconds(self, leased: Job) -> float:
        """Return the time to the deadline: then the sweep has settled the job in our place."""
        return max(leased.deadline - time.monotonic(), _CALL_SECONDS)


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
        "choices": [asdict(choice) for choice in answer.choices] or None,
        "asked": answer.asked,
    }
    return {name: value for name, value in row.items() if value is not None}
