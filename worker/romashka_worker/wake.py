"""What ends a worker's wait: an announced job, a slot that got free, the order to stop."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from romashka import Broadcast, Listener, RomashkaError

TOPIC = "ai-jobs"
_MAX_DELAY_SECONDS = 2.0

log = structlog.get_logger()


class Wake:
    """An alarm that the topic `ai-jobs` rings, and whoever calls `ring`; needs `listen` to run."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._rung = asyncio.Event()

    @property
    def is_live(self) -> bool:
        """Are announcements coming in? If not, whoever waits for jobs must ask."""
        return self._listener.is_live

    def ring(self) -> None:
        """End the wait; rung before it begins, it does not begin."""
        self._rung.set()

    async def wait(self, seconds: float) -> bool:
        """Wait until the alarm rings, but no longer than that; return whether it rang."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        has_rung = self._rung.is_set()
        self._rung.clear()
        return has_rung

    async def listen(self) -> None:
        """Ring for each announcement, at the time that it names."""
        loop = asyncio.get_running_loop()
        try:
            async for signal in self._listener:
                delay = _delay(signal.payload) if isinstance(signal, Broadcast) else 0.0
                loop.call_later(delay, self.ring)
        except RomashkaError as error:  # the long poll alone is enough
            log.warning("realtime.refused", error=str(error))


def _delay(payload: Mapping[str, Any]) -> float:
    """Return for how long the announced job is not claimable yet.

    Compares the server's clock with ours: if they differ, the next claim on the timer has the job.
    """
    try:
        process_after = datetime.fromisoformat(payload["process_after"])
        delay = (process_after - datetime.now(UTC)).total_seconds()
    except (KeyError, TypeError, ValueError):
        return 0.0
    return min(max(delay, 0.0), _MAX_DELAY_SECONDS)
