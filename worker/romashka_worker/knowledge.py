"""The team's knowledge base, as far as answering needs it: search."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

import structlog
from romashka import AsyncRomashka, NotFound, Unreachable
from romashka._errors import translated

from romashka_worker.calls import repeated
from romashka_worker.embeddings import Embedding, EmbeddingError, vector_text
from romashka_worker.embeddings.second import SecondModel, knows

_MAX_ITEMS = 5
_SEARCHES_AT_ONCE = 16
"""Heartbeats and settles must not wait behind the searches of hundreds of turns."""
_SHORTEST_SEARCH_SECONDS = 0.5
# By meaning, an item is found with its translations, and the last ones say how near anything is.
_MAX_ITEMS_BY_MEANING = 20

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class KnowledgeItem:
    """One item that was found, with how well it fits the question."""

    id: str
    title: str
    content: str
    language: str | None
    score: float
    """0 to 1, from the two below; the items are in its order."""
    similarity: float | None = None
    """Of the question's vector and the item's; None where one of them has none."""
    keyword_score: float = 0.0
    """0 to 1: the share of the question's words that it has, by how much they tell."""
    likeness: float | None = None
    """Of the question and the item, by a second model; None where that was not asked."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Parse a row of `search_knowledge`."""
        similarity = row["similarity"]
        return cls(
            id=row["id"],
            title=row["title"],
            content=row["content"],
            language=row["language"],
            score=float(row["score"]),
            similarity=None if similarity is None else float(similarity),
            keyword_score=float(row["keyword_score"]),
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What the knowledge base has on a question."""

    asked: str
    """The customer's words."""
    question: str
    """What was looked for: these words, and perhaps what they refer to."""
    embedding: Embedding | None
    items: tuple[KnowledgeItem, ...] | None
    """Best first; None when the knowledge base could not be asked."""
    seen: frozenset[str] = frozenset()
    """The ids of those that the customer has read, and goes on from: they are not the answer."""


class KnowledgeBase:
    """Searches `knowledge_items`; a second model, if there is one, looks at what was found."""

    def __init__(self, client: AsyncRomashka, second: SecondModel | None = None) -> None:
        self._client = client
        self._second = second
        self._searches = asyncio.Semaphore(_SEARCHES_AT_ONCE)

    async def search(
        self,
        question: str,
        language: str | None,
        embedding: Embedding | None = None,
        seconds: float = 10.0,
        *,
        is_whole: bool = True,
    ) -> tuple[KnowledgeItem, ...]:
        """Return the best items, best first.

        Of a question that is not whole, as its words say only what is new in it, the second model
        is not asked: by itself such a text is like anything.

        What may pass is waited for, `seconds` in all: one gateway's word is no reason to hand over,
        nor is one call that hangs.

        A meaning, if the question's `embedding` is given, is the same in all languages. Without it,
        or while the items have no vectors, words are looked for in items of `language`, or else
        in all.

        Raises:
            RomashkaError: the database did not answer.
        """
        search = partial(self._search, question, time.monotonic() + seconds)
        if embedding is not None:
            found = await search(
                max_results=_MAX_ITEMS_BY_MEANING,
                query_embedding=vector_text(embedding.vector),
                embedding_model=embedding.model,
            )
            if any(item.similarity is not None for item in found):
                if not is_whole:
                    return found
                return await self._compared(question, language, found, seconds)
        found = await search(language=language, max_results=_MAX_ITEMS)
        if found or language is None:
            return found
        return await search(max_results=_MAX_ITEMS)

    async def read(self, item_id: str, seconds: float) -> KnowledgeItem | None:
        """Return one item; None if the team has taken it away.

        Raises:
            RomashkaError: the database did not answer within `seconds`.
        """
        columns = "id, title, content, language"
        table = self._client.supabase.table("knowledge_items")

        async def call() -> list[Mapping[str, Any]]:
            query = table.select(columns).eq("id", item_id).eq("status", "active")
            with translated():
                rows: Any = (await query.execute()).data
            return list(rows)

        rows = await repeated(call, seconds)
        known = {"score": 1, "similarity": None, "keyword_score": 1}
        return next((KnowledgeItem.from_row({**row, **known}) for row in rows), None)

    async def find_part(self, item: KnowledgeItem, embedding: Embedding) -> int | None:
        """Return the number of an item's part that is nearest to a question, counted from 1.

        None: the item has no vectors, or the database is older than this.
        """
        try:
            part: int | None = await self._client.call(
                "find_knowledge_part",
                item_id=item.id,
                query_embedding=vector_text(embedding.vector),
                embedding_model=embedding.model,
            )
        except NotFound:
            return None
        return part

    async def _compared(
        self,
        question: str,
        language: str | None,
        found: tuple[KnowledgeItem, ...],
        seconds: float,
    ) -> tuple[KnowledgeItem, ...]:
        """Have the second model's word on what was found in languages that it knows."""
        items = [item for item in found if knows(item.language)]
        if self._second is None or not items or not knows(language):
            return found
        texts = [(item.title, item.content) for item in items]
        try:
            # It is quick but for the first turns of a worker, and once for each item.
            async with asyncio.timeout(seconds / (5 if self._second.is_loaded else 2)):
                likeness = await self._second.likeness(question, texts)
        except (EmbeddingError, TimeoutError) as error:  # what else is known of them will do
            log.warning("second_model.failed", error=str(error) or type(error).__name__)
            return found
        by_id = {item.id: one for item, one in zip(items, likeness, strict=True)}
        return tuple(replace(item, likeness=by_id.get(item.id)) for item in found)

    async def _search(
        self, question: str, ends_at: float, **arguments: Any
    ) -> tuple[KnowledgeItem, ...]:
        async def call() -> tuple[KnowledgeItem, ...]:
            async with self._searches, _answered_within((ends_at - time.monotonic()) / 2):
                rows = await self._client.call("search_knowledge", query=question, **arguments)
            try:
                return tuple(KnowledgeItem.from_row(row) for row in rows)
            except (KeyError, TypeError, ValueError):
                raise Unreachable("somebody else's answer came instead of rows") from None

        return await repeated(call, ends_at - time.monotonic())


@asynccontextmanager
async def _answered_within(seconds: float) -> AsyncIterator[None]:
    """Leave time for another call: what hangs may do so because of one connection."""
    try:
        async with asyncio.timeout(max(seconds, _SHORTEST_SEARCH_SECONDS)):
            yield
    except TimeoutError as error:
        raise Unreachable("the search does not answer") from error
