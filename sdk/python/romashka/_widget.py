"""`client.widget`: what the customer's window looks like, and what it may know of the team."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from romashka._core import Core
from romashka._errors import PermissionDenied, Unreachable, translated
from romashka._limits import in_time
from romashka._rows import fetch


@dataclass(frozen=True, slots=True)
class Face:
    """Somebody of the team who writes to customers."""

    first_name: str
    avatar_url: str | None


@dataclass(frozen=True, slots=True)
class WidgetSettings:
    """What everybody may know."""

    texts: Mapping[str, Mapping[str, str]]
    """By language, then by name."""
    color: str
    text_color: str
    logo_url: str | None
    languages: tuple[str, ...]
    """The first one is that of visitors who speak none of them; nothing: all that there are."""
    is_team_there: bool | None
    """By the website's business hours; None, if it has none."""
    back_at: datetime | None
    team: tuple[Face, ...]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "WidgetSettings":
        """Parse what `get_widget_settings` gives."""
        back_at = row["back_at"]
        return cls(
            texts=row["texts"],
            color=row["color"],
            text_color=row["text_color"],
            logo_url=row["logo_url"],
            languages=tuple(row["languages"]),
            is_team_there=row["is_team_there"],
            back_at=datetime.fromisoformat(back_at) if back_at else None,
            team=tuple(Face(face["first_name"], face["avatar_url"]) for face in row["team"]),
        )


class Widget:
    """`client.widget`; everybody reads its settings, admins change them."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def settings(self) -> WidgetSettings:
        """Return what everybody may know, without a session too; a minute old at most.

        Example:
            async with AsyncRomashka.connect(url, anon_key) as visitor:
                print((await visitor.widget.settings()).color)
        """
        request = self._core.supabase.rpc("get_widget_settings", {}, get=True)
        with translated():
            async with in_time():
                row = (await request.execute()).data
        if not isinstance(row, dict):
            raise Unreachable("the project does not answer; somebody else's page came")
        return WidgetSettings.from_row(row)

    async def update(
        self,
        *,
        texts: Mapping[str, Mapping[str, str]] | None = None,
        color: str | None = None,
        text_color: str | None = None,
        logo_url: str | None = None,
        languages: Sequence[str] | None = None,
        shows_team: bool | None = None,
    ) -> None:
        """Change what is given. For admins.

        Args:
            color: as `#1f5fd0`, in small letters.
            logo_url: of https; an empty one is none.

        Raises:
            InvalidRequest: a value is none of its kind.
            PermissionDenied: the caller is no admin.

        Example:
            async with AsyncRomashka.connect(url, service_role_key) as operator:
                await operator.widget.update(color="#1f5fd0", languages=["en", "de"])
                await operator.widget.update(languages=[])
        """
        given: dict[str, Any] = {
            "texts": texts,
            "color": color,
            "text_color": text_color,
            "logo_url": logo_url,
            "languages": languages,
            "shows_team": shows_team,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        if changes.get("logo_url") == "":
            changes["logo_url"] = None
        if not changes:
            return
        table = self._core.supabase.table("widget_settings")
        if not await fetch(table.update(changes).eq("id", "true")):
            raise PermissionDenied("only admins change the widget's settings", name="admin_only")
