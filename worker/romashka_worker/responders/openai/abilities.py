"""What a server can do with a model, learnt from what it refuses, and from answers that are none.

Few servers that call themselves OpenAI-compatible say what they lack, and each says it differently:
a hint in the refusal is believed; without one, one ability after the other is left out. What then
works is remembered, for as long as the process runs.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Literal

import structlog

from romashka_worker.responders.openai.analysis import MalformedAnswer, Refused
from romashka_worker.responders.openai.errors import (
    Abstained,
    BrokenOff,
    CutShort,
    StatusError,
    text_of,
)

Form = Literal["json_schema", "json_object", "words"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Abilities:
    """How a model is asked: with everything, until it is known what its server lacks."""

    form: Form = "json_schema"
    """How it is told the form of its answer; without the schema it is told in words too."""
    has_system_role: bool = True
    """Else the rules are the beginning of the user's message, the only one: roles alternate."""
    counts_tokens: bool = True
    """Does the server know `stream_options`?"""
    streams: bool = True


_NEVER = frozenset({401, 402, 403, 405, 407, 408, 409, 413, 425, 429})
"""Refusals of the key, the account, the hour or the size: however one asked, they would be."""
_NOT_IMPLEMENTED = 501
_OTHER_REASON = re.compile(
    r"content.?(filter|management|policy)|moderation|flagged"
    r"|context.?(length|window|size)|maximum.{0,20}(length|context|tokens)|too (long|many tokens)"
    r"|exceed.{0,40}(context|token)"
    r"|model\W.{0,80}(not (found|exist|available)|does not exist|decommissioned|deprecated)"
    r"|model_not_found|(no such|unknown|invalid) model|no endpoints found for|deploymentnotfound",
    re.IGNORECASE | re.DOTALL,
)
"""The prompt, or the model's name, is what is wrong."""

_OPTIONS = re.compile(r"stream_?options|include_?usage", re.IGNORECASE)
_STREAM = re.compile(r"(?<![-_/])\bstream(ing|ed)?\b(?!_)", re.IGNORECASE)
_SCHEMA = re.compile(r"response.?format|schema|grammar|guided|structured", re.IGNORECASE)
_FORM = re.compile(rf"{_SCHEMA.pattern}|json|response_?mime", re.IGNORECASE)
_SYSTEM = re.compile(
    r"system\W{0,3}(role|message|prompt|instruction)|role\b.{0,60}\bsystem|\bsystem\b.{0,60}\brole"
    r"|roles?\b.{0,30}alternat|developer instruction|(unsupported|invalid|unexpected) role",
    re.IGNORECASE | re.DOTALL,
)


class Negotiation:
    """One endpoint and one model: how they are asked, and whether that has worked."""

    def __init__(self) -> None:
        self.known = Abilities()
        self._told = self.known
        self.is_proven = False
        """Has the last answer to a question that was asked so been one?"""
        self.is_plain = False
        """Was it nothing but that: no thoughts, and no words before it?"""

    def learnt(self, way: Abilities, *, is_plain: bool) -> None:
        """Note that an answer to a question that was asked so was one."""
        if way != self._told:
            log.info("model.learnt", **asdict(way))
        self.known = self._told = way
        self.is_proven, self.is_plain = True, is_plain

    def doubted(self, way: Abilities, other: Abilities | None) -> None:
        """Note that an answer was none: twice in a row, the next question is asked otherwise.

        At once, not when the other way has worked: writing takes seconds, and one turn may not have
        them for both. When no way is left, the next question is asked as the first one was.
        """
        if way == self.known and not self.is_proven:
            self.known = other or Abilities()
        self.is_proven = False


class Talk:
    """One question's: how it is asked now, and how next, when that was not the way."""

    def __init__(self, negotiation: Negotiation) -> None:
        self.way = negotiation.known
        self._negotiation = negotiation
        self._tried = {self.way}
        self._base = self.way
        """The last way that a refusal hinted at: what else is left out is left out of this one."""
        self._has_failed = False
        """Has the server failed once in this question?"""
        self._is_slip = False
        """Was there no answer to a question that had one before? One such teaches nothing yet."""

    @property
    def shows_early(self) -> bool:
        """May the answer be shown while it grows? A form that nobody enforces may be a thought."""
        return self.way.form != "words" or self._negotiation.is_plain

    def succeeded(self, *, is_plain: bool) -> None:
        """Note that the answer was one."""
        if not self._is_slip:
            self._negotiation.learnt(self.way, is_plain=is_plain)

    def goes_on(self, error: Exception) -> bool:
        """Find another way to ask, after an error; without one the error stands."""
        other = self._after(error)
        if other is None:
            return False
        self.way = other
        self._tried.add(other)
        return True

    def _after(self, error: Exception) -> Abilities | None:
        if isinstance(error, MalformedAnswer):
            return self._after_malformed(error)
        return self._after_refusal(error) if isinstance(error, StatusError) else None

    def _after_malformed(self, error: MalformedAnswer) -> Abilities | None:
        """The form was ignored, or what says it: so it is said in words, then by the user."""
        if isinstance(error, Refused | BrokenOff | CutShort):
            return None
        others = [replace(self.way, form="words"), replace(self.way, has_system_role=False)]
        if isinstance(error, Abstained):
            others.insert(1, replace(self.way, streams=False))
        other = next((other for other in others if other not in self._tried), None)
        self._is_slip |= self._negotiation.is_proven
        self._negotiation.doubted(self.way, other)
        return other

    def _after_refusal(self, error: StatusError) -> Abilities | None:
        status, text = error.status_code, text_of(error)
        if not status >= 400 or status in _NEVER:
            return None
        for hinted in _hinted(self.way, status, text):
            if hinted not in self._tried:
                self._base = hinted
                return hinted
        if _OTHER_REASON.search(text):
            return None
        if status >= 500 and not self._may_be_inability(status):
            return None
        other = next((other for other in _poorer(self._base) if other not in self._tried), None)
        if other is None:  # it was no inability
            self.way = self._negotiation.known
        return other

    def _may_be_inability(self, status: int) -> bool:
        """A server's own failure may pass: it has to fail twice, and never to have answered so."""
        has_failed, self._has_failed = self._has_failed, True
        return has_failed and status <= _NOT_IMPLEMENTED and not self._negotiation.is_proven


def _hinted(way: Abilities, status: int, text: str) -> Iterator[Abilities]:
    """Yield ways without what a refusal names, the one that it names most clearly first.

    A server that fails may name what it was doing then: that is not what it cannot do.
    """
    is_failure = status >= 500 and status != _NOT_IMPLEMENTED
    if _OPTIONS.search(text):
        yield replace(way, counts_tokens=False)
    if _STREAM.search(text) and not is_failure:
        yield replace(way, streams=False)
    if (_SCHEMA if is_failure else _FORM).search(text):
        yield replace(way, form="json_object" if way.form == "json_schema" else "words")
    if _SYSTEM.search(text):
        yield replace(way, has_system_role=False)


def _poorer(way: Abilities) -> Iterator[Abilities]:
    """Yield ways that each lack one thing, for nothing else to be lost; then those without all."""
    if way.form == "json_schema":
        yield replace(way, form="json_object")
    yield replace(way, form="words")
    yield replace(way, counts_tokens=False)
    yield replace(way, has_system_role=False)
    yield replace(way, streams=False)
    least = Abilities(form="words", has_system_role=False, counts_tokens=False)
    yield replace(least, streams=way.streams)
    yield replace(least, streams=False)
