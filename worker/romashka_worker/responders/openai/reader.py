"""Reads a model's answer while it grows: the members before the reply, then the reply's text.

An answer that begins with its object is read as it comes. Whatever begins in another way may be
thoughts, of which nobody may see a word: then the last whole object counts, when all is there.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from romashka_worker.responders.openai.analysis import NEEDED, MalformedAnswer, storable
from romashka_worker.responders.openai.nearly_json import NearlyJson
from romashka_worker.responders.openai.thoughts import (
    NOWHERE,
    UNDECIDED,
    beginning,
    has_thoughts,
    is_thought,
    without_ending,
)

_MAX_PREAMBLE = 20_000
"""Characters in which the reply must have begun."""
_MAX_PROSE = 300
"""Characters without an object, from a model that was told no form: it does not know of any."""
_MAX_SPACE = 200
"""A grammar lets a model write space for ever: between two members, and before the first one."""
_OBJECT = re.compile(r"""\{(?:\s|//.*)*["']""")
_MAX_OBJECTS = 50
_LAST = ("}", "`", ">")
"""An answer ends with one of these: of the object, of a fence around it, of a mark."""


class AnswerReader:
    """Takes pieces of what a model writes."""

    def __init__(self, *, shows_early: bool = True, is_told: bool = True) -> None:
        """Begin to read.

        Args:
            shows_early: may the reply be given out before the whole answer is there?
            is_told: does the model know the form by words?
        """
        self.members: Mapping[str, Any] = {}
        """All members, once those beside the reply are known: not before the reply begins."""
        self.is_complete = False
        """Has the reply ended?"""
        self._is_told = is_told
        self._waits = not shows_early
        self._object: NearlyJson | None = None
        self._heard = ""
        self._given = 0

    @property
    def could_end(self) -> bool:
        """Is there an answer, if nothing follows?"""
        if self.members:
            return self._object is not None and self._object.is_closed
        is_closed = self._heard.rstrip()[-1:] in _LAST
        return self._waits and is_closed and _last_answer(self._heard) is not None

    @property
    def is_plain(self) -> bool:
        """Does the text begin with the answer?"""
        return beginning(self._heard) >= 0 and not has_thoughts(self._heard)

    @property
    def is_blank(self) -> bool:
        """Has nothing been said?"""
        return not self._heard.strip()

    @property
    def is_unfinished(self) -> bool:
        """Is this the beginning of an object, of which the end is missing?"""
        start = beginning(self._heard)
        return start >= 0 and not NearlyJson(self._heard[start:]).is_whole

    def feed(self, piece: str) -> str:
        """Take the next piece, and return how the reply's text goes on, if it does.

        Raises:
            MalformedAnswer: this cannot become an answer.
        """
        if self.is_complete:
            return ""
        self._heard += piece
        text = "" if self._waits else self._read_on(piece)
        if not self.members:
            self._look_at_length()
        return text

    def end(self, thoughts: str = "") -> str:
        """Take the end of the answer, and return how the reply's text goes on, if it does.

        Args:
            thoughts: what the server put beside the text; some put all of it there.

        Raises:
            MalformedAnswer: it ended too early.
        """
        if self.is_complete:
            return ""
        if self.members:
            if not self.could_end:
                raise MalformedAnswer("the reply does not end")
            self.is_complete = True
            return ""
        members = _last_answer(self._heard)
        if members is None and self.is_blank:
            members = _last_answer(thoughts, is_at_end=True)
        if members is None:
            raise MalformedAnswer("members are missing")
        self.is_complete = True
        return self._go_on(members)

    def _read_on(self, piece: str) -> str:
        if self._object is None:
            start = beginning(self._heard)
            self._waits = start == NOWHERE
            if start in (UNDECIDED, NOWHERE):
                return ""
            self._object, piece = NearlyJson(), self._heard[start:]
        self._object.feed(piece)
        try:
            members = self._object.members()
        except ValueError as error:
            if self.members:
                raise MalformedAnswer("the answer is not JSON") from error
            self._waits = True
            return ""
        # In another order than it was asked for, members may be yet to come: then at the end.
        if self.members or (list(members)[-1:] == ["reply"] and members.keys() >= NEEDED):
            self.is_complete = self._object.is_whole
            return self._go_on(members)
        self._waits = self._object.is_whole
        return ""

    def _look_at_length(self) -> None:
        if len(self._heard) > _MAX_PREAMBLE or self._is_stuck:
            raise MalformedAnswer("the analysis does not end")
        if self._waits and not self._is_told and not has_thoughts(self._heard):
            prose = self._heard.partition("{")[0]
            if len(prose) > _MAX_PROSE:
                raise MalformedAnswer("the answer is prose")

    @property
    def _is_stuck(self) -> bool:
        return len(self._heard) > _MAX_SPACE and self._heard[-_MAX_SPACE:].isspace()

    def _go_on(self, members: Mapping[str, Any]) -> str:
        reply = members["reply"]
        if reply is None:
            reply = ""
        if not isinstance(reply, str):
            raise MalformedAnswer("the reply is not a text")
        self.members = members
        text, self._given = storable(reply[self._given :]), len(reply)
        return text


def _last_answer(text: str, *, is_at_end: bool = False) -> Mapping[str, Any] | None:
    """Return the last whole object that has the needed members, and is not a thought."""
    text = _decoded(without_ending(text))
    for found in reversed([*_OBJECT.finditer(text)][-_MAX_OBJECTS:]):
        candidate = NearlyJson(text[found.start() :])
        end = found.start() + candidate.length
        if not candidate.is_closed or (is_at_end and end < len(text)):
            continue
        try:
            members = candidate.members()
        except ValueError:
            continue
        if members.keys() >= {"reply", *NEEDED} and not is_thought(text, found.start(), end):
            return members
    return None


def _decoded(text: str) -> str:
    """Return the text in a text: some models write their object as a string of JSON."""
    if text.lstrip()[:1] != '"':
        return text
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        return text
