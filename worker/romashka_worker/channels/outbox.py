"""The functions of deliveries, and nothing else of the worker calls them: claim and settle."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from romashka import AsyncRomashka
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

from romashka_worker.channels import SEND_SECONDS, Delivery
from romashka_worker.queue import is_transient

LEASE_SECONDS = 30.0
_SETTLE_SECONDS = 2.0
"""What is kept of a lease for telling what became of the delivery."""
_CALL_SECONDS = 5.0
_PATIENCE_SECONDS = 300.0

Outcome = Literal["sent", "part_sent", "retry", "unknown", "failed", "released"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a delivery; docs/deliveries.md says what follows."""

    outcome: Outcome
    external_ids: tuple[str, ...] = ()
    parts_sent: int | None = None
    error_code: str | None = None
    error: str | None = None
    retry_after_seconds: float | None = None
    pause_seconds: float | None = None
    media: tuple[Mapping[str, Any], ...] | None = None


class Outbox:
    """The deliveries as one worker sees them."""

    def __init__(self, client: AsyncRomashka, worker_id: str) -> None:
        self._client = client
        self._worker_id = worker_id

    async def claim(self, max_deliveries: int) -> list[Delivery]:
        """Lease what is due. Not retried: what got lost on its way back is claimed again later."""
        asked_at = time.monotonic()
        async with asyncio.timeout(_CALL_SECONDS):
            rows = await self._client.call(
                "claim_channel_deliveries",
                worker_id=self._worker_id,
                max_deliveries=max_deliveries,
                lease_seconds=LEASE_SECONDS,
            )
        send_by = asked_at + LEASE_SECONDS - SEND_SECONDS - _SETTLE_SECONDS
        return [Delivery.from_row(row, send_by) for row in rows]

    async def settle(self, results: Sequence[tuple[Delivery, Result]]) -> dict[str, bool]:
        """Settle deliveries; return by their ids whether this attempt still held them.

        Patient: what is sent and not settled would be sent again. A settle that comes after the
        lease ran out still counts, if nobody else has claimed the delivery.
        """
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(is_transient),
            wait=wait_random_exponential(multiplier=0.1, max=5),
            stop=stop_after_delay(_PATIENCE_SECONDS),
            reraise=True,
        ):
            with attempt:
                return await self.settle_once(results)
        raise AssertionError("tenacity returns or raises")

    async def settle_once(self, results: Sequence[tuple[Delivery, Result]]) -> dict[str, bool]:
        """Settle deliveries, or raise at once."""
        async with asyncio.timeout(_CALL_SECONDS):
            rows = await self._client.call(
                "settle_channel_deliveries", results=[_result_row(*result) for result in results]
            )
        settled = {row["delivery_id"]: bool(row["settled"]) for row in rows}
        return {delivery.id: settled.get(delivery.id, False) for delivery, _ in results}


def _result_row(delivery: Delivery, result: Result) -> dict[str, Any]:
    told = {name: value for name, value in asdict(result).items() if value not in (None, ())}
    return {"delivery_id": delivery.id, "attempt": delivery.attempt} | told
