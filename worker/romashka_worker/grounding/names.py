"""Names in a reply that nobody has told: of people, places, firms.

Only where a name can be told from a word: by its capital in the middle of a sentence, by a title
before it, by its script, or since it is one of a carrier or a payment that everybody knows.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain

from romashka_worker.grounding.lexicon import Phrases, any_of, lexicon, ordered, words_of

_WORD = re.compile(r"[^\W\d_][\w'-]*")
_GOES_ON = re.compile(r"(?:[\w,'&%€$£/]|(?<!\d)\))\s*\Z")
"""What stands before a word within a sentence; anything else begins one: a sign, a quote."""
_LATIN = re.compile(r"[A-Za-z]")
_STREET = re.compile(
    r"\b([A-ZÄÖÜ][\wäöüß-]*?(?:straße|strasse|str\.|weg|platz|allee|gasse|ufer|damm))\s+\d"
)
_NOUNS_HAVE_CAPITALS = {"de", "lb"}
_ACRONYM = 3
"""Letters: a carrier's name is as short, but is known."""
_INFLECTED = 2
"""Letters that a name may differ in at its end."""


class KnownNames:
    """The words of what may be said."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._text = "\n".join(texts).lower()
        self._words: dict[str, set[str]] = {}
        written = (re.findall(letters, self._text) for letters in (r"[^\W\d_]+", "[a-z]+"))
        for word in set(chain.from_iterable(written)):
            self._words.setdefault(word[:3], set()).add(word)

    def unknown_in(self, sentence: str, language: str, *, is_told: bool) -> Iterator[str]:
        """Give the names that stand nowhere.

        Args:
            sentence: normalised (NFKC).
            language: the sentence's.
            is_told: is what supports it in this language? Names have other forms in others.
        """
        yield from (name for name in _brands_in(sentence) if not self._has_phrase(name))
        yield from (name for name in _titled(sentence) if not self._has(name))
        yield from (name for name in _STREET.findall(sentence) if not self._has(name))
        if _is_latin(sentence):
            if not is_told or language in _NOUNS_HAVE_CAPITALS:
                return
            names = [*_capitals_in(sentence)]
        elif any(map(str.isupper, re.sub(r"[a-z]", "", sentence, flags=re.IGNORECASE))):
            names = [*(_capitals_in(sentence) if is_told else ()), *_latin_in(sentence)]
        else:
            names = [*_latin_in(sentence)]
        yield from (name for name in names if not self._has(name))

    def _has(self, name: str) -> bool:
        """Is it there, or in another of its forms?"""
        return all(map(self._has_word, re.findall(r"[^\W\d_]+", name.lower())))

    def _has_word(self, word: str) -> bool:
        if len(word) < 3:
            return word in self._text
        return any(
            known == word or _common(word, known) >= max(3, max(len(word), len(known)) - _INFLECTED)
            for known in self._words.get(word[:3], ())
        )

    def _has_phrase(self, name: str) -> bool:
        return re.search(any_of([name.lower()]), self._text) is not None


def _common(one: str, other: str) -> int:
    """Return how many letters two words begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _brands_in(sentence: str) -> Iterator[str]:
    for start, end, _ in _brands().find(sentence):
        name = sentence[start:end]
        is_word = name.islower() and _LATIN.match(name)  # a visa
        if not is_word and (len(name) > _ACRONYM or name.isupper() or not _LATIN.match(name)):
            yield name


def _titled(sentence: str) -> Iterator[str]:
    for found in _titles().finditer(sentence):
        name = found.group(1)
        if name.lower() not in _no_names():
            yield name


def _capitals_in(sentence: str) -> Iterator[str]:
    for found in _WORD.finditer(sentence):
        word = found.group()
        if not word[0].isupper() or not _GOES_ON.search(sentence[: found.start()]):
            continue
        plain = re.sub(r"'s?$", "", word.lower())
        is_acronym = word.isupper() and len(word) <= _ACRONYM
        if len(word) > 1 and not is_acronym and plain not in _no_names():
            yield word


def _latin_in(sentence: str) -> Iterator[str]:
    """Give Latin words among others: what is left in another script is a name."""
    for word in re.findall(r"(?<![A-Za-z])[A-Za-z][A-Za-z'-]{2,}", sentence):
        is_acronym = word.isupper() and len(word) <= _ACRONYM
        if not is_acronym and word.lower() not in _no_names():
            yield word


def _is_latin(sentence: str) -> bool:
    letters = [letter for letter in sentence if letter.isalpha()]
    return 2 * sum(letter < "\u0370" for letter in letters) >= len(letters)


@cache
def _brands() -> Phrases:
    return Phrases(words_of(lexicon()["names"]["brands"]))


@cache
def _titles() -> re.Pattern[str]:
    titles = any_of(words_of(lexicon()["names"]["titles"]))
    return re.compile(rf"(?i:{titles})\.?\s+([A-ZÀ-ÞА-Я][\w'-]+)")


@cache
def _no_names() -> frozenset[str]:
    """Return words that have a capital and are no names: others look at dates."""
    dates = (*ordered("months"), *ordered("weekdays"), *ordered("weekdays_short"))
    units = (
        word
        for unit in lexicon()["units"]
        for _, listed in unit["words"]
        for word in words_of(listed)
    )
    return frozenset({*words_of(lexicon()["names"]["no_names"]), *dates, *units})
