"""Vectors: from the model on the CPU, from an endpoint, and how items get and keep theirs."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI
from romashka_worker.embeddings import DIMENSIONS, Embedding, EmbeddingError, Vector, unit
from romashka_worker.embeddings.items import embed_item
from romashka_worker.embeddings.local import LocalEmbedder, is_installed
from romashka_worker.embeddings.openai import OpenAIEmbedder
from romashka_worker.indexer import Indexer
from romashka_worker.knowledge import KnowledgeBase

from tests.worker.direct import Database

needs_model = pytest.mark.skipif(not is_installed(), reason="needs the extra `embeddings`")


def _cosine(one: Vector, other: Vector) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@needs_model
async def test_a_question_is_nearest_to_its_answer_in_another_language() -> None:
    """One knowledge base serves all languages; many ask at a time."""
    passages = ["We are open from nine to five.", "You get your money back within a week."]
    with LocalEmbedder() as embedder:
        hours, refunds = await embedder.embed_passages(passages)
        asked = await asyncio.gather(
            *(embedder.embed_question(text) for text in ("Wann habt ihr auf?", "remboursement ?"))
        )

    assert _cosine(asked[0].vector, hours) > _cosine(asked[0].vector, refunds)
    assert _cosine(asked[1].vector, refunds) > _cosine(asked[1].vector, hours)
    assert _cosine(hours, hours) == pytest.approx(1, abs=1e-3)


@needs_model
async def test_what_a_frontend_edits_is_soon_found_by_its_meaning(fresh_db: str) -> None:
    """Nobody runs a command after editing an item in an existing inbox."""
    database = Database(fresh_db)
    await database.change(
        "insert into public.knowledge_items (title, content) values"
        " ('Giraffe rental', 'Ten euros an hour.'), ('Payment', 'In cash only.')"
    )
    client: Any = database
    with LocalEmbedder() as embedder:
        indexer, base = Indexer(client, embedder), KnowledgeBase(client)
        question = await embedder.embed_question("Was kostet es, ein Rentier zu leihen?")
        embedded = [await indexer.embed_some(), await indexer.embed_some()]
        before = await base.search("Rentier", "de", question)
        await database.change(
            "update public.knowledge_items set title = 'Reindeer rental'"
            " where title = 'Giraffe rental'"
        )
        embedded.append(await indexer.embed_some())
        after = await base.search("Rentier", "de", question)

    assert embedded == [2, 0, 1]
    assert [item.title for item in before] == ["Giraffe rental", "Payment"]
    assert [item.title for item in after] == ["Reindeer rental", "Payment"]
    assert (after[0].similarity or 0) > (before[0].similarity or 0) > 0.7


class _Letters:
    """An embedder that knows only which letter a text begins with."""

    model = "letters"

    async def embed_question(self, text: str) -> Embedding:
        [vector] = await self.embed_passages([text])
        return Embedding(self.model, vector)

    async def embed_passages(self, texts: Sequence[str]) -> list[Vector]:
        return [
            tuple(float(at == ord(text[0]) % DIMENSIONS) for at in range(DIMENSIONS))
            for text in texts
        ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("one line", 1),
        ("- b\n\n- c\n", 2),
        ("\n".join("line" for _ in range(100)), 34),
        ("word " * 1000, 5),
    ],
)
async def test_an_item_has_a_vector_for_each_line(content: str, expected: int) -> None:
    """A list of questions is found by each of them; a book does not fill the database."""
    vectors = await embed_item(_Letters(), "title", content)

    assert len(vectors) == expected
    assert all(len(vector) == DIMENSIONS for vector in vectors)
    assert sum(vectors[0]) == pytest.approx(1)


def _endpoint(status: int, *vectors: Sequence[float]) -> AsyncOpenAI:
    def answer(request: httpx.Request) -> httpx.Response:
        data = [
            {"object": "embedding", "index": at, "embedding": vector}
            for at, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        body = {"object": "list", "model": "m", "data": data, "usage": usage}
        return httpx.Response(status, json=body)

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return AsyncOpenAI(api_key="k", base_url="http://x", max_retries=0, http_client=client)


async def test_an_endpoints_vectors_have_length_one() -> None:
    """Some servers do not make them so, and the search compares by the inner product."""
    async with _endpoint(200, [3.0] * DIMENSIONS) as client:
        embedding = await OpenAIEmbedder(client, "text-embedding-3-small").embed_question("x")

    assert embedding.vector == pytest.approx(unit([1.0] * DIMENSIONS))


@pytest.mark.parametrize(
    ("status", "vectors", "problem"),
    [
        (200, [[1.0] * 1536], "makes vectors of 1536 numbers, not of 384"),
        (200, [], "gave 0 of 1"),
        (500, [], "InternalServerError"),
    ],
)
async def test_an_endpoint_that_does_not_fit_is_an_error(
    status: int, vectors: list[list[float]], problem: str
) -> None:
    """An operator who chose a wrong model reads which."""
    async with _endpoint(status, *vectors) as client:
        with pytest.raises(EmbeddingError, match=problem):
            await OpenAIEmbedder(client, "m").embed_question("x")
