"""Settles answers in batches: those that get ready while calls are under way share the next."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from romashka import RomashkaError

from romashka_worker.queue import is_refusal

_MAX_BATCH = 50
_CALLS = 4
"""So many calls may be under way: one that hangs does not hold up the answers after it."""


class Claimed(Protocol):
    """Something that a worker holds the lease of: a job, a delivery."""

    @property
    def id(self) -> str: ...


C = TypeVar("C", bound=Claimed)
R = TypeVar("R")
S = TypeVar("S")


class Settler(Generic[C, R, S]):
    """Takes results of what a worker has claimed; `run` must be running.

    `settle` settles a batch, and returns what became of each by its id.
    """

    def __init__(
        self, settle: Callable[[Sequence[tuple[C, R]]], Awaitable[Mapping[str, S]]]
    ) -> None:
        self._settle_batch = settle
        self._waiting: asyncio.Queue[tuple[tuple[C, R], asyncio.Future[S]]] = asyncio.Queue()

    async def settle(self, claimed: C, result: R) -> S:
        """Settle one.

        Raises:
            RomashkaError, TimeoutError: it could not be settled; its lease runs out.
        """
        settled: asyncio.Future[S] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(((claimed, result), settled))
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

    async def _settle(self, batch: Sequence[tuple[tuple[C, R], asyncio.Future[S]]]) -> None:
        try:
            settlements = await self._settle_batch([result for result, _ in batch])
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
        for (claimed, _), settled in batch:
            if not settled.done():  # whoever waited was cancelled meanwhile
                settled.set_result(settlements[claimed.id])
