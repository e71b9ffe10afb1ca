"""The part of a long item that answers a question, in whole sentences."""

import re
from collections.abc import Sequence
from operator import mul

from romashka_worker.embeddings import Embedder

_LONG = 1000
"""Characters: what is shorter is shown whole."""
_PASSAGE = 400
_SENTENCE_ENDS = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n+")  # noqa: RUF001 -- Chinese


def is_long(content: str) -> bool:
    """Is this more than one wants to read in a chat?"""
    return len(content) > _LONG


async def best_passage(question: str, content: str, embedder: Embedder | None) -> str:
    """Return where an item is nearest to the question, with what follows, up to its limit.

    Raises:
        EmbeddingError: nobody knows what is near.
    """
    passages = split(content)
    if embedder is None:
        nearness = [_shared_words(question, passage) for passage in passages]
    else:
        asked = (await embedder.embed_question(question)).vector
        nearness = [
            sum(map(mul, asked, vector)) for vector in await embedder.embed_passages(passages)
        ]
    return beginning(passages[nearness.index(max(nearness)) :])


def beginning(passages: Sequence[str]) -> str:
    """Return the first passages, as many as are not too long together."""
    shown = passages[0]
    for passage in passages[1:]:
        if len(shown) + len(passage) >= _LONG:
            break
        shown = f"{shown}\n{passage}"
    return shown


def split(content: str) -> list[str]:
    """Return a text in passages of whole sentences; a line of its own begins a new one."""
    passages: list[str] = []
    for line in filter(None, map(str.strip, content.splitlines())):
        passage = ""
        for sentence in filter(None, _SENTENCE_ENDS.split(line)):
            if passage and len(passage) + len(sentence) >= _PASSAGE:
                passages.append(passage)
                passage = sentence
            else:
                passage = f"{passage} {sentence}".strip()
        passages.append(passage)
    return passages


def _shared_words(question: str, passage: str) -> int:
    return len(_words(question) & _words(passage))


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.casefold()) if len(word) > 2}
