"""What only a human may promise: refunds, discounts, calls, deeds."""

import re
from collections.abc import Iterable
from functools import cache, cached_property

from romashka_worker.grounding.lexicon import promises
from romashka_worker.sentences import sentences

_STEM = 6
_NEAR = 90
"""Characters from who promises to what."""


class KnownPromises:
    """What the team itself says that it does."""

    def __init__(self, texts: Iterable[str], by_agents: Iterable[str]) -> None:
        """Listen to what the team has written.

        Args:
            texts: items and settings.
            by_agents: what agents wrote to this customer: they alone can have done something.
        """
        self._by_agents = [*by_agents]
        self._texts = [*texts, *self._by_agents]

    def unknown_in(self, sentence: str) -> list[str]:
        """Return what a sentence promises and nobody of the team does."""
        text = sentence.lower()
        promised, deeds = _promised_in(text), [*map(_deed, _deeds().finditer(text))]
        if _negation().search(text):
            promised, deeds = promised & _UNDENIED, []
        topics = sorted(promised - self._topics) if promised else []
        return [*topics, *(deed for deed in deeds if deed not in self._deeds)]

    @cached_property
    def _topics(self) -> set[str]:
        return {
            topic
            for text in self._texts
            for sentence in sentences(text.lower())
            for topic in _told_in(sentence)
        }

    @cached_property
    def _deeds(self) -> set[str]:
        found = (deed for text in self._by_agents for deed in _deeds().finditer(text.lower()))
        return {*map(_deed, found)}


_UNDENIED = {"guarantee"}
"""Whoever guarantees that something will not happen guarantees it."""
_OFFERED = {"call", "contact", "guarantee"}
"""A topic of an item only where it says that the team does so: "call us" promises no call."""


def _told_in(sentence: str) -> set[str]:
    """Return the topics of what the team writes, unless it denies them."""
    if _negation().search(sentence):
        return set()
    said = {name for name, pattern in _said_otherwise().items() if pattern.search(sentence)}
    return (_topics_in(sentence) - _OFFERED) | _promised_in(sentence) | said


def _promised_in(text: str) -> set[str]:
    found = set()
    for frame in _frames().finditer(text):
        # In German and Arabic what is promised may be the verb that the frame ends with.
        found |= _topics_in(text[frame.start() : frame.end() + _NEAR])
    return found


def _deed(found: re.Match[str]) -> str:
    """Return by what a deed is known: how its last word begins."""
    return found.group().split()[-1][:_STEM]


def _topics_in(text: str) -> set[str]:
    return {name for name, pattern in _topics().items() if pattern.search(text)}


@cache
def _topics() -> dict[str, re.Pattern[str]]:
    return {name: re.compile(told) for name, told in promises()["promises"]["topics"].items()}


@cache
def _said_otherwise() -> dict[str, re.Pattern[str]]:
    told = promises()["promises"]["said_otherwise"]
    return {name: re.compile(pattern) for name, pattern in told.items()}


@cache
def _frames() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{frame})" for frame in promises()["promises"]["frames"]))


@cache
def _deeds() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{deed})" for deed in promises()["deeds"]["words"]))


@cache
def _negation() -> re.Pattern[str]:
    return re.compile(promises()["negation"]["words"])
