"""The embedding of a message while its customer waits: in time, or none."""

import asyncio

import structlog

from romashka_worker.embeddings import Embedder, Embedding, EmbeddingError
from romashka_worker.metrics import EMBEDDINGS

log = structlog.get_logger()


async def embed_in_time(embedder: Embedder, text: str, seconds: float) -> Embedding | None:
    """Return what a message means, or None: it is logged and counted why."""
    try:
        async with asyncio.timeout(seconds):
            embedding = await embedder.embed_question(text)
    except (EmbeddingError, TimeoutError) as error:
        result = "late" if isinstance(error, TimeoutError) else "failed"
        EMBEDDINGS.labels(result).inc()
        log.warning("embedding.failed", result=result, error=str(error) or type(error).__name__)
        return None
    EMBEDDINGS.labels("ok").inc()
    return embedding
