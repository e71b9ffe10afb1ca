"""`romashka knowledge search`: as the worker searches, with the embeddings that are here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from romashka._cli.client import Project, opened_as_staff, print_json
from romashka._cli.problems import CommandError
from romashka._terminal import say, say_fields

if TYPE_CHECKING:
    from romashka_worker.embeddings import Embedder


async def search_knowledge(
    project: Project, question: str, language: str | None, limit: int, *, as_json: bool
) -> None:
    """Search, and print what was found."""
    arguments: dict[str, Any] = {"query": question, "language": language, "max_results": limit}
    async with opened_as_staff(project) as client:
        async with opened_embedder() as embedder:
            if embedder is not None:
                arguments |= await _embedded(embedder, question)
        rows = await client.call("search_knowledge", **arguments)
    for row in rows:
        if as_json:
            print_json("knowledge.match", **row)
        else:
            scores = (row["score"], row["similarity"], row["keyword_score"])
            figures = ["-" if score is None else f"{score:.3f}" for score in scores]
            say_fields((*figures, row["id"], str(row["language"]), row["title"]))
    if not rows and not as_json:
        say("nothing found", to_errors=True)


async def _embedded(embedder: "Embedder", question: str) -> dict[str, Any]:
    from romashka_worker.embeddings import vector_text

    embedding = await embedder.embed_question(question)
    return {
        "query_embedding": vector_text(embedding.vector),
        "embedding_model": embedding.model,
    }


@asynccontextmanager
async def opened_embedder() -> "AsyncIterator[Embedder | None]":
    """Open the embeddings that a worker with this environment has; None without that extra."""
    try:
        from romashka_worker.embeddings import EmbeddingError
        from romashka_worker.embeddings.choice import open_embedder
        from romashka_worker.settings import EmbeddingSettings
    except ModuleNotFoundError:
        yield None
        return
    try:
        async with open_embedder(EmbeddingSettings.from_environment()) as embedder:
            yield embedder
    except (EmbeddingError, TimeoutError) as error:
        raise CommandError(f"unable to embed; {error or 'no answer in time'}") from error
