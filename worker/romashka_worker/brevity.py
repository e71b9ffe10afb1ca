"""How much a text says by itself, as far as its length tells."""

import re

_MUCH, _BRIEF, _LITTLE = 40, 24, 14
"""Letters."""
_NO_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


def says_much(text: str) -> bool:
    """Is it so much that it can be understood by itself?"""
    return _length(text) > _MUCH


def is_brief(text: str) -> bool:
    """Is it so little that it may be said of what was said before?"""
    return _length(text) <= _BRIEF


def says_little(text: str) -> bool:
    """Does it say next to nothing by itself, such as "is that possible?"."""
    return _length(text) <= _LITTLE


def _length(text: str) -> int:
    """Return the letters; where there are no spaces, one is half a word."""
    return sum(map(str.isalpha, text)) + 2 * len(_NO_SPACES.findall(text))
