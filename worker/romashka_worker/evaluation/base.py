"""Makes a project hold exactly one team's knowledge base, found by words and by vectors."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import NAMESPACE_URL, UUID, uuid5

from romashka import AsyncRomashka

from romashka_worker.embeddings import Embedder
from romashka_worker.evaluation.dataset import Article
from romashka_worker.indexer import Indexer

_ROWS_A_CALL = 200
_NOBODY = UUID(int=0)


def item_id(article: Article) -> str:
    """Return the id that an article has in the database."""
    return str(uuid5(NAMESPACE_URL, article.id))


@asynccontextmanager
async def knowing(
    client: AsyncRomashka, articles: Sequence[Article], embedder: Embedder | None
) -> AsyncIterator[None]:
    """Have these articles, and no others, in the project's knowledge base within the block."""
    await _forget_all(client)
    table = client.supabase.table("knowledge_items")
    rows = [
        {
            "id": item_id(article),
            "title": article.title[:500],
            "content": article.content,
            "language": article.language,
        }
        for article in articles
    ]
    for at in range(0, len(rows), _ROWS_A_CALL):
        await table.insert(rows[at : at + _ROWS_A_CALL]).execute()
    if embedder is not None:
        indexer = Indexer(client, embedder)
        while await indexer.embed_some():
            pass
    yield
    await _forget_all(client)


async def _forget_all(client: AsyncRomashka) -> None:
    await client.supabase.table("knowledge_items").delete().neq("id", str(_NOBODY)).execute()
