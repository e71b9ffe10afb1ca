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


_ABBREVIATED = re.compile(
    r"(?:(?<!\d)\d{1,2}|\b(?:[^\W\d_]|dr|mr|mrs|ms|prof|st|str|nr|no|núm|tel|bzw|ca|inkl|zzgl"
    r"|evtl|ggf|max|min|mind|std|vs|approx|incl|sra?|srta|mme|mlle|av|ex|art))\.\Z",
    re.IGNORECASE,
)
"""What a full stop is part of: "3. Mai", "z. B.", "Dr. Brown"."""


def whole_sentences(text: str) -> list[str]:
    """Return the sentences of `text` that have ended, with the space before each.

    Together they are its beginning. Rather two sentences are taken for one than half of one for
    a whole.
    """
    ends = [
        end for end in sentence_ends(text) if not _ABBREVIATED.search(text[max(0, end - 8) : end])
    ]
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def sentences(text: str) -> list[str]:
    """Return the sentences of a text that is whole."""
    found = whole_sentences(text)
    rest = text[sum(map(len, found)) :]
    return [*found, rest] if rest else found
