"""Replies while they are written: what is broadcast about them, as events to follow blindly.

docs/streaming.md has the rules. A draft is a preview: pieces may be missing, and it may be taken
back; the message that follows is the truth.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from romashka._listener import Broadcast

Outcome = Literal["replied", "escalated", "superseded", "taken_over"]


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
        self._draft_id = ""
        self._next = 1
        self._closed: deque[str] = deque(maxlen=16)

    def take(self, broadcast: Broadcast) -> Iterator[ReplyEvent]:
        """Yield what follows from a broadcast; nothing from one that is late or unknown."""
        payload: dict[str, Any] = dict(broadcast.payload)
        turn_id, draft_id = str(payload.get("turn_id")), str(payload.get("draft_id"))
        sequence, text = payload.get("sequence"), payload.get("text")
        if turn_id in self._closed:
            return
        if broadcast.event == "reply.settled":
            yield self._settle(turn_id, payload.get("outcome"), payload.get("message_id"))
            return
        if draft_id != self._draft_id and (broadcast.event == "reply.started" or sequence == 1):
            self._turn_id, self._draft_id, self._next = turn_id, draft_id, 1
            yield ReplyStarted(turn_id)
        if draft_id == self._draft_id and sequence == self._next and isinstance(text, str):
            self._next += 1
            yield ReplyDelta(turn_id, text)

    def interrupt(self) -> Iterator[ReplyEvent]:
        """Give up the draft: pieces of it may have been missed."""
        if self._draft_id:
            self._draft_id = ""
            yield ReplySettled(self._turn_id, None, None)

    def _settle(self, turn_id: str, outcome: Outcome | None, message_id: str | None) -> ReplyEvent:
        if outcome != "superseded":
            self._closed.append(turn_id)
        if turn_id == self._turn_id:
            self._draft_id = ""
        return ReplySettled(turn_id, outcome, message_id)
