"""Settles answers in batches: those that get ready while calls are under way share the next."""

import asyncio
from collections.abc import Sequence

from romashka import RomashkaError

from romashka_worker.job import Answer, Job, Settlement
from romashka_worker.queue import Queue, Result, is_refusal

_MAX_BATCH = 50
_CALLS = 4
"""So many calls may be under way: one that hangs does not hold up the answers after it."""
Waiting = tuple[Result, asyncio.Future[Settlement]]


class Settler:
    """Takes answers from all jobs of a worker; `run` must be running."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._waiting: asyncio.Queue[Waiting] = asyncio.Queue()

    async def settle(self, job: Job, answer: Answer) -> Settlement:
        """Settle one job.

        Raises:
            RomashkaError, TimeoutError: it could not be settled; its deadline will.
        """
        settled: asyncio.Future[Settlement] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(((job, answer), settled))
        return await settled

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

    async def _settle(self, batch: Sequence[Waiting]) -> None:
        try:
            settlements = await self._queue.settle([result for result, _ in batch])
        except (RomashkaError, TimeoutError) as error:
            if len(batch) > 1 and is_refusal(
                error
            ):  # one bad result must not take the others along
                for one in batch:
                    await self._settle([one])
                return
            for _, settled in batch:
                if not settled.done():
                    settled.set_exception(error)
            return
        for (job, _), settled in batch:
            if not settled.done():  # its job was cancelled meanwhile
                settled.set_result(settlements[job.id])
