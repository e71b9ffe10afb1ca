"""Makes a reply of a text that is being written: in time, not too long, in whole sentences."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from romashka_worker.responders import ResponderError
from romashka_worker.sentences import last_sentence_end

_TAIL_CHARS = 500
_TAIL_SECONDS = 1.5
"""So near to the end of the room or of the time, only whole sentences are shown."""


async def write_reply(
    pieces: AsyncIterator[str], show: Callable[[str], None], *, max_chars: int, until: float
) -> str:
    """Return the reply that `pieces` become; `show` gets parts of it, in order, as they come.

    A text that has not ended by `until` (monotonic), or gets too long, is cut after a sentence.
    What has been shown is never more than what is returned.

    Raises:
        ResponderError: there is no text, or it is cut within a sentence that has been shown.
    """
    reply = _Reply(show, max_chars)
    try:
        async with asyncio.timeout(until - time.monotonic()):
            async for piece in pieces:
                reply.add(piece, is_late=time.monotonic() > until - _TAIL_SECONDS)
                if reply.is_full:
                    return reply.cut()
    except TimeoutError:
        return reply.cut()
    return reply.end()


class _Reply:
    """What is shown, and what is held until it is known that it will be part of the reply."""

    def __init__(self, show: Callable[[str], None], max_chars: int) -> None:
        self._show = show
        self._max_chars = max_chars
        self._shown = ""
        self._held = ""

    @property
    def is_full(self) -> bool:
        return len(self._held) > self._room

    @property
    def _room(self) -> int:
        return self._max_chars - len(self._shown)

    def add(self, piece: str, *, is_late: bool) -> None:
        self._held += piece
        if is_late or len(self._held) > self._room - _TAIL_CHARS:
            self._release(last_sentence_end(self._held[: self._room]))
        else:
            self._release(len(self._held))

    def _release(self, count: int) -> None:
        """Show so many characters of what is held, but for space at either end of the reply."""
        if not self._shown:
            stripped = self._held.lstrip()
            count, self._held = count - len(self._held) + len(stripped), stripped
        text = self._held[: max(count, 0)].rstrip()
        if text:
            self._show(text)
            self._shown, self._held = self._shown + text, self._held[len(text) :]

    def end(self) -> str:
        self._release(len(self._held))
        return self._whole()

    def cut(self) -> str:
        # A full stop at the very end is one if nothing can follow it.
        held = self._held[: self._room] if self.is_full else f"{self._held} "
        self._release(min(last_sentence_end(held), len(self._held)))
        if not last_sentence_end(f"{self._shown} ") == len(self._shown):
            raise ResponderError("the reply does not end")
        return self._whole()

    def _whole(self) -> str:
        if not self._shown:
            raise ResponderError("the reply is empty")
        return self._shown
