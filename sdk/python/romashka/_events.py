"""The messages of a conversation as they are committed: each once, in order, come what may."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from romashka._drafts import Drafts, ReplyEvent
from romashka._listener import Broadcast, Listener, Page, Resync
from romashka._models import Message
from romashka._reader import Reader

CREATED = "message.created"
UPDATED = "message.updated"
MANY_UPDATED = "messages.updated"
REPLY = "reply."
"""How the events begin that are about a reply which is being written."""

ReadAfter = Callable[[int], Awaitable[Page]]
"""Reads a page of the committed messages after a position, in order."""


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
    positions are gapless, and given in the order in which messages commit. What is read is read
    beside the broadcasts: the next message is shown from wherever it comes first.
    """
    seen = after
    drafts = Drafts()
    reader = Reader(listener, lambda: read_after(seen))

    def unseen(messages: Iterable[Message]) -> Iterator[MessageCreated]:
        nonlocal seen
        for message in messages:
            if message.position > seen:
                seen = message.position
                yield MessageCreated(message)

    try:
        async for signal in listener:
            match signal:
                case Broadcast(event) if event.startswith(REPLY):
                    for reply in drafts.take(signal):
                        yield reply
                case Broadcast(event) if event == CREATED:
                    message = _message_of(signal.payload)
                    if message is None or message.position > seen + 1:
                        reader.ask()
                    else:
                        for created in unseen([message]):
                            yield created
                        for settled in drafts.answered(message):
                            yield settled
                case Broadcast(event) if event in (UPDATED, MANY_UPDATED):
                    for row in signal.payload.get("messages") or [signal.payload.get("message")]:
                        message = _message_of({"message": row})
                        if message is not None and message.position <= seen:
                            yield MessageUpdated(message)
                case Broadcast():
                    pass  # of a newer server
                case Page():
                    for created in unseen(signal.rows):
                        drafts.close(created.message.turn_id)
                        yield created
                    reader.taken(signal)
                case Resync():
                    for reply in drafts.interrupt():
                        yield reply
                    reader.restart()
                case _:
                    reader.ask()
    finally:
        reader.close()


def _message_of(payload: Mapping[str, Any]) -> Message | None:
    """Return the message of a broadcast; None where it is not what we know, so that it is read."""
    try:
        return Message.from_row(payload["message"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
