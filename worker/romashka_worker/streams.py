"""Shows replies while they are written: `reply.started` and `reply.delta` (docs/streaming.md).

A preview, best effort: the row is the truth, and nothing here may hold up or fail a turn.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

from romashka_worker.faults import beside, contained
from romashka_worker.job import Job

Event = dict[str, Any]
"""A broadcast: topic, event, payload."""
Send = Callable[[Sequence[Event]], Awaitable[None]]
Show = Callable[[str], None]

_CALLS_AT_ONCE = 4
_PAUSE_SECONDS = 0.1
"""Between two deltas of a draft: ten a second look as fluent as thirty, and cost a third."""
_BURST_SECONDS = 0.2
"""The budget of so long may be spent at once."""
_DEFAULT_BUDGET = 50


@contextmanager
def shown_nowhere(job: Job) -> Iterator[Show]:
    """Open a reply that nobody watches."""
    yield lambda text: None


@asynccontextmanager
async def open_streams(send: Send) -> AsyncIterator["ReplyStreams"]:
    """Show replies with `send` within the block."""
    streams = ReplyStreams(send)
    async with beside(streams=streams.run):
        yield streams


class _Stream:
    """One draft on its way to the screens."""

    def __init__(self, job: Job) -> None:
        self._topic = f"conversation:{job.conversation_id}"
        self._names = {"turn_id": job.turn_id, "draft_id": str(uuid4())}
        self._unsent = ""
        self.sequence = 0
        self.is_open = True
        self.is_sending = False

    def add(self, text: str) -> None:
        self._unsent += text

    @property
    def is_due(self) -> bool:
        """Is there something to send, and nobody sending?"""
        return bool(self._unsent) and self.is_open and not self.is_sending

    def take(self) -> list[Event]:
        """Return what is to be sent, merged into one delta.

        The start is told with the first of them: a call of its own would hold up the first words.
        """
        events = [self._event("reply.started")] if self.sequence == 0 else []
        self.sequence += 1
        events.append(self._event("reply.delta", sequence=self.sequence, text=self._unsent))
        self._unsent = ""
        return events

    def _event(self, event: str, **payload: Any) -> Event:
        return {"topic": self._topic, "event": event, "payload": self._names | payload}


class ReplyStreams:
    """All drafts of this worker, within its part of the budget; `run` must be running.

    Each draft has at most one call on the way, so its events keep their order; what is written
    meanwhile merges. What a draft still has when it ends is not sent: the row is as quick.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._due: dict[_Stream, None] = {}
        self._is_due = asyncio.Event()
        self._budget = _Budget()
        self._calls = asyncio.Semaphore(_CALLS_AT_ONCE)

    @contextmanager
    def open(self, job: Job) -> Iterator[Show]:
        """Begin a draft of the reply to `job`; the block shows it by what it is called with."""
        self._budget.per_second = job.settings.get("stream_budget_per_second", _DEFAULT_BUDGET)
        stream = _Stream(job)
        try:
            yield partial(self._show, stream)
        finally:
            stream.is_open = False
            self._due.pop(stream, None)

    def _show(self, stream: _Stream, text: str) -> None:
        stream.add(text)
        self._schedule(stream)

    def _schedule(self, stream: _Stream) -> None:
        if stream.is_due:
            self._due[stream] = None
            self._is_due.set()

    async def run(self) -> None:
        """Send what is due, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._is_due.wait()
                await self._calls.acquire()
                await asyncio.sleep(self._budget.seconds_to_wait())
                tasks.create_task(self._deliver(self._take()))

    def _take(self) -> dict[_Stream, list[Event]]:
        """Return what the budget has room for; drafts that show nothing yet go first."""
        taken: dict[_Stream, list[Event]] = {}
        for stream in sorted(self._due, key=lambda stream: stream.sequence > 0):
            if not self._budget.has_room:
                break
            taken[stream] = stream.take()
            self._budget.spend(len(taken[stream]))
            stream.is_sending = True
            del self._due[stream]
        if not self._due:
            self._is_due.clear()
        return taken

    async def _deliver(self, taken: dict[_Stream, list[Event]]) -> None:
        try:
            with contained("stream") as trouble:
                if taken:
                    await self._send([event for events in taken.values() for event in events])
            if trouble.error:
                for stream in taken:
                    stream.is_open = False  # with a gap in it, it is no use to anybody
        finally:
            self._calls.release()
            await asyncio.sleep(_PAUSE_SECONDS)
            for stream in taken:
                stream.is_sending = False
                self._schedule(stream)


class _Budget:
    """A token bucket, which may be overdrawn by one event: a draft's start and its first delta."""

    def __init__(self) -> None:
        self.per_second: float = _DEFAULT_BUDGET
        self._left = 1.0
        self._counted_at = time.monotonic()

    @property
    def has_room(self) -> bool:
        """May an event be sent now?"""
        now = time.monotonic()
        earned = (now - self._counted_at) * self.per_second
        self._left = min(self._left + earned, max(1.0, self.per_second * _BURST_SECONDS))
        self._counted_at = now
        return self._left >= 1

    def spend(self, count: int) -> None:
        self._left -= count

    def seconds_to_wait(self) -> float:
        """Return how long to wait until one event may be sent."""
        return 0.0 if self.has_room else (1.0 - self._left) / self.per_second
