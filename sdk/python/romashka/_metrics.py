"""`client.metrics`: does the team keep its promises, in figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from romashka._conversation import Conversation
from romashka._core import Core
from romashka._levels import FigurePage, FigurePlace, FigureRow, LevelOverTime
from romashka._models import ChannelType


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

    async def service_level_over_time(
        self,
        starts_at: datetime,
        ends_at: datetime | None = None,
        *,
        bucket: Literal["hour", "day", "week", "month"] = "day",
        timezone: str = "UTC",
    ) -> LevelOverTime:
        """Return the service level of a range, and of each hour, day, week or month of it.

        Args:
            starts_at: a time with a zone.
            ends_at: now, unless it says otherwise.
            timezone: whose days they are, as `Europe/Berlin`.

        Raises:
            PermissionDenied: the caller is not staff.
            InvalidRequest: the range is longer than 400 days (hours: 31), or backwards.

        Example:
            from datetime import UTC, datetime, timedelta

            week = await staff.metrics.service_level_over_time(datetime.now(UTC) - timedelta(7))
            print([(day.starts_at, day.channels[-1:]) for day in week.buckets])
        """
        times = _times(starts_at, ends_at)
        found = await self._core.call(
            "get_service_level", **times, bucket=bucket, timezone=timezone
        )
        return LevelOverTime.from_row(found)

    async def conversations_behind(
        self,
        starts_at: datetime,
        ends_at: datetime | None = None,
        *,
        channel_type: ChannelType | None = None,
        outcome: Literal["replied", "escalated"] | None = None,
        reason: str | None = None,
        within_6s: bool | None = None,
        resolved_by_ai: bool | None = None,
        delivered: bool | None = None,
        after: FigurePlace | None = None,
        limit: int = 50,
    ) -> FigurePage[Conversation]:
        """Return the conversations behind a figure of `service_level_over_time`.

        Args:
            after: `next` of the page before.

        Raises:
            PermissionDenied: the caller is not staff.

        Example:
            from datetime import UTC, datetime, timedelta

            yesterday = datetime.now(UTC) - timedelta(1)
            late = await staff.metrics.conversations_behind(yesterday, within_6s=False)
        """
        filters = {
            "channel_type": channel_type,
            "outcome": outcome,
            "reason": reason,
            "within_6s": within_6s,
            "resolved_by_ai": resolved_by_ai,
            "delivered": delivered,
        }
        found = await self._core.call(
            "get_service_level_conversations",
            **_times(starts_at, ends_at or datetime.now(UTC)),
            filters={name: value for name, value in filters.items() if value is not None},
            after=after,
            max_results=limit,
        )
        rows = (self._figure_row(row) for row in found["rows"])
        return FigurePage(tuple(rows), found["next"])

    def _figure_row(self, row: Mapping[str, Any]) -> FigureRow[Conversation]:
        names = ("turn_id", "outcome", "reason", "answer_ms", "turns")
        return FigureRow(
            conversation=Conversation.from_row(row["conversation"], self._core),
            started_at=datetime.fromisoformat(row["started_at"]),
            **{name: row[name] for name in names},
        )


def _times(starts_at: datetime, ends_at: datetime | None) -> dict[str, str]:
    ends = {"ends_at": ends_at.isoformat()} if ends_at else {}
    return {"starts_at": starts_at.isoformat()} | ends


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
