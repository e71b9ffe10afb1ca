"""Where sentences end, in many scripts."""

import re
from collections.abc import Iterator

_SENTENCE_END = re.compile(
    r"""[.!?…]["'”»)\]]*(?=\s)|[。！？؟।]["'”»)\]）」』]*|\n"""  # noqa: RUF001 -- of many scripts
)


def sentence_ends(text: str) -> Iterator[int]:
    """Give the places where sentences of `text` end; the one at its very end may still go on."""
    return (match.end() for match in _SENTENCE_END.finditer(text))


def last_sentence_end(text: str) -> int:
    """Return where the last whole sentence of `text` ends."""
    return max(sentence_ends(text), default=0)
