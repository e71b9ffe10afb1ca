"""The messages of a conversation as they are committed: each once, in order, come what may."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from romashka._drafts import Drafts, ReplyEvent
from romashka._errors import RomashkaError
from romashka._listener import Broadcast, Listener, Resync
from romashka._models import Message

ReadAfter = Callable[[int], AsyncIterator[Message]]
"""Reads the committed messages after a position, in order."""

_RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class MessageCreated:
    """A message was committed."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageUpdated:
    """A message that was seen has changed: it was delivered, or read, or failed to be.

    Sent once and never again, as all that is not `MessageCreated`: the row is the truth.
    """

    message: Message


Event = MessageCreated | MessageUpdated | ReplyEvent


async def follow(listener: Listener, read_after: ReadAfter, after: int) -> AsyncGenerator[Event]:
    """Yield every message whose position is greater than `after`, and what passes by meanwhile.

    The topic was joined before anything is read, so a message is in what is read, or in a later
    broadcast, or in both; its position tells. A broadcast that leaves a gap makes us read:
    positions are gapless, and given in the order in which messages commit.
    """
    seen = after
    drafts = Drafts()

    def created(message: Message) -> MessageCreated:
        nonlocal seen
        seen = message.position
        if message.turn_id is not None:
            drafts.close(message.turn_id)
        return MessageCreated(message)

    async for signal in listener:
        if isinstance(signal, Broadcast) and signal.event.startswith("reply."):
            for event in drafts.take(signal):
                yield event
            continue
        message = _message_of(signal.payload) if isinstance(signal, Broadcast) else None
        if isinstance(signal, Broadcast) and signal.event != "message.created":
            if signal.event == "message.updated" and message and message.position <= seen:
                yield MessageUpdated(message)
            continue
        if signal == Resync():
            for event in drafts.interrupt():
                yield event
        if message is None or message.position > seen + 1:
            async for missed in _read_persistently(read_after, seen):
                yield created(missed)
        if message is not None and message.position > seen:
            yield created(message)


def _message_of(payload: Mapping[str, Any]) -> Message | None:
    """Return the message of a broadcast; None where it is not what we know, so that it is read."""
    try:
        return Message.from_row(payload["message"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


async def _read_persistently(read_after: ReadAfter, seen: int) -> AsyncIterator[Message]:
    """Read to the end; while the project is unreachable, wait and go on where it broke off."""
    while True:
        try:
            async for message in read_after(seen):
                seen = message.position
                yield message
            return
        except RomashkaError as error:
            if not error.retryable:
                raise
            await asyncio.sleep(_RETRY_SECONDS)
