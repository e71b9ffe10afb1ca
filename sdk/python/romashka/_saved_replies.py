"""`client.saved_replies`: what the team answers often, and how it is filled in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from romashka._core import Core
from romashka._errors import NotFound
from romashka._rows import fetch, fetch_all

_VARIABLE = re.compile(r"\{\{\s*([a-z_.]+)\s*\}\}")
_VARIABLES = {
    "customer.name": ("customer", "name"),
    "customer.first_name": ("customer", "name"),
    "customer.email": ("customer", "email"),
    "customer.phone": ("customer", "phone"),
    "customer.company": ("customer", "company"),
    "agent.name": ("agent", "name"),
    "agent.first_name": ("agent", "name"),
}


@dataclass(frozen=True, slots=True)
class SavedReply:
    """An answer that is at hand under a word."""

    id: str
    shortcut: str
    title: str
    content: str
    language: str | None
    """None: for customers of every language."""
    updated_at: datetime

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "SavedReply":
        """Parse a row of `saved_replies`."""
        return cls(
            id=row["id"],
            shortcut=row["shortcut"],
            title=row["title"],
            content=row["content"],
            language=row["language"],
            updated_at=datetime.fromisoformat(row["updated_at"]),
        )


@dataclass(frozen=True, slots=True)
class RenderedReply:
    """A saved reply as it would be sent, and what is not known of it."""

    text: str
    missing: tuple[str, ...]
    """The variables that stand in the text as they are, each once."""


def render_saved_reply(
    content: str,
    *,
    customer: Mapping[str, Any] | None = None,
    agent: Mapping[str, Any] | None = None,
) -> RenderedReply:
    """Fill in what `{{customer.name}}` and the like stand for.

    There are `customer.name`, `.first_name`, `.email`, `.phone`, `.company`, and `agent.name`,
    `.first_name`. What is not known, or no such variable, stays as it stands, for all to see.

    Example:
        render_saved_reply("Hello {{customer.name}}!", customer={"name": "Ada"}).text
    """
    values = {"customer": customer or {}, "agent": agent or {}}
    missing: dict[str, None] = {}

    def fill(found: re.Match[str]) -> str:
        name = found[1]
        value = _value(name, values)
        if not value:
            missing[name] = None
        return value or found[0]

    text = _VARIABLE.sub(fill, content)
    return RenderedReply(text, tuple(missing))


def _value(name: str, values: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what a variable stands for, on one line; nothing, if that is not known."""
    if name not in _VARIABLES:
        return ""
    of, member = _VARIABLES[name]
    given = values[of].get(member)
    words = given.split() if isinstance(given, str) else []
    return " ".join(words[:1] if name.endswith("first_name") else words)


class SavedReplies:
    """`client.saved_replies`; for staff."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def list(self, *, language: str | None = None) -> list[SavedReply]:
        """Return the saved replies, by their shortcuts.

        Args:
            language: only those of this language, and those of every language.

        Example:
            replies = await staff.saved_replies.list(language="en")
        """

        def query() -> Any:
            rows = self._core.supabase.table("saved_replies").select("*")
            if language is not None:
                rows = rows.or_(f'language.is.null,language.eq."{_quoted(language)}"')
            return rows.order("shortcut").order("id")

        return [SavedReply.from_row(row) for row in await fetch_all(query)]

    async def add(
        self, shortcut: str, content: str, *, title: str | None = None, language: str | None = None
    ) -> SavedReply:
        """Keep an answer under a word; its title is that word, unless it is given.

        Raises:
            Conflict: the word has an answer in this language.
            InvalidRequest: the shortcut is no single word, the text is empty or too long.
            PermissionDenied: the caller is not staff.

        Example:
            reply = await staff.saved_replies.add("hours", "We are here from 9 to 5.")
            await staff.saved_replies.remove(reply.id)
        """
        row = {"shortcut": shortcut, "title": title or shortcut, "content": content}
        replies = self._core.supabase.table("saved_replies")
        [stored] = await fetch(replies.insert(row | {"language": language}))
        return SavedReply.from_row(stored)

    async def update(self, reply: SavedReply) -> SavedReply:
        """Store a saved reply as it is given, by its id.

        Raises:
            NotFound: it is gone.

        Example:
            from dataclasses import replace

            reply = await staff.saved_replies.add("hours", "We are here from 9 to 5.")
            reply = await staff.saved_replies.update(replace(reply, content="From 8 to 6."))
            await staff.saved_replies.remove(reply.id)
        """
        columns = ("shortcut", "title", "content", "language")
        row = {column: getattr(reply, column) for column in columns}
        replies = self._core.supabase.table("saved_replies")
        stored = await fetch(replies.update(row).eq("id", reply.id))
        if not stored:
            raise NotFound(f"there is no saved reply {reply.id}", name="reply_not_found")
        return SavedReply.from_row(stored[0])

    async def remove(self, reply_id: str) -> None:
        """Remove a saved reply; one that is gone is no error.

        Example:
            reply = await staff.saved_replies.add("hours", "We are here from 9 to 5.")
            await staff.saved_replies.remove(reply.id)
        """
        await fetch(self._core.supabase.table("saved_replies").delete().eq("id", reply_id))


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
