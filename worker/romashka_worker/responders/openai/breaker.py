"""A circuit breaker: whoever has failed several times in a row is left alone for a while."""

import time
from collections.abc import Callable

_FAILURES_TO_OPEN = 5
_SECONDS_OPEN = 15.0
_LONG_SECONDS = 5.0
"""Who wants to be left alone for longer than this is no use to any turn that is open now."""
_LONGEST_SECONDS = 120.0


class Breaker:
    """Closed, calls pass; open, they do not; then one at a time passes, until one succeeds.

    It lives in one process: each worker finds out for itself.
    """

    def __init__(
        self,
        failures_to_open: int = _FAILURES_TO_OPEN,
        seconds_open: float = _SECONDS_OPEN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures_to_open = failures_to_open
        self._seconds_open = seconds_open
        self._clock = clock
        self._failures = 0
        self._closed_again_at = 0.0

    @property
    def lets_pass(self) -> bool:
        """May the next call be made?"""
        return not self._is_open or self._clock() >= self._closed_again_at

    @property
    def _is_open(self) -> bool:
        return self._failures >= self._failures_to_open

    def called(self) -> None:
        """Note that a call is made: after an open time it is a probe, and others wait for it.

        A probe of which nothing is heard again lets the next one pass as late as a failed one.
        """
        if self._is_open:
            self._closed_again_at = self._clock() + self._seconds_open

    def succeeded(self) -> None:
        """Note that a call went well."""
        self._failures = 0

    def failed(self, leave_alone_seconds: float | None = None) -> None:
        """Note that a call did not; it may have been said for how long to make no other."""
        self._failures += 1
        seconds = self._seconds_open
        if leave_alone_seconds is not None and leave_alone_seconds > _LONG_SECONDS:
            self._failures = max(self._failures, self._failures_to_open)
            seconds = min(leave_alone_seconds, _LONGEST_SECONDS)
        if self._is_open:
            self._closed_again_at = self._clock() + seconds
