"""What a customer means who corrects themselves: "sorry, I meant by invoice" is "by invoice"."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_LONGEST = 80
"""Characters: who writes more has something else to say."""
_BETWEEN = r"[\s,.;:!…。、，！*-]*"  # noqa: RUF001 -- of other scripts
_NOT_LONG = r"[^,;.!?。、，]{1,30}?"  # noqa: RUF001 -- of other scripts


def corrected(text: str) -> str:
    """Return a text without the words that only say that it is a correction.

    They would be searched for, and an apology sounds like trouble.
    """
    if len(text) > _LONGEST:
        return text
    said = text.strip(" \n*")
    for pattern, kept in _patterns():
        said = pattern.sub(kept, said)
    return said if any(map(str.isalnum, said)) else text


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return what is taken away, one after the other, and what is kept of it."""
    stored = files("romashka_worker").joinpath("corrections.toml").read_text("utf-8")
    known: Mapping[str, Mapping[str, str]] = tomllib.loads(stored)

    def any_of(name: str) -> str:
        return "(?:" + "|".join(words[name] for words in known.values() if name in words) + ")"

    before, after, denies = map(any_of, ("before", "after", "not"))
    ends = r"(?:(?<=[^\x00-\u2fff])|(?!\w))"  # where a word does: not every script has spaces
    return tuple(
        (re.compile(pattern, re.IGNORECASE), kept)
        for pattern, kept in (
            (rf"\A{_BETWEEN}(?:{before}{ends}{_BETWEEN})+", ""),
            (rf"{_BETWEEN}(?<!\w){after}\W*\Z", ""),
            (rf"\A{denies}\s+{_NOT_LONG}\s*[,;.]\s*(?=\w)", ""),
            (rf",\s*{denies}\s+{_NOT_LONG}\W*\Z", ""),
            (rf"(\d.*?),?\s+{denies}\s+[\d-]+\W*\Z", r"\1"),
        )
    )
