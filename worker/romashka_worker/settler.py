"""Settles results in batches: those that get ready while calls are under way share the next."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

from romashka_worker.calls import is_refusal
from romashka_worker.leases import Leased, Queue

C = TypeVar("C", bound=Leased)
R = TypeVar("R")
S = TypeVar("S")

_MAX_BATCH = 50
_CALLS = 4
"""So many calls may be under way, and as many of results that go alone: one that hangs does not
hold up the others."""


class NotNow(TimeoutError):
    """This call did not settle it; one of its own may."""


class Settler(Generic[C, R, S]):
    """Takes the results of what a worker holds the lease of; `run` must be running.

    A result is tried again for as long as its queue has patience with it. What a batch could not
    settle (its conversation is locked, or one of the results is not taken) goes on alone.
    """

    def __init__(self, queue: Queue[C, R, S]) -> None:
        self._queue = queue
        self._waiting: asyncio.Queue[tuple[tuple[C, R], asyncio.Future[S]]] = asyncio.Queue()
        self._alone = asyncio.Semaphore(_CALLS)

    async def settle(self, leased: C, result: R) -> S:
        """Settle one.

        Raises:
            RomashkaError, TimeoutError: it could not be settled; its lease runs out.
        """
        settle = self._settle_in_a_batch
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(_may_pass),
            wait=wait_random_exponential(multiplier=0.05, max=0.5),
            stop=stop_after_delay(self._queue.patience_seconds(leased)),
            reraise=True,
        ):
            with attempt:
                try:
                    return await settle(leased, result)
                except NotNow:
                    settle = self._settle_alone
                    raise
        raise AssertionError("tenacity returns or raises")

    async def _settle_in_a_batch(self, leased: C, result: R) -> S:
        settled: asyncio.Future[S] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(((leased, result), settled))
        return await settled

    async def _settle_alone(self, leased: C, result: R) -> S:
        async with self._alone:
            settled = await self._queue.settle([(leased, result)])
        if leased.id not in settled:
            raise NotNow("its conversation is locked")
        return settled[leased.id]

    async def run(self) -> None:
        """Settle what comes, until cancelled."""
        async with asyncio.TaskGroup() as calls:
            for _ in range(_CALLS):
                calls.create_task(self._settle_batches())

    async def _settle_batches(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < _MAX_BATCH and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            await self._settle(batch)

    async def _settle(self, batch: Sequence[tuple[tuple[C, R], asyncio.Future[S]]]) -> None:
        settled: Mapping[str, S] = {}
        problem: Exception | None = None
        try:
            settled = await self._queue.settle([result for result, _ in batch])
        except Exception as error:  # noqa: BLE001 -- whoever waits for a result is told
            is_of_all = len(batch) == 1 or not is_refusal(error)
            problem = error if is_of_all else NotNow("one of the results was refused")
        for (leased, _), future in batch:
            if future.done():  # whoever waited was cancelled meanwhile
                continue
            if leased.id in settled:
                future.set_result(settled[leased.id])
            else:
                future.set_exception(problem or NotNow("its conversation is locked"))


def _may_pass(error: BaseException) -> bool:
    """Is it worth trying again? What nobody thought of is, too: a broken answer of a gateway."""
    return isinstance(error, Exception) and not is_refusal(error)
