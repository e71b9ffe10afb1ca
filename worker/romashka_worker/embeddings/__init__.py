"""What texts mean, as vectors: the protocol that searching and understanding build on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

DIMENSIONS = 384
"""The length of every vector, here as in the database."""

Vector = tuple[float, ...]
"""Of length one, so that the inner product of two is their cosine."""


class EmbeddingError(Exception):
    """No vector could be made; the message says why, without the text."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """A question as a vector, which can be compared with others of the same model."""

    model: str
    vector: Vector


class Embedder(Protocol):
    """Makes vectors: questions and what may answer them are embedded differently."""

    model: str

    async def embed_question(self, text: str) -> Embedding:
        """Return what a customer's message means.

        Raises:
            EmbeddingError: there is no vector.
        """
        ...

    async def embed_passages(self, texts: Sequence[str]) -> list[Vector]:
        """Return what parts of knowledge items mean, in their order.

        Raises:
            EmbeddingError: there are no vectors.
        """
        ...


def unit(numbers: Sequence[float]) -> Vector:
    """Return a vector in the direction of `numbers`."""
    length = math.sqrt(math.fsum(number * number for number in numbers)) or 1.0
    return tuple(number / length for number in numbers)


def vector_text(vector: Vector) -> str:
    """Return a vector as Postgres reads it."""
    return f"[{','.join(f'{number:.6g}' for number in vector)}]"
