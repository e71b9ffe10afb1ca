"""What ends a worker's wait: an announcement, a slot that got free, the order to stop."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from romashka import Broadcast, Listener, RomashkaError

TOPIC = "inbox"
"""What changes a conversation, and so opens a turn or a delivery, is told there."""
_MAX_DELAY_SECONDS = 2.0
_LOOKS = 2
"""So many claims an announcement is worth: for an instant the claim of the other queue may lock the
conversation, or the commit be told of before it is seen."""
_LOSSES = 2
_LEFT_ALONE_SECONDS = 60.0
_BUSY_SECONDS, _MOST_BUSY_SECONDS = 0.001, 0.02
"""Who has rivals lets those go first who hold less: so much later for each lease that it holds."""
_REMEMBERED = 256

log = structlog.get_logger()


Announcement = Mapping[str, Any]
"""What is to be done: its `job_id`, where it has one, and its time, `process_after`."""


def turn_announced(event: Broadcast) -> Announcement | None:
    """Return the turn that waits in a conversation which has changed; None if none does."""
    turn = event.payload.get("turn") or {}
    return turn if turn.get("status") == "pending" else _many_changed(event)


def delivery_announced(event: Broadcast) -> Announcement | None:
    """Return when something is to be sent by a conversation's channel; None if nothing is."""
    send_after = event.payload.get("send_after")
    return {"process_after": send_after} if send_after else _many_changed(event)


def _many_changed(event: Broadcast) -> Announcement | None:
    """Many conversations in one operation: nothing is said of what each has waiting."""
    return {} if event.event == "conversations.changed" else None


class Wake:
    """An alarm that the announcements of a topic ring, and whoever calls `ring`; needs `listen`.

    Every worker hears every announcement, and one gets what is announced. A worker that came too
    late twice leaves announcements alone, and claims on its timer, until a claim finds something:
    then whoever follows them is dead, or has too much to do. One that is alone is never too late.
    """

    def __init__(
        self,
        listener: Listener,
        announced: Callable[[Broadcast], Announcement | None] = turn_announced,
    ) -> None:
        self._listener = listener
        self._announced = announced
        self._rung = asyncio.Event()
        self._is_announced = False
        self._looks_left = 0
        self._losses = 0
        self._lost_at = -_LEFT_ALONE_SECONDS
        self._held = 0
        self._claimed: deque[str] = deque(maxlen=_REMEMBERED)
        self._timers: dict[str, asyncio.TimerHandle] = {}

    @property
    def is_live(self) -> bool:
        """Are announcements coming in? If not, whoever waits for jobs must ask."""
        return self._listener.is_live

    @property
    def is_heeded(self) -> bool:
        """Do announcements ring?"""
        return self.is_live and not (self._has_rivals and self._losses >= _LOSSES)

    @property
    def _has_rivals(self) -> bool:
        return time.monotonic() - self._lost_at < _LEFT_ALONE_SECONDS

    def ring(self) -> None:
        """End the wait; rung before it begins, it does not begin."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Wait until the alarm rings, but no longer than that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self._rung.clear()
        if self._is_announced:
            self._is_announced, self._looks_left = False, _LOOKS

    def claimed(self, ids: Sequence[str], *, held: int) -> bool:
        """Note what a claim found, and what the worker holds; return whether to look again soon."""
        self._held = held
        if ids:
            self._claimed.extend(ids)
            self._looks_left = self._losses = 0
            return False
        if not self._looks_left:
            return False
        self._looks_left -= 1
        if not self._looks_left:
            self._losses += 1
            self._lost_at = time.monotonic()
        return bool(self._looks_left)

    async def listen(self) -> None:
        """Ring for each announcement, at the time that it names."""
        try:
            async for signal in self._listener:
                if not isinstance(signal, Broadcast):
                    self.ring()
                elif (announcement := self._announced(signal)) is not None:
                    self._hear(announcement)
        except RomashkaError as error:  # the long poll alone is enough
            log.warning("realtime.refused", error=str(error))

    def _hear(self, announcement: Announcement) -> None:
        """Set the alarm; what is announced again has it put off, while its customer writes on."""
        name = announcement.get("job_id")
        if timer := self._timers.pop(name, None) if name else None:
            timer.cancel()
        delay = _delay(announcement)
        if self._has_rivals:
            delay += min(self._held * _BUSY_SECONDS, _MOST_BUSY_SECONDS)
        timer = asyncio.get_running_loop().call_later(delay, self._announce, name)
        if name:
            self._timers[name] = timer

    def _announce(self, name: str | None) -> None:
        if name:
            self._timers.pop(name, None)
        if name not in self._claimed and self.is_heeded:
            self._is_announced = True
            self.ring()


def _delay(announcement: Announcement) -> float:
    """Return for how long what is announced is not claimable yet.

    Compares the server's clock with ours: if they differ, the next claim on the timer has it.
    """
    try:
        process_after = datetime.fromisoformat(announcement["process_after"])
        delay = (process_after - datetime.now(UTC)).total_seconds()
    except (KeyError, TypeError, ValueError):
        return 0.0
    return min(max(delay, 0.0), _MAX_DELAY_SECONDS)
