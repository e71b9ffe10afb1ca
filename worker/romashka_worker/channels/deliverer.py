"""The loop of deliveries: wake, claim, send, settle, shut down. How to send it does not know."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from romashka import RomashkaError

from romashka_worker.channels import Delivery
from romashka_worker.channels.outbox import Outbox, Outcome, Result
from romashka_worker.channels.sender import cut_off
from romashka_worker.logs import describe
from romashka_worker.metrics import DELIVERIES, DELIVERY_SECONDS
from romashka_worker.settler import Settler
from romashka_worker.wake import Wake

TOPIC = "channel-deliveries"
CONCURRENCY = 32
"""So many deliveries are under way at a time: more than the accounts' rates allow."""
_IDLE_SECONDS = 5.0
"""A claim is made this often besides the wake-ups, where channels are not used."""
_CLAIM_SECONDS = 1.0
"""So often where they are, or nobody wakes it: pauses end without an event, broadcasts get lost."""
_USED_SECONDS = 600.0
_AGAIN_SECONDS = 0.05
"""Realtime reads the log: it may tell of a delivery an instant before a claim can see it; for an
instant, too, a job's claim may lock the conversation."""

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class _Held:
    """A delivery that this worker holds the lease of."""

    delivery: Delivery
    task: asyncio.Task[None] | None = None
    result: Result | None = None


class Deliverer:
    """Claims deliveries, has them sent, settles them; `stop` makes `run` end in order.

    If the process dies instead, its leases run out; what it may have sent is in doubt.
    """

    def __init__(
        self,
        outbox: Outbox,
        wake: Wake,
        perform: Callable[[Delivery], Awaitable[Result]],
        *,
        grace_seconds: float,
    ) -> None:
        self._outbox = outbox
        self._wake = wake
        self._perform = perform
        self._grace_seconds = grace_seconds
        self._settler = Settler(outbox.settle)
        self._held: set[_Held] = set()
        self._used_at = -_USED_SECONDS
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Claim nothing more; finish what is being sent, within the grace time."""
        self._stopping.set()
        self._wake.ring()

    async def run(self) -> None:
        """Work until stopped."""
        async with asyncio.TaskGroup() as tasks:
            service = [
                tasks.create_task(self._wake.listen()),
                tasks.create_task(self._settler.run()),
            ]
            has_rung = False
            while not self._stopping.is_set():
                has_rung = await self._wake.wait(await self._claim(tasks, has_rung))
            await self._drain()
            for task in service:
                task.cancel()

    # ---- claiming

    async def _claim(self, tasks: asyncio.TaskGroup, has_rung: bool) -> float:
        """Claim and start what is due; return the seconds to the next claim, if nobody rings."""
        if not (free := CONCURRENCY - len(self._held)):
            return _CLAIM_SECONDS
        try:
            deliveries = await self._outbox.claim(free)
        except (RomashkaError, TimeoutError) as error:
            log.warning("deliveries.unclaimed", error=describe(error))
            return _CLAIM_SECONDS
        except Exception as error:  # answers go on, whatever is wrong with channels
            log.error("deliveries.unclaimed", exc_info=error)
            return _IDLE_SECONDS
        if self._stopping.is_set():
            await self._settle_last([(delivery, Result("released")) for delivery in deliveries])
            return 0.0
        for delivery in deliveries:
            self._start(delivery, tasks)
        if has_rung and not deliveries:
            return _AGAIN_SECONDS
        is_used = time.monotonic() - self._used_at < _USED_SECONDS
        return _CLAIM_SECONDS if is_used or not self._wake.is_live else _IDLE_SECONDS

    def _start(self, delivery: Delivery, tasks: asyncio.TaskGroup) -> None:
        self._used_at = time.monotonic()
        held = _Held(delivery)
        self._held.add(held)
        held.task = tasks.create_task(self._work(held))

    # ---- one delivery

    async def _work(self, held: _Held) -> None:
        delivery = held.delivery
        with structlog.contextvars.bound_contextvars(**_names(delivery)):
            begun_at = time.monotonic()
            held.result = result = await self._try_to_perform(delivery)
            DELIVERY_SECONDS.labels(delivery.channel_type).observe(time.monotonic() - begun_at)
            _record(delivery, result)
            try:
                if not await self._settler.settle(delivery, result):
                    log.warning("delivery.lost")  # the lease ran out, and another attempt has it
            except (RomashkaError, TimeoutError) as error:
                log.error("delivery.unsettled", outcome=result.outcome, error=describe(error))
        self._held.discard(held)
        self._wake.ring()  # the conversation's next one may be due

    async def _try_to_perform(self, delivery: Delivery) -> Result:
        try:
            return await self._perform(delivery)
        except Exception as error:  # one message must not end the worker of all others
            log.error("delivery.crashed", exc_info=error)
            outcome: Outcome = "unknown" if delivery.kind == "message" else "failed"
            return Result(outcome, error_code="internal", error="the worker has a fault")

    # ---- shutting down

    async def _drain(self) -> None:
        log.info("deliveries.draining", deliveries=len(self._held))
        give_up_at = time.monotonic() + self._grace_seconds
        while self._held and (left := give_up_at - time.monotonic()) > 0:
            await self._wake.wait(left)
        unfinished = list(self._held)
        for held in unfinished:
            if held.task is not None:
                held.task.cancel()
        await self._settle_last(
            [(held.delivery, held.result or cut_off(held.delivery)) for held in unfinished]
        )

    async def _settle_last(self, results: list[tuple[Delivery, Result]]) -> None:
        if results:
            with suppress(RomashkaError, TimeoutError):  # then their leases run out
                await self._outbox.settle_once(results)


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
