"""Waking the one task that waits for something, at a tenth of an `asyncio.Event`'s memory."""

import asyncio


class Bell:
    """Is rung by whoever has news; one task waits for that."""

    __slots__ = ("_is_rung", "_waiter")

    def __init__(self) -> None:
        self._is_rung = False
        self._waiter: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """Wake the task that waits, or the next one that does."""
        self._is_rung = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self) -> None:
        """Return once it was rung since the last time."""
        while not self._is_rung:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        self._is_rung = False
