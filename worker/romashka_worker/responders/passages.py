"""The part of a long item that answers a question, in whole sentences."""

import re
from collections.abc import Sequence

from romashka_worker.embeddings.items import parts_of

_LONG = 1000
"""Characters: what is shorter is shown whole."""
_PASSAGE = 400
_SENTENCE_ENDS = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n+")  # noqa: RUF001 -- Chinese


def is_long(content: str) -> bool:
    """Is this more than one wants to read in a chat?"""
    return len(content) > _LONG


def best_passage(question: str, content: str, part: int | None) -> str:
    """Return where an item is nearest to the question, with what follows, up to its limit.

    Args:
        question: what it is to answer.
        content: the item's.
        part: the number of its nearest part, counted from 1, by the vectors; or None.
    """
    passages = split(content)
    begin, end = _passages_of(part, content, passages) if part else (0, len(passages))
    nearness = [_shared_words(question, passage) for passage in passages[begin:end]]
    return beginning(passages[begin + nearness.index(max(nearness)) :])


def _passages_of(part: int, content: str, passages: Sequence[str]) -> tuple[int, int]:
    """Return from which passage to which a part reaches: the same text, divided otherwise."""
    begins, ends = (sum(map(_letters, parts_of(content)[:number])) for number in (part - 1, part))
    over = [sum(map(_letters, passages[: number + 1])) for number in range(len(passages))]
    first = sum(at <= begins for at in over[:-1])
    return first, max(first + 1, 1 + sum(at < ends for at in over[:-1]))


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


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.casefold()) if len(word) > 2}
