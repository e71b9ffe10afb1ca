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
        promised = _promised_in(text)
        deeds = [
            _deed(found) for found in _deeds().finditer(text) if not _denies(_clauses(text, found))
        ]
        happened = [
            _deed(found)
            for found in _happened().finditer(text)
            if not _condition().search(_clauses(text, found))
        ]
        topics = sorted(promised - self._topics) if promised else []
        return [
            *topics,
            *(deed for deed in deeds if deed not in self._deeds),
            *(deed for deed in happened if deed not in self._happened),
        ]

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

    @cached_property
    def _happened(self) -> set[str]:
        texts = [text.lower() for text in self._texts]
        found = (deed for text in texts for deed in _happened().finditer(text))
        return {*map(_deed, found)} | self._deeds


_UNDENIED = {"guarantee"}
"""Whoever guarantees that something will not happen guarantees it."""
_STATED = {"free"}
"""What is free is a price, whoever says it."""
_OFFERED = {"answer", "call", "contact", "guarantee"}
"""A topic of an item only where it says that the team does so: "call us" promises no call."""


def _told_in(sentence: str) -> set[str]:
    """Return the topics of what the team writes, but for those that it denies."""
    offered = {name: _topics()[name] for name in _topics().keys() - _OFFERED}
    told = (*offered.items(), *_said_otherwise().items())
    return _promised_in(sentence) | {
        name
        for name, pattern in told
        for found in pattern.finditer(sentence)
        if not _denies(_clauses(sentence, found))
    }


def _promised_in(text: str) -> set[str]:
    """Return the topics of what is promised: who does it stands before what is done."""
    promised = {
        name
        for name in _STATED
        for found in _topics()[name].finditer(text)
        if not _denies(_clauses(text, found))
    }
    for state in _states().finditer(text):
        clauses = _clauses(text, state)
        if not _denies(clauses):
            promised |= {name for name, topic in _topics().items() if topic.search(clauses)}
    for frame in _frames().finditer(text):
        for name, pattern in _topics().items():
            # In German and Arabic what is promised may be the verb that the frame ends with.
            found = pattern.search(text, frame.start(), frame.end() + _NEAR)
            if found and (name in _UNDENIED or not _denies(_clauses(text, frame, found))):
                promised.add(name)
    return promised


def _clauses(text: str, first: re.Match[str], last: re.Match[str] | None = None) -> str:
    """Return the clauses of a sentence that reach from one place to another."""
    ends = _clause_ends()
    before = [end.end() for end in ends.finditer(text, 0, first.start())]
    after = ends.search(text, (last or first).end())
    return text[before[-1] if before else 0 : after.start() if after else len(text)]


def _denies(clauses: str) -> bool:
    """Do they say that something is not so? "At no cost" does not."""
    return _negation().search(_no_denial().sub("", clauses)) is not None


def _deed(found: re.Match[str]) -> str:
    """Return by what a deed is known: how its last word begins."""
    return found.group().split()[-1][:_STEM]


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
def _states() -> re.Pattern[str]:
    return re.compile(promises()["promises"]["states"])


@cache
def _happened() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{deed})" for deed in promises()["happened"]["words"]))


@cache
def _deeds() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{deed})" for deed in promises()["deeds"]["words"]))


@cache
def _clause_ends() -> re.Pattern[str]:
    return re.compile(promises()["clauses"]["ends"])


@cache
def _condition() -> re.Pattern[str]:
    return re.compile(promises()["condition"]["words"])


@cache
def _no_denial() -> re.Pattern[str]:
    return re.compile(promises()["no_denial"]["words"])


@cache
def _negation() -> re.Pattern[str]:
    return re.compile(promises()["negation"]["words"])
