"""Why the AI wrote what it wrote."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from romashka._models import Outcome


@dataclass(frozen=True, slots=True)
class Source:
    """An article that was found."""

    id: str
    title: str | None
    """As it is now; None if it is gone."""
    score: float | None
    """How well it fits the question, 0 to 1."""
    is_cited: bool
    """Was it what the answer was made of?"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at the turn; what is not known is None, or empty."""

    number: int
    worker: str | None
    outcome: str | None
    action: str | None
    reason: str | None
    confidence: float | None
    responder: str | None
    """Who drafted it: a model, or the knowledge base alone."""
    model: str | None
    probabilities: Mapping[str, float]
    """What the message is about, by topic."""
    ungrounded: Mapping[str, int]
    """What was held back as it stands nowhere: how many, by kind."""
    milliseconds: Mapping[str, float]
    """Time by stage."""
    facts: Mapping[str, Any] = field(hash=False)
    """All that is told of it."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of an automatic answer; `attempts` are in their order."""

    message_id: str
    turn_id: str | None
    kind: Literal["reply", "handover"]
    reason: str | None
    """Why it was handed over."""
    outcome: Outcome | None
    confidence: float | None
    model: str | None
    answer_ms: int | None
    """From the turn's first message to the answer."""
    started_at: datetime | None
    deadline: datetime | None
    sources: tuple[Source, ...]
    attempts: tuple[Attempt, ...]
    thresholds: Mapping[str, Any] = field(hash=False)
    """What the settings were then."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Explanation":
        """Parse what `explain_ai_response` gives."""
        return cls(
            message_id=row["message_id"],
            turn_id=row["turn_id"],
            kind=row["kind"],
            reason=row["reason"],
            outcome=row.get("outcome"),
            confidence=row["confidence"],
            model=row["model"],
            answer_ms=row["answer_ms"],
            started_at=_time(row.get("started_at")),
            deadline=_time(row.get("deadline")),
            sources=tuple(
                Source(each["id"], each["title"], each["score"], each["is_cited"])
                for each in row["sources"]
            ),
            attempts=tuple(_attempt(each) for each in row["attempts"]),
            thresholds=row.get("thresholds") or {},
        )


def _attempt(told: Mapping[str, Any]) -> Attempt:
    return Attempt(
        number=told["attempt"],
        worker=told.get("worker"),
        outcome=told.get("outcome"),
        action=told.get("action"),
        reason=told.get("reason"),
        confidence=told.get("confidence"),
        responder=told.get("responder"),
        model=told.get("model"),
        probabilities=told.get("probabilities", {}),
        ungrounded=told.get("ungrounded", {}),
        milliseconds=told.get("milliseconds", {}),
        facts=told,
    )


def _time(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
