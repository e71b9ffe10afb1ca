"""The queue of deliveries: its functions in the database, which no other module calls."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from romashka import AsyncRomashka

from romashka_worker.calls import parsed
from romashka_worker.channels import SEND_SECONDS, Delivery
from romashka_worker.leases import Queue

LEASE_SECONDS = 30.0
_SETTLE_SECONDS = 2.0
"""What is kept of a lease for telling what became of the delivery."""
_CALL_SECONDS = 5.0
_PATIENCE_SECONDS = 300.0
"""What is sent and not settled would be sent again. A settle that comes after the lease ran out
still counts, if nobody else has claimed the delivery."""
_POLL_SECONDS = 1.0
"""Where channels are used, or nobody wakes it: pauses end without an event, broadcasts get lost."""
_IDLE_SECONDS = 5.0
_USED_SECONDS = 600.0

Outcome = Literal["sent", "part_sent", "retry", "unknown", "failed", "released"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a delivery; docs/deliveries.md says what follows."""

    outcome: Outcome
    external_ids: tuple[str, ...] = ()
    recipient_ids: tuple[str, ...] = ()
    parts_sent: int | None = None
    error_code: str | None = None
    error: str | None = None
    retry_after_seconds: float | None = None
    pause_seconds: float | None = None
    media: tuple[Mapping[str, Any], ...] | None = None


class Outbox(Queue[Delivery, Result, bool]):
    """The deliveries as one worker sees them."""

    name = "deliveries"

    def __init__(self, client: AsyncRomashka, worker_id: str) -> None:
        self._client = client
        self._worker_id = worker_id
        self._used_at = -_USED_SECONDS

    async def claim(self, limit: int, wait_seconds: float = 0) -> list[Delivery]:
        """Lease what is due."""
        asked_at = time.monotonic()
        async with asyncio.timeout(_CALL_SECONDS):
            rows, claimed = await self._client._call_counted(
                "claim_channel_deliveries",
                worker_id=self._worker_id,
                max_deliveries=limit,
                lease_seconds=LEASE_SECONDS,
            )
        self.note_claimed(len(rows), claimed)
        if rows:
            self._used_at = asked_at
        send_by = asked_at + LEASE_SECONDS - SEND_SECONDS - _SETTLE_SECONDS
        return parsed(rows, lambda row: Delivery.from_row(row, send_by))

    async def renew(self, leased: Sequence[Delivery]) -> set[str]:
        """Do nothing: a lease outlasts what it is for."""
        return set()

    async def settle(self, results: Sequence[tuple[Delivery, Result]]) -> dict[str, bool]:
        """Settle deliveries; return whether this attempt still held them, by id, but for those that
        are locked.
        """
        async with asyncio.timeout(_CALL_SECONDS):
            rows = await self._client.call(
                "settle_channel_deliveries", results=[_result_row(*result) for result in results]
            )
        settled = {row["delivery_id"]: row for row in rows}
        return {
            delivery.id: bool(row and row["settled"])
            for delivery, _ in results
            if not (row := settled.get(delivery.id)) or row["status"] != "not_now"
        }

    async def release(self, leased: Sequence[Delivery]) -> None:
        """Give deliveries back: they are due again at once."""
        await self.settle([(delivery, Result("released")) for delivery in leased])

    def poll_seconds(self, *, is_woken: bool) -> float:
        """Return how often to claim: seldom, where channels are not used."""
        is_used = time.monotonic() - self._used_at < _USED_SECONDS
        return _POLL_SECONDS if is_used or not is_woken else _IDLE_SECONDS

    def patience_seconds(self, leased: Delivery) -> float:
        """Return for how long to go on: longer than a project is away for a restart."""
        return _PATIENCE_SECONDS


def _result_row(delivery: Delivery, result: Result) -> dict[str, Any]:
    told = {name: value for name, value in asdict(result).items() if value not in (None, ())}
    return {"delivery_id": delivery.id, "attempt": delivery.attempt} | told
