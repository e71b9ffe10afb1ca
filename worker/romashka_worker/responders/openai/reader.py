"""Reads a model's answer while it grows: the members before the reply, then the reply's text."""

from collections.abc import Mapping
from typing import Any

import jiter

from romashka_worker.responders.openai.analysis import NEEDED, MalformedAnswer, storable

_MAX_PREAMBLE = 20_000
"""Characters in which the reply must have begun."""
_THINKING = ("<think>", "</think>")


class AnswerReader:
    """Takes pieces of JSON. What is not JSON around the object, some models write all the same."""

    def __init__(self) -> None:
        self.members: Mapping[str, Any] = {}
        """All members, once those beside the reply are known: not before the reply begins."""
        self.is_complete = False
        """Has the reply ended?"""
        self._heard = ""
        self._given = 0

    def feed(self, piece: str) -> str:
        """Take the next piece, and return how the reply's text goes on, if it does.

        Raises:
            MalformedAnswer: this cannot become an answer.
        """
        self._heard += piece
        if self.is_complete:
            return ""
        data = self._json()
        members = _parse(data, "trailing-strings")
        # In another order than it was asked for, members may be yet to come: then at the end.
        if list(members)[-1:] == ["reply"] and members.keys() >= NEEDED:
            self.is_complete = '"' in piece and "reply" in _parse(data, "on")
            return self._go_on(members)
        if len(self._heard) > _MAX_PREAMBLE:
            raise MalformedAnswer("the analysis does not end")
        return ""

    def end(self) -> str:
        """Take the end of the answer, and return how the reply's text goes on, if it does.

        Raises:
            MalformedAnswer: it ended too early.
        """
        if self.is_complete:
            return ""
        members = _parse(self._json(), "on")
        if not members.keys() >= {"reply", *NEEDED}:
            raise MalformedAnswer("members are missing")
        self.is_complete = True
        return self._go_on(members)

    def _json(self) -> bytes | None:
        """Return the object as far as it is there."""
        answer = self._heard
        if answer.lstrip().startswith(_THINKING[0]):
            answer = answer.partition(_THINKING[1])[2]
        start = answer.find("{")
        # Tokens can split a pair of surrogates; half of one is no character.
        return None if start < 0 else answer[start:].encode(errors="replace")

    def _go_on(self, members: Mapping[str, Any]) -> str:
        reply = members["reply"]
        if reply is None:
            reply = ""
        if not isinstance(reply, str):
            raise MalformedAnswer("the reply is not a text")
        self.members = members
        text, self._given = storable(reply[self._given :]), len(reply)
        return text


def _parse(data: bytes | None, partial_mode: str) -> dict[str, Any]:
    if data is None:
        return {}
    try:
        parsed = jiter.from_json(data, partial_mode=partial_mode)  # type: ignore[arg-type]
    except ValueError as error:
        raise MalformedAnswer("the answer is not JSON") from error
    if not isinstance(parsed, dict):
        raise MalformedAnswer("the answer is not an object")
    return parsed
