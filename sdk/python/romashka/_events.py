"""The messages of a conversation as they are committed: each once, in order, come what may."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from romashka._errors import Unreachable
from romashka._models import Message, MessageCreated
from romashka._realtime import Broadcast, Listener, Signal

ReadAfter = Callable[[int], AsyncIterator[Message]]
"""Reads the committed messages after a position, in order."""

_RETRY_SECONDS = 0.5


async def follow(
    listener: Listener, read_after: ReadAfter, after: int
) -> AsyncGenerator[MessageCreated]:
    """Yield every message whose position is greater than `after`.

    The topic was joined before anything is read, so a message is in what is read, or in a later
    broadcast, or in both; its position tells. A broadcast that leaves a gap makes us read again:
    positions are gapless, and in commit order.
    """
    seen = after
    async for signal in listener:
        message = _created(signal)
        if message is not None and message.position <= seen:
            continue
        if message is not None and message.position == seen + 1:
            seen = message.position
            yield MessageCreated(message)
        elif message is not None or not isinstance(signal, Broadcast):
            async for missed in _read_persistently(read_after, seen):
                seen = missed.position
                yield MessageCreated(missed)


def _created(signal: Signal) -> Message | None:
    if not isinstance(signal, Broadcast) or signal.event != "message.created":
        return None
    row: Any = signal.payload.get("message")
    return Message.from_row(row)


async def _read_persistently(read_after: ReadAfter, seen: int) -> AsyncIterator[Message]:
    """Read to the end; while the project is unreachable, wait and go on where it broke off."""
    while True:
        try:
            async for message in read_after(seen):
                seen = message.position
                yield message
            return
        except Unreachable:
            await asyncio.sleep(_RETRY_SECONDS)
