"""How the worker is, for whoever asks from another thread."""

import asyncio
import time

_BEAT_SECONDS = 1.0
_DEAD_SECONDS = 10.0
_CRASHES = 5
"""So many turns in a row are no odd message any more, but a fault that every turn has."""


class Health:
    """Alive while the event loop turns; ready while claims work, turns do not all crash, and the
    worker is not stopping.
    """

    def __init__(self) -> None:
        self.can_claim = False
        """Did the last claim work? Set by the loop."""
        self.is_draining = False
        self._crashes = 0
        self._beaten_at = time.monotonic()

    @property
    def is_alive(self) -> bool:
        """Has the event loop turned lately?"""
        return time.monotonic() - self._beaten_at < _DEAD_SECONDS

    @property
    def is_ready(self) -> bool:
        """Would a customer's message be answered here?"""
        can_answer = self.can_claim and self._crashes < _CRASHES
        return self.is_alive and can_answer and not self.is_draining

    def note_turn(self, *, has_crashed: bool) -> None:
        """Note how answering a turn went."""
        self._crashes = self._crashes + 1 if has_crashed else 0

    async def run(self) -> None:
        """Note that the event loop turns, until cancelled."""
        while True:
            self._beaten_at = time.monotonic()
            await asyncio.sleep(_BEAT_SECONDS)
