"""`client.metrics`: does the team keep its promises, in figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from romashka._core import Core


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """The turns of one channel, or of all (`channel_type` is `all`), in a window of time."""

    channel_type: str
    turns: int
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    within_6s: float | None
    """The share of turns that were answered within 6 s; None without turns."""
    resolved_by_ai: float | None
    escalations: Mapping[str, int]
    """How many turns were handed over, by reason."""
    delivered: float | None
    queue_depth: int
    oldest_waiting_ms: int
    set_aside: int
    """Turns that wait because the database refuses to settle them: `romashka doctor` says why."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "ServiceLevel":
        """Parse a row of `get_messaging_slo`."""
        return cls(
            channel_type=row["channel_type"],
            turns=row["turns"],
            p50_ms=row["p50_ms"],
            p95_ms=row["p95_ms"],
            p99_ms=row["p99_ms"],
            within_6s=_number(row["within_6s"]),
            resolved_by_ai=_number(row["resolved_by_ai"]),
            escalations=row["escalations"],
            delivered=_number(row["delivered"]),
            queue_depth=row["queue_depth"],
            oldest_waiting_ms=row["oldest_waiting_ms"],
            set_aside=row.get("set_aside", 0),  # a database of before 0.2 does not say
        )


@dataclass(frozen=True, slots=True)
class ConversationMetrics:
    """One conversation in figures."""

    total_messages: int
    ai_messages: int
    human_messages: int
    """Written by agents."""
    avg_response_time_ms: float | None
    ai_confidence_avg: float | None
    escalation_count: int
    satisfaction_rating: float | None
    conversation_duration_minutes: int | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "ConversationMetrics":
        """Parse a row of `get_conversation_performance_metrics`."""
        return cls(
            total_messages=row["total_messages"],
            ai_messages=row["ai_messages"],
            human_messages=row["human_messages"],
            avg_response_time_ms=_number(row["avg_response_time_ms"]),
            ai_confidence_avg=_number(row["ai_confidence_avg"]),
            escalation_count=row["escalation_count"],
            satisfaction_rating=_number(row["satisfaction_rating"]),
            conversation_duration_minutes=row["conversation_duration_minutes"],
        )


class Metrics:
    """`client.metrics`; for staff."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def service_level(self, window_minutes: int = 60) -> list[ServiceLevel]:
        """Return the service level of the last minutes: by channel, and last of all together.

        Raises:
            PermissionDenied: the caller is not staff.
            InvalidRequest: the window is not 1 minute to 31 days.

        Example:
            *channels, everything = await staff.metrics.service_level(window_minutes=60)
            print(everything.turns, everything.p95_ms, everything.within_6s)
        """
        rows = await self._core._read("get_messaging_slo", window_minutes=window_minutes)
        return [ServiceLevel.from_row(row) for row in rows]


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
