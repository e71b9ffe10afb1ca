"""The loop of a queue: wake, claim, dispatch, renew, drain. The work itself it does not know."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random

from romashka_worker.calls import is_tie
from romashka_worker.faults import beside, contained
from romashka_worker.health import Health
from romashka_worker.leases import Leased, Queue, Settle
from romashka_worker.metrics import CLAIMS
from romashka_worker.settler import Settler
from romashka_worker.wake import Wake

HEARTBEAT_SECONDS = 0.5
_TROUBLE_SECONDS = 1.0
_AGAIN_SECONDS = 0.03
_TURNED_AWAY_SECONDS = 0.25
"""A long poll that was answered empty before its time found no place to wait in."""
_CLAIM_TRIES = 4

log = structlog.get_logger()

C = TypeVar("C", bound=Leased)
R = TypeVar("R")
S = TypeVar("S")


@dataclass(slots=True, eq=False)
class _Lease(Generic[C, R]):
    """What this worker holds, until it is settled or lost."""

    leased: C
    task: asyncio.Task[None] | None = None
    result: R | None = None
    """On its way, once there is one: nobody cancels it any more, the database decides."""


class Loop(Generic[C, R, S]):
    """Claims leases and has each worked on; `stop` makes `run` end in order.

    `work` gets what was claimed and the function that settles its result. `cut_off` says what is
    known of work that was cancelled in the middle: None, if it does no harm when done twice.

    If the process dies instead, its leases run out, and another worker's claim takes over.
    """

    def __init__(
        self,
        queue: Queue[C, R, S],
        wake: Wake,
        work: Callable[[C, Settle[R, S]], Awaitable[None]],
        *,
        concurrency: int,
        grace_seconds: float,
        health: Health | None = None,
        cut_off: Callable[[C], R | None] = lambda _: None,
    ) -> None:
        self._queue = queue
        self._wake = wake
        self._work = work
        self._concurrency = concurrency
        self._grace_seconds = grace_seconds
        self._health = health or Health()
        self._cut_off = cut_off
        self._settler = Settler(queue)
        self._leases: set[_Lease[C, R]] = set()
        self._stopping = asyncio.Event()

    @property
    def held(self) -> int:
        """How many leases are being worked on?"""
        return len(self._leases)

    def stop(self) -> None:
        """Claim nothing more; finish what is held, within the grace time."""
        self._health.is_draining = True
        self._stopping.set()
        self._wake.ring()

    async def run(self) -> None:
        """Work until stopped."""
        async with (
            beside(
                wake=self._wake.listen, heartbeat=self._beat_regularly, settler=self._settler.run
            ),
            asyncio.TaskGroup() as tasks,
        ):
            await self._wake.wait(_TROUBLE_SECONDS)  # the subscription wakes us, or we long-poll
            while not self._stopping.is_set():
                pause_seconds = _TROUBLE_SECONDS
                with contained("claim"):
                    pause_seconds = await self._claim(tasks)
                await self._wake.wait(pause_seconds)
            await self._drain()

    # ---- claiming

    async def _claim(self, tasks: asyncio.TaskGroup) -> float:
        """Claim and start what there is; return the seconds to the next claim, if nobody rings."""
        poll_seconds = self._queue.poll_seconds(is_woken=self._wake.is_heeded)
        if not (limit := min(self._concurrency - self.held, self._queue.max_claim)):
            return poll_seconds
        wait_seconds = 0.0 if self._wake.is_live else self._queue.long_poll_seconds
        asked_at = time.monotonic()
        claimed = await self._claim_patiently(limit, wait_seconds)
        if self._stopping.is_set():
            await self._release(claimed)
            return 0.0
        for leased in claimed:
            self._start(leased, tasks)
        looks_again = self._wake.claimed([leased.id for leased in claimed], held=self.held)
        if claimed and (wait_seconds or len(claimed) == limit):  # there may be more
            return 0.0
        if wait_seconds:
            was_turned_away = time.monotonic() - asked_at < wait_seconds / 2
            return _jittered(_TURNED_AWAY_SECONDS) if was_turned_away else 0.0
        return _AGAIN_SECONDS if looks_again else _jittered(poll_seconds)

    async def _claim_patiently(self, limit: int, wait_seconds: float) -> list[C]:
        """Claim; again at once, if only another transaction was in the way."""
        result, claimed = "failed", []
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception(is_tie),
                wait=wait_random(0.01, 0.05),
                stop=stop_after_attempt(_CLAIM_TRIES),
                reraise=True,
            ):
                with attempt:
                    claimed = await self._queue.claim(limit, wait_seconds)
            result = "some" if claimed else "none"
        finally:
            self._health.can_claim = result != "failed"
            CLAIMS.labels(self._queue.name, result).inc()
        return claimed

    # ---- one lease

    def _start(self, leased: C, tasks: asyncio.TaskGroup) -> None:
        for stale in self._leases:  # we lost the lease, and got it again
            if stale.leased.id == leased.id:
                self._cancel(stale)
        lease = _Lease[C, R](leased)
        self._leases.add(lease)
        lease.task = tasks.create_task(self._work_on(lease))

    async def _work_on(self, lease: _Lease[C, R]) -> None:
        async def settle(result: R) -> S:
            lease.result = result
            return await self._settler.settle(lease.leased, result)

        try:
            with contained("work", queue=self._queue.name, id=lease.leased.id):
                await self._work(lease.leased, settle)
        finally:
            was_full = self.held >= self._concurrency
            self._leases.discard(lease)
            if was_full or self._stopping.is_set():  # somebody waits for it
                self._wake.ring()

    def _cancel(self, lease: _Lease[C, R]) -> None:
        if lease.task is not None and lease.result is None:
            lease.task.cancel()

    async def _beat_regularly(self) -> None:
        """Beat on time: if one heartbeat hangs, the next keeps the leases."""
        async with asyncio.TaskGroup() as beats:
            while True:
                await asyncio.sleep(HEARTBEAT_SECONDS)
                if self._leases:
                    beats.create_task(self._beat())

    async def _beat(self) -> None:
        """Renew all leases in one call, and drop what is not ours any more."""
        beating = list(self._leases)
        with contained("heartbeat"):
            lost = await self._queue.renew([lease.leased for lease in beating])
            for lease in beating:
                if lease.leased.id in lost:
                    self._cancel(lease)

    # ---- shutting down

    async def _drain(self) -> None:
        log.info("worker.draining", queue=self._queue.name, held=self.held)
        give_up_at = time.monotonic() + self._grace_seconds
        while self._leases and (left := give_up_at - time.monotonic()) > 0:
            await self._wake.wait(left)
        unfinished = list(self._leases)
        for lease in unfinished:
            if lease.task is not None:
                lease.task.cancel()
        unsettled, unbegun = [], []
        for lease in unfinished:
            result = lease.result if lease.result is not None else self._cut_off(lease.leased)
            if result is None:
                unbegun.append(lease.leased)
            else:
                unsettled.append((lease.leased, result))
        if unsettled:
            with contained("settle"):  # what could not be told: its lease runs out
                await self._queue.settle(unsettled)
        await self._release(unbegun)

    async def _release(self, leased: list[C]) -> None:
        if leased:
            log.info("leases.released", queue=self._queue.name, ids=[one.id for one in leased])
            with contained("release"):
                await self._queue.release(leased)


def _jittered(seconds: float) -> float:
    """Return about that long: many workers do not come at once."""
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311 -- no secret
