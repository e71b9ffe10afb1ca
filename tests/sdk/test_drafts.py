"""Replies while they are written, as docs/streaming.md has it."""

import pytest
from romashka import Broadcast, ReplyDelta, ReplySettled, ReplyStarted
from romashka._drafts import Drafts

STARTED = ("reply.started", {"turn_id": "t", "draft_id": "a"})
OTHER = ("reply.started", {"turn_id": "t", "draft_id": "b"})


def delta(sequence: int, text: str, draft: str = "a") -> tuple[str, dict[str, object]]:
    payload = {"turn_id": "t", "draft_id": draft, "sequence": sequence, "text": text}
    return ("reply.delta", payload)


def settled(outcome: str, message: str | None = None) -> tuple[str, dict[str, object]]:
    return ("reply.settled", {"turn_id": "t", "outcome": outcome, "message_id": message})


STARTS = ReplyStarted("t")


@pytest.mark.parametrize(
    ("heard", "shown"),
    [
        pytest.param(
            [STARTED, delta(1, "He"), delta(2, "llo")],
            [STARTS, ReplyDelta("t", "He"), ReplyDelta("t", "llo")],
            id="pieces are appended",
        ),
        pytest.param(
            [delta(1, "Hello")], [STARTS, ReplyDelta("t", "Hello")], id="the start may be lost"
        ),
        pytest.param(
            [STARTED, delta(1, "a"), delta(3, "c"), delta(1, "a")],
            [STARTS, ReplyDelta("t", "a")],
            id="after a gap, and twice, nothing is appended",
        ),
        pytest.param(
            [STARTED, delta(1, "a"), OTHER, delta(2, "b"), delta(1, "B", "b")],
            [STARTS, ReplyDelta("t", "a"), STARTS, ReplyDelta("t", "B")],
            id="another draft takes its place",
        ),
        pytest.param(
            [STARTED, settled("replied", "m"), delta(1, "late"), OTHER],
            [STARTS, ReplySettled("t", "replied", "m")],
            id="a closed turn stays closed",
        ),
        pytest.param(
            [STARTED, settled("superseded"), OTHER, delta(1, "x", "b")],
            [STARTS, ReplySettled("t", "superseded", None), STARTS, ReplyDelta("t", "x")],
            id="a superseded one goes on",
        ),
        pytest.param(
            [("reply.thought", {"turn_id": "t"}), ("reply.delta", {})], [], id="what is unknown"
        ),
    ],
)
def test_a_screen_can_follow_blindly(heard: list[tuple[str, dict]], shown: list[object]) -> None:
    """A customer never sees a reply with a hole in it, nor one that was taken back."""
    drafts = Drafts()
    events = [event for name, payload in heard for event in drafts.take(Broadcast(name, payload))]

    assert events == shown


def test_an_interruption_takes_the_draft_back_once() -> None:
    """Pieces may have been missed: the message will tell."""
    drafts = Drafts()
    list(drafts.take(Broadcast(*STARTED)))

    assert list(drafts.interrupt()) == [ReplySettled("t", None, None)]
    assert list(drafts.interrupt()) == []
