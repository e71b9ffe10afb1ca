"""Replies while they are written: what is broadcast about them, as events to follow blindly.

docs/streaming.md has the rules. A draft is a preview: pieces may be missing, and it may be taken
back; the message that follows is the truth.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from romashka._listener import Broadcast
from romashka._models import Message

_REMEMBERED = 16
Outcome = Literal["replied", "escalated", "not_needed", "superseded", "taken_over"]


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """A reply to a turn is being written: show it, still empty, instead of any other draft."""

    turn_id: str


@dataclass(frozen=True, slots=True)
class ReplyDelta:
    """The next piece of the reply that is being written: append it."""

    turn_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ReplySettled:
    """A draft is gone, or a turn has ended; its message, if there is one, stands in its place."""

    turn_id: str
    outcome: Outcome | None
    """None after an interruption: the messages tell."""
    message_id: str | None


ReplyEvent = ReplyStarted | ReplyDelta | ReplySettled


class Drafts:
    """The one draft that a conversation has at most."""

    def __init__(self) -> None:
        self._turn_id = ""
        self._draft_id: str | None = None
        self._next = 1
        self._closed: tuple[str, ...] = ()

    def take(self, broadcast: Broadcast) -> Iterator[ReplyEvent]:
        """Yield what follows from a broadcast; nothing from one that is late or unknown."""
        payload: dict[str, Any] = dict(broadcast.payload)
        turn_id = str(payload.get("turn_id"))
        if broadcast.event == "reply.settled":
            outcome: Outcome | None = payload.get("outcome")
            if turn_id not in self._closed:
                self.close(turn_id, for_good=outcome != "superseded")
                yield ReplySettled(turn_id, outcome, payload.get("message_id"))
        elif turn_id not in self._closed:
            is_start = broadcast.event == "reply.started" or payload.get("sequence") == 1
            if is_start and payload.get("draft_id") != self._draft_id:
                self._turn_id, self._draft_id, self._next = turn_id, payload.get("draft_id"), 1
                yield ReplyStarted(turn_id)
            if (payload.get("draft_id"), payload.get("sequence")) == (self._draft_id, self._next):
                self._next += 1
                yield ReplyDelta(turn_id, str(payload.get("text", "")))

    def answered(self, message: Message) -> Iterator[ReplySettled]:
        """Yield that a turn has ended, where a message is its answer: that is what tells of it."""
        if message.turn_id is not None and message.turn_id not in self._closed:
            self.close(message.turn_id)
            outcome: Outcome = "escalated" if message.kind == "handover" else "replied"
            yield ReplySettled(message.turn_id, outcome, message.id)

    def interrupt(self) -> Iterator[ReplyEvent]:
        """Give up the draft: pieces of it may have been missed."""
        if self._draft_id is not None:
            self._draft_id = None
            yield ReplySettled(self._turn_id, None, None)

    def close(self, turn_id: str | None, *, for_good: bool = True) -> None:
        """Give up the draft of a turn, if any; for good, what comes of it later is late."""
        if turn_id is None:
            return
        if for_good:
            self._closed = (*self._closed, turn_id)[-_REMEMBERED:]
        if turn_id == self._turn_id:
            self._draft_id = None
