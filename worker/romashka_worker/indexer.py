"""Gives knowledge items the vectors that they lack, in the background."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from romashka import AsyncRomashka

from romashka_worker.embeddings import Embedder, vector_text
from romashka_worker.embeddings.items import embed_item

_LOOK_SECONDS = 5.0
"""An item that was edited is found by its words at once, and by its meaning after this."""
_TROUBLE_SECONDS = 30.0
_CALL_SECONDS = 10.0

log = structlog.get_logger()


class Indexer:
    """Embeds items that are new or were edited, wherever that was done.

    Nothing is lost when it dies: what has no vectors is found again. Several may work at once: they
    begin with different items, and the database keeps the vectors of what an item still says.
    """

    def __init__(self, client: AsyncRomashka, embedder: Embedder) -> None:
        self._client = client
        self._embedder = embedder

    async def run(self) -> None:
        """Keep all items embedded, until cancelled."""
        while True:
            try:
                stored = await self.embed_some()
            except Exception as error:  # noqa: BLE001 -- customers are answered all the same
                log.warning("indexing.failed", error=type(error).__name__)
                await asyncio.sleep(_TROUBLE_SECONDS)
                continue
            if stored:
                log.info("knowledge.indexed", items=stored)
            else:
                await asyncio.sleep(_LOOK_SECONDS)

    async def embed_some(self) -> int:
        """Embed some of the items that have no vectors; return how many have some now.

        Raises:
            RomashkaError, TimeoutError: the database did not answer.
            EmbeddingError: there are no vectors.
        """
        items = await self._call("get_knowledge_to_embed", model=self._embedder.model)
        stored = 0
        for item in items:
            vectors = await embed_item(self._embedder, item["title"], item["content"])
            stored += await self._call(
                "store_knowledge_embeddings",
                model=self._embedder.model,
                embeddings=[
                    {
                        "item_id": item["item_id"],
                        "hash": item["hash"],
                        "vectors": [vector_text(vector) for vector in vectors],
                    }
                ],
            )
        return stored

    async def _call(self, function: str, **arguments: Any) -> Any:
        async with asyncio.timeout(_CALL_SECONDS):
            return await self._client.call(function, **arguments)


@asynccontextmanager
async def kept_embedded(client: AsyncRomashka, embedder: Embedder | None) -> AsyncIterator[None]:
    """Run an indexer beside the block, where there are embeddings."""
    if embedder is None:
        yield
        return
    async with asyncio.TaskGroup() as tasks:
        indexing = tasks.create_task(Indexer(client, embedder).run())
        yield
        indexing.cancel()
