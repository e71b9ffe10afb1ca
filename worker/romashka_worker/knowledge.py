"""The team's knowledge base, as far as answering needs it: search."""

from dataclasses import dataclass

from romashka import AsyncRomashka

_MAX_ITEMS = 5


@dataclass(frozen=True, slots=True)
class KnowledgeItem:
    """One item that was found, with how well it fits the question (0 to 1)."""

    id: str
    title: str
    content: str
    language: str | None
    score: float


class KnowledgeBase:
    """Searches `knowledge_items`."""

    def __init__(self, client: AsyncRomashka) -> None:
        self._client = client

    async def search(self, question: str, language: str | None) -> tuple[KnowledgeItem, ...]:
        """Return the best items, best first: in `language`, or else in any.

        Raises:
            RomashkaError: the database did not answer.
        """
        found = await self._search(question, language)
        return found or (await self._search(question, None) if language else ())

    async def _search(self, question: str, language: str | None) -> tuple[KnowledgeItem, ...]:
        rows = await self._client.call(
            "search_knowledge", query=question, language=language, max_results=_MAX_ITEMS
        )
        return tuple(
            KnowledgeItem(
                row["id"], row["title"], row["content"], row["language"], float(row["score"])
            )
            for row in rows
        )
