"""Embeddings from any OpenAI-compatible endpoint."""

import math
from collections.abc import Sequence

from openai import AsyncOpenAI, OpenAIError, omit

from romashka_worker.embeddings import DIMENSIONS, Embedding, EmbeddingError, Vector, unit

_SECONDS = 10.0


class OpenAIEmbedder:
    """One request for each question, and one for all parts of an item."""

    def __init__(self, client: AsyncOpenAI, model: str) -> None:
        self._client = client
        self.model = model
        # Where the length can be chosen, it is; other servers refuse a parameter they do not know.
        self._dimensions = DIMENSIONS if model.startswith("text-embedding-3") else omit

    async def embed_question(self, text: str) -> Embedding:
        """Return what a customer's message means.

        Raises:
            EmbeddingError: the endpoint failed, or its vectors have another length.
        """
        [vector] = await self._embed([text], "query: ")
        return Embedding(self.model, vector)

    async def embed_passages(self, texts: Sequence[str]) -> list[Vector]:
        """Return what parts of knowledge items mean, in their order.

        Raises:
            EmbeddingError: the endpoint failed, or its vectors have another length.
        """
        return await self._embed(texts, "passage: ")

    async def _embed(self, texts: Sequence[str], e5_prefix: str) -> list[Vector]:
        prefix = e5_prefix if "e5-" in self.model else ""
        try:
            response = await self._client.embeddings.create(
                model=self.model,
                input=[prefix + text for text in texts],
                dimensions=self._dimensions,
                encoding_format="float",
                timeout=_SECONDS,
            )
        except (OpenAIError, ValueError, RecursionError) as error:
            raise EmbeddingError(f"the endpoint gave none; {type(error).__name__}") from error
        try:
            rows = sorted(response.data, key=lambda row: row.index)
            vectors = [unit(row.embedding) for row in rows]
        except (AttributeError, TypeError, ValueError, OverflowError) as error:
            raise EmbeddingError("the endpoint's answer has no vectors") from error
        if len(vectors) != len(texts):
            raise EmbeddingError(f"the endpoint gave {len(vectors)} of {len(texts)}")
        for vector in vectors:
            if not all(map(math.isfinite, vector)) or not any(vector):
                raise EmbeddingError("the endpoint gave a vector without a direction")
            if len(vector) != DIMENSIONS:
                raise EmbeddingError(
                    f"{self.model} makes vectors of {len(vector)} numbers, not of {DIMENSIONS};"
                    " choose another model"
                )
        return vectors
