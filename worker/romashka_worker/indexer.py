"""Gives knowledge items the vectors that they lack, in the background."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
from romashka import AsyncRomashka

from romashka_worker.embeddings import Embedder, vector_text
from romashka_worker.embeddings.items import embed_item
from romashka_worker.faults import EXPECTED, beside, contained, report

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
            stored = 0
            with contained("indexing") as trouble:  # customers are answered all the same
                stored = await self.embed_some()
            if stored:
                log.info("knowledge.indexed", items=stored)
            else:
                await asyncio.sleep(_TROUBLE_SECONDS if trouble.error else _LOOK_SECONDS)

    async def embed_some(self) -> int:
        """Embed some of the items that have no vectors; return how many have some now.

        Raises:
            RomashkaError, TimeoutError: the database did not answer.
            EmbeddingError: there are no vectors.
        """
        items = await self._call("get_knowledge_to_embed", model=self._embedder.model)
        stored = 0
        for item in items:
            try:
                stored += await self._embed(item)
            except EXPECTED:
                raise  # it is not the item
            except Exception as error:  # noqa: BLE001 -- one odd item costs the others nothing
                report("indexing", error, item_id=item["item_id"])
        return stored

    async def _embed(self, item: Mapping[str, Any]) -> int:
        vectors = await embed_item(self._embedder, item["title"], item["content"])
        stored: int = await self._call(
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
    async with beside(indexing=Indexer(client, embedder).run):
        yield
