"""The service level over time, and the conversations behind its figures, as they are told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from romashka._models import ConversationDetails

C = TypeVar("C", bound=ConversationDetails)


@dataclass(frozen=True, slots=True)
class LevelOfTime:
    """The turns of one channel, or of all (`channel_type` is `all`), that began in a time."""

    channel_type: str
    turns: int
    conversations: int
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    within_6s: float | None
    resolved_by_ai: float | None
    escalations: Mapping[str, int]
    delivered: float | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """An hour, day, week or month, as far as it is in the range."""

    starts_at: datetime
    ends_at: datetime
    channels: tuple[LevelOfTime, ...]
    """By channel, and last of all together; none where nobody wrote."""


@dataclass(frozen=True, slots=True)
class LevelOverTime:
    """The service level of a range, and of each bucket of it, empty ones too."""

    channels: tuple[LevelOfTime, ...]
    buckets: tuple[Bucket, ...]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "LevelOverTime":
        """Parse what `get_service_level` gives."""
        return cls(
            _levels(row["channels"]),
            tuple(
                Bucket(
                    datetime.fromisoformat(bucket["starts_at"]),
                    datetime.fromisoformat(bucket["ends_at"]),
                    _levels(bucket["channels"]),
                )
                for bucket in row["buckets"]
            ),
        )


def _levels(rows: Sequence[Mapping[str, Any]]) -> tuple[LevelOfTime, ...]:
    return tuple(LevelOfTime(**row) for row in rows)


@dataclass(frozen=True, slots=True)
class FigureRow(Generic[C]):
    """A conversation behind a figure, with the latest of its turns that the figure counts."""

    conversation: C
    turn_id: str
    started_at: datetime
    outcome: Literal["replied", "escalated"]
    reason: str | None
    answer_ms: int
    turns: int
    """How many of its turns the figure counts."""


FigurePlace = Mapping[str, Any]
"""Where a page ends."""


@dataclass(frozen=True, slots=True)
class FigurePage(Generic[C]):
    """Conversations behind a figure, the latest first."""

    rows: tuple[FigureRow[C], ...]
    next: FigurePlace | None
    """Gives the page after this one; None if this is the last."""
