"""How many messages a second a project sends: counted as the original counts them.

The average is over up to a minute, in steps of five seconds: a burst is no trouble, a stream is.
"""

import asyncio
import logging
from collections import deque
from typing import Final

_log = logging.getLogger("romashka.local.realtime")

_STEP_SECONDS: Final = 5
_STEPS: Final = 12
_PRESENCE_CALLS: Final = 5
_PRESENCE_SECONDS: Final = 30


class RateLimit:
    """A limit for all channels together: over it, messages are dropped and channels closed."""

    def __init__(self, per_second: int, of: str) -> None:
        """Allow an average of `per_second`; `of` names what is counted, for the log."""
        self.per_second = per_second
        self._of = of
        self._count = 0
        self._steps: deque[int] = deque([0], _STEPS)
        self.average = 0.0
        self.is_exceeded = False

    def add(self, messages: int = 1) -> None:
        self._count += messages

    def step(self) -> None:
        """End a step of five seconds, and judge anew."""
        self._steps.appendleft(self._count)
        self._count = 0
        self.average = sum(self._steps) / len(self._steps) / _STEP_SECONDS
        was_exceeded, self.is_exceeded = self.is_exceeded, self.average >= self.per_second
        if self.is_exceeded and not was_exceeded:
            _log.warning("rate_limit.exceeded", extra={"of": self._of, "limit": self.per_second})

    async def run(self) -> None:
        """Count, for ever."""
        while True:
            await asyncio.sleep(_STEP_SECONDS)
            self.step()


class PresenceLimit:
    """How often one channel may change its presence."""

    def __init__(self) -> None:
        self._ends_at = 0.0
        self._calls = 0

    def admits(self) -> bool:
        """Count a call; False when there were too many within half a minute."""
        now = asyncio.get_running_loop().time()
        if now > self._ends_at:
            self._ends_at, self._calls = now + _PRESENCE_SECONDS, 0
        self._calls += 1
        return self._calls <= _PRESENCE_CALLS
