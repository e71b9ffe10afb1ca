"""What a worker does with a delivery that it has claimed: it sends, settles and counts it."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from romashka_worker.channels import Delivery
from romashka_worker.channels.outbox import Outcome, Result
from romashka_worker.faults import contained, report
from romashka_worker.leases import Settle
from romashka_worker.metrics import DELIVERIES, DELIVERY_SECONDS

CONCURRENCY = 32
"""So many deliveries are under way at a time: more than the accounts' rates allow."""

log = structlog.get_logger()


class Deliverer:
    """Works on deliveries with what performs them."""

    def __init__(
        self, perform: Callable[[Delivery], Awaitable[Result]], after_each: Callable[[], None]
    ) -> None:
        self._perform = perform
        self._after_each = after_each

    async def work(self, delivery: Delivery, settle: Settle[Result, bool]) -> None:
        """Perform a delivery and settle it."""
        with structlog.contextvars.bound_contextvars(**_names(delivery)):
            begun_at = time.monotonic()
            result = await self._try_to_perform(delivery)
            DELIVERY_SECONDS.labels(delivery.channel_type).observe(time.monotonic() - begun_at)
            _record(delivery, result)
            try:
                if not await settle(result):
                    log.warning("delivery.lost")  # the lease ran out, and another attempt has it
            except Exception as error:  # noqa: BLE001 -- it is claimed again, when its lease is over
                report("settle", error)
                log.error("delivery.unsettled", outcome=result.outcome)
        self._after_each()  # the conversation's next one may be due

    async def _try_to_perform(self, delivery: Delivery) -> Result:
        with contained("delivery"):
            return await self._perform(delivery)
        outcome: Outcome = "unknown" if delivery.kind == "message" else "failed"
        return Result(outcome, error_code="internal", error="the worker has a fault")


def _record(delivery: Delivery, result: Result) -> None:
    DELIVERIES.labels(delivery.channel_type, result.outcome).inc()
    if result.error_code is None:
        log.info("delivery.sent", outcome=result.outcome)
    else:
        log.warning("delivery.failed", outcome=result.outcome, error_code=result.error_code)


def _names(delivery: Delivery) -> dict[str, Any]:
    return {
        "delivery_id": delivery.id,
        "conversation_id": delivery.conversation_id,
        "attempt": delivery.attempt,
        "channel_type": delivery.channel_type,
        "kind": delivery.kind,
    }
