"""`client.knowledge`: what the AI answers from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from romashka._core import Core
from romashka._errors import NotFound
from romashka._rows import fetch, fetch_up_to


@dataclass(frozen=True, slots=True)
class KnowledgeItem:
    """One piece of knowledge."""

    id: str
    title: str
    content: str
    language: str | None
    tags: tuple[str, ...]
    is_active: bool
    """Only active items are answered from."""
    source_url: str | None
    updated_at: datetime | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "KnowledgeItem":
        """Parse a row of `knowledge_items`."""
        updated_at = row["updated_at"]
        return cls(
            id=row["id"],
            title=row["title"],
            content=row["content"],
            language=row["language"],
            tags=tuple(row["tags"] or ()),
            is_active=row["status"] == "active",
            source_url=row["source_url"],
            updated_at=datetime.fromisoformat(updated_at) if updated_at else None,
        )


@dataclass(frozen=True, slots=True)
class KnowledgeMatch:
    """An item that a search found, and how well it answers: 0 to 1."""

    id: str
    title: str
    content: str
    language: str | None
    source_url: str | None
    score: float


class Knowledge:
    """`client.knowledge`; for staff."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def search(
        self, query: str, *, language: str | None = None, limit: int = 5
    ) -> list[KnowledgeMatch]:
        """Return the active items that answer a question best, by their words.

        A worker, and `romashka knowledge search`, look for the meaning too: this one has no
        embeddings, so it finds less in other words, and little in another language.

        Example:
            for match in await staff.knowledge.search("Which channels are there?", language="en"):
                print(match.score, match.title)
        """
        rows = await self._core._read(
            "search_knowledge", query=query, language=language, max_results=limit
        )
        return [
            KnowledgeMatch(
                id=row["id"],
                title=row["title"],
                content=row["content"],
                language=row["language"],
                source_url=row["source_url"],
                score=float(row["score"]),
            )
            for row in rows
        ]

    async def list(
        self, *, language: str | None = None, after: KnowledgeItem | None = None, limit: int = 100
    ) -> list[KnowledgeItem]:
        """Return a page of the items, in the order of their ids; `after` is the last one before it.

        Example:
            page = await staff.knowledge.list(language="en", limit=10)
        """
        return await fetch_up_to(
            limit, lambda last, count: self._page(language, last or after, count)
        )

    async def _page(
        self, language: str | None, after: KnowledgeItem | None, limit: int
    ) -> Sequence[KnowledgeItem]:
        query = self._core.supabase.table("knowledge_items").select("*")
        if language is not None:
            query = query.eq("language", language)
        if after is not None:
            query = query.gt("id", after.id)
        rows = await fetch(query.order("id").limit(limit))
        return [KnowledgeItem.from_row(row) for row in rows]

    async def add(
        self,
        title: str,
        content: str,
        *,
        language: str = "en",
        tags: Sequence[str] = (),
        source_url: str | None = None,
    ) -> KnowledgeItem:
        """Add an item; it is answered from at once.

        Raises:
            PermissionDenied: the caller is not staff.

        Example:
            item = await staff.knowledge.add("Opening hours", "We are here from 9 to 5.")
            await staff.knowledge.remove(item.id)
        """
        row = {
            "title": title,
            "content": content,
            "language": language,
            "tags": list(tags),
            "source_url": source_url,
        }
        stored = await fetch(self._core.supabase.table("knowledge_items").insert(row))
        return KnowledgeItem.from_row(stored[0])

    async def update(
        self,
        item_id: str,
        *,
        title: str | None = None,
        content: str | None = None,
        is_active: bool | None = None,
    ) -> KnowledgeItem:
        """Change what is given of an item.

        Raises:
            NotFound: there is no such item.

        Example:
            item = await staff.knowledge.add("Opening hours", "We are here from 9 to 5.")
            await staff.knowledge.update(item.id, content="We are here from 8 to 6.")
            await staff.knowledge.remove(item.id)
        """
        status = None if is_active is None else "active" if is_active else "archived"
        changes = {"title": title, "content": content, "status": status}
        row = {name: value for name, value in changes.items() if value is not None}
        items = self._core.supabase.table("knowledge_items")
        # PostgREST refuses an update of nothing.
        stored = await fetch((items.update(row) if row else items.select("*")).eq("id", item_id))
        if not stored:
            raise NotFound(f"there is no item {item_id}", name="item_not_found")
        return KnowledgeItem.from_row(stored[0])

    async def remove(self, item_id: str) -> None:
        """Remove an item for good; one that is gone is no error.

        Example:
            item = await staff.knowledge.add("Opening hours", "We are here from 9 to 5.")
            await staff.knowledge.remove(item.id)
        """
        await fetch(self._core.supabase.table("knowledge_items").delete().eq("id", item_id))
