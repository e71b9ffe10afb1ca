"""The words of `lexicon.toml` and `promises.toml`, in the forms in which they are looked for."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

_WORD = re.compile(r"[^\W\d_]+")


@cache
def lexicon() -> Mapping[str, Any]:
    """Return the words for numbers, dates and names."""
    return _read("lexicon.toml")


@cache
def promises() -> Mapping[str, Any]:
    """Return the patterns of promises."""
    return _read("promises.toml")


def _read(name: str) -> Mapping[str, Any]:
    return tomllib.loads(files("romashka_worker.grounding").joinpath(name).read_text("utf-8"))


def words_of(listed: str) -> list[str]:
    """Return words that are written as `one|two`."""
    return [word for word in listed.split("|") if word]


def ordered(section: str, language: str | None = None) -> Mapping[str, int]:
    """Return a section's words with their number, from 0: months, weekdays.

    Args:
        section: a table of lists, one a language.
        language: of this one alone; None for all of them.
    """
    tables: Mapping[str, list[str]] = lexicon()[section]
    chosen = tables.values() if language is None else [tables.get(language, [])]
    return {
        word: number
        for table in chosen
        for number, listed in enumerate(table)
        for word in words_of(listed)
    }


class Phrases:
    """Finds words, and phrases of a few, by what they begin with: thousands cost no more than one.

    Capitals make no difference.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._phrases = frozenset(phrases)
        self._first: dict[str, int] = {}
        for phrase in self._phrases:
            words = _WORD.findall(phrase)
            if words:
                self._first[words[0]] = max(self._first.get(words[0], 0), len(words))
        unspaced = [phrase for phrase in self._phrases if is_unspaced(phrase[0])]
        self._unspaced = re.compile(any_of(unspaced))
        self._has_unspaced = bool(unspaced)

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Give where each begins and ends, and the phrase; of two that overlap the longer one."""
        lower = text.lower()
        words = [*_WORD.finditer(lower)] if len(lower) == len(text) else []
        end_of_last = 0
        for number, word in enumerate(words):
            longest = self._first.get(word.group(), 0)
            if word.start() < end_of_last:
                continue
            for last in reversed(words[number : number + longest]):
                phrase = lower[word.start() : last.end()]
                if phrase in self._phrases:
                    end_of_last = last.end()
                    yield word.start(), last.end(), phrase
                    break
        if self._has_unspaced:
            for found in self._unspaced.finditer(text):
                yield found.start(), found.end(), found.group()


def any_of(words: Iterable[str]) -> str:
    """Return a pattern of any of the words, as a whole where their script has spaces."""
    longest_first = sorted(words, key=len, reverse=True)
    return "(?:" + "|".join(map(_whole, longest_first)) + ")" if longest_first else "(?!)"


def _whole(word: str) -> str:
    """Return the pattern of one word. Chinese has no spaces, and Arabic writes "and" with it."""
    pattern = re.escape(word)
    if is_unspaced(word[0]):
        return pattern
    before = r"\b" if word[0].isalnum() else ""
    after = r"\b" if word[-1].isalnum() else ""
    return f"{before}{pattern}{after}"


def is_unspaced(letter: str) -> bool:
    """Is it of a script that does not part its words by spaces?"""
    return "\u2e80" <= letter <= "\u9fff" or "\uac00" <= letter <= "\ud7af"
