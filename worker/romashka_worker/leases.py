"""What a worker asks of a queue: it claims leases, renews, settles and releases them.

Turns are one queue (`queue.py`), deliveries the other (`channels/outbox.py`).
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeAlias, TypeVar

import structlog

log = structlog.get_logger()


class Leased(Protocol):
    """Something that one attempt of a worker holds the lease of: a job, a delivery."""

    @property
    def id(self) -> str: ...
    @property
    def attempt(self) -> int: ...


C = TypeVar("C", bound=Leased)
R = TypeVar("R")
S = TypeVar("S")


class Queue(ABC, Generic[C, R, S]):
    """A queue as one worker sees it: what is claimed, its result, and what became of that.

    All may raise a RomashkaError or a TimeoutError; then leases run out.
    """

    name: str
    """In logs and metrics."""
    max_claim = 100
    """What one claim takes at most; less, where the project gives fewer rows at a time."""
    long_poll_seconds = 0.0
    """How long a claim may wait for something, while nobody wakes the worker."""

    @abstractmethod
    async def claim(self, limit: int, wait_seconds: float) -> list[C]:
        """Lease up to `limit`, waiting for the first one if asked.

        What got lost on its way back has leases that nobody renews.
        """

    def note_claimed(self, given: int, claimed: int | None) -> None:
        """Note that a claim leased more than it gave: the others wait until their leases run out.

        A project gives no more than its `max_rows`; the next claims ask for no more than that.
        """
        if claimed is not None and 0 < given < claimed:
            self.max_claim = given
            log.warning("claim.cut", queue=self.name, claimed=claimed, max_rows=given)

    @abstractmethod
    async def renew(self, leased: Sequence[C]) -> set[str]:
        """Prolong leases; return the ids of those that are lost."""

    @abstractmethod
    async def settle(self, results: Sequence[tuple[C, R]]) -> Mapping[str, S]:
        """Settle results, in one call; return what became of each, by id.

        One that is missing there could not be settled now. Repeating a settle is safe.
        """

    @abstractmethod
    async def release(self, leased: Sequence[C]) -> None:
        """Give back what has not been begun, or does no harm when it is done twice."""

    @abstractmethod
    def poll_seconds(self, *, is_woken: bool) -> float:
        """Return how often to claim besides the wake-ups, if there are any."""

    @abstractmethod
    def patience_seconds(self, leased: C) -> float:
        """Return for how long a result is worth settling."""


Settle: TypeAlias = Callable[[R], Awaitable[S]]
"""Settles the result of what one is working on."""
