"""`client.business_hours`: when the team is there, and what customers are told when it is not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from romashka._core import Core
from romashka._models import ChannelType
from romashka._rows import fetch, fetch_all

Hours = Mapping[str, Any]
"""`{"timezone", "spans": [{"days", "from", "to"}], "closed": [date]}`."""


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """When the team is there: for all channels, one kind of them, or one account."""

    id: str
    channel_type: ChannelType | None
    channel_id: str | None
    hours: Hours
    away_texts: Mapping[str, str]
    """By language; where there is none, Romashka's own words. `{when}` is when somebody is back."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "BusinessHours":
        """Parse a row of `business_hours`."""
        return cls(
            id=row["id"],
            channel_type=row["channel_type"],
            channel_id=row["channel_id"],
            hours=row["hours"],
            away_texts=row["away_texts"],
        )


class BusinessHoursOfChannels:
    """`client.business_hours`; staff read them, admins write them."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def set(
        self,
        hours: Hours,
        *,
        channel_type: ChannelType | None = None,
        channel_id: str | None = None,
        away_texts: Mapping[str, str] | None = None,
    ) -> BusinessHours:
        """Say when the team is there, instead of what was said of the same channels. For admins.

        Args:
            hours: days are 1 (Monday) to 7; a span that ends before it begins ends the next day.
            channel_type: of one kind of channel alone; of all that have none of their own, if
                neither it nor an account is given.
            channel_id: of one account alone.
            away_texts: by language, what is said outside of them, instead of Romashka's own words.

        Raises:
            InvalidRequest: the hours cannot be read, or a text is none.
            PermissionDenied: the caller is no admin.

        Example:
            week = {"days": [1, 2, 3, 4, 5], "from": "09:00", "to": "18:00"}
            hours = {"timezone": "Europe/Berlin", "spans": [week], "closed": ["2026-12-25"]}
            async with AsyncRomashka.connect(url, service_role_key) as operator:
                stored = await operator.business_hours.set(hours, channel_type="sms")
                await operator.business_hours.remove(stored.id)
        """
        row = {
            "channel_type": channel_type,
            "channel_id": channel_id,
            "hours": dict(hours),
            "away_texts": dict(away_texts or {}),
        }
        table = self._core.supabase.table("business_hours")
        [stored] = await fetch(table.upsert(row, on_conflict="channel_type,channel_id"))
        return BusinessHours.from_row(stored)

    async def remove(self, hours_id: str) -> None:
        """Forget hours: somebody is always there; those that are gone are no error. For admins.

        Example:
            async with AsyncRomashka.connect(url, service_role_key) as operator:
                for hours in await operator.business_hours.list():
                    if hours.channel_type == "sms":
                        await operator.business_hours.remove(hours.id)
        """
        await fetch(self._core.supabase.table("business_hours").delete().eq("id", hours_id))

    async def list(self) -> list[BusinessHours]:
        """Return the hours of all channels.

        Example:
            zones = {each.hours["timezone"] for each in await staff.business_hours.list()}
        """
        table = self._core.supabase.table("business_hours")
        rows = await fetch_all(lambda: table.select("*").order("created_at").order("id"))
        return [BusinessHours.from_row(row) for row in rows]
