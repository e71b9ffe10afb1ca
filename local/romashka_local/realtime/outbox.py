"""What a socket has yet to send: bounded, so that a slow client costs only itself."""

import asyncio
from collections import deque
from typing import Final

from romashka_local.realtime.protocol import Frame

_MAX_FRAMES: Final = 50_000
_MAX_BYTES: Final = 16 * 1024 * 1024


class OutboxClosed(Exception):
    """Nothing more will be sent: the client was too slow, or the server closes."""


class Outbox:
    """Frames in the order in which they were put."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._is_closed = False
        self._has_overflown = False
        self._changed = asyncio.Event()

    @property
    def has_overflown(self) -> bool:
        return self._has_overflown

    def put(self, frame: Frame) -> None:
        """Add a frame; one too many drops them all and closes the outbox."""
        if self._is_closed:
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        if len(self._frames) > _MAX_FRAMES or self._bytes > _MAX_BYTES:
            self._has_overflown = True
            self._frames.clear()
            self._is_closed = True
        self._changed.set()

    def close(self) -> None:
        """Let what is in it be sent, and nothing more."""
        self._is_closed = True
        self._changed.set()

    async def take(self) -> Frame:
        """Return the next frame; waits for it.

        Raises:
            OutboxClosed: there will be none.
        """
        while not self._frames:
            if self._is_closed:
                raise OutboxClosed
            self._changed.clear()
            await self._changed.wait()
        frame = self._frames.popleft()
        self._bytes -= len(frame)
        return frame
