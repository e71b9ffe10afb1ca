"""The queue of notifications: its functions in the database, which no other module calls."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from romashka import AsyncRomashka

from romashka_worker.calls import parsed
from romashka_worker.leases import Queue
from romashka_worker.notifications import Notification, Result

LEASE_SECONDS = 30.0
_CALL_SECONDS = 5.0
_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 1.0
"""While there is something to be told; nobody announces it."""
_IDLE_SECONDS = 5.0
_USED_SECONDS = 60.0


class NotificationQueue(Queue[Notification, Result, bool]):
    """The notifications as one worker sees them."""

    name = "notifications"

    def __init__(self, client: AsyncRomashka, worker_id: str) -> None:
        self._client = client
        self._worker_id = worker_id
        self._used_at = -_USED_SECONDS

    async def claim(self, limit: int, wait_seconds: float = 0) -> list[Notification]:
        """Lease what is due."""
        async with asyncio.timeout(_CALL_SECONDS):
            rows, claimed = await self._client._call_counted(
                "claim_notification_deliveries",
                worker_id=self._worker_id,
                max_deliveries=limit,
                lease_seconds=LEASE_SECONDS,
            )
        self.note_claimed(len(rows), claimed)
        if rows:
            self._used_at = time.monotonic()
        return parsed(rows, Notification.from_row)

    async def renew(self, leased: Sequence[Notification]) -> set[str]:
        """Do nothing: a lease outlasts what it is for."""
        return set()

    async def settle(self, results: Sequence[tuple[Notification, Result]]) -> dict[str, bool]:
        """Settle notifications; return whether this attempt still held them, by id."""
        async with asyncio.timeout(_CALL_SECONDS):
            rows = await self._client.call(
                "settle_notification_deliveries",
                results=[_result_row(*result) for result in results],
            )
        return {row["delivery_id"]: row["settled"] for row in rows}

    async def release(self, leased: Sequence[Notification]) -> None:
        """Give notifications back: they are due again at once."""
        await self.settle([(notification, Result("released")) for notification in leased])

    def poll_seconds(self, *, is_woken: bool) -> float:
        """Return how often to claim: seldom, where nothing was told lately."""
        is_used = time.monotonic() - self._used_at < _USED_SECONDS
        return _POLL_SECONDS if is_used else _IDLE_SECONDS

    def patience_seconds(self, leased: Notification) -> float:
        """Return for how long to go on: else it is told once more."""
        return _PATIENCE_SECONDS


def _result_row(notification: Notification, result: Result) -> dict[str, Any]:
    told = {name: value for name, value in asdict(result).items() if value is not None}
    return {"delivery_id": notification.id, "attempt": notification.attempt} | told
