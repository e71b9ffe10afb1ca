"""JSON as models write it, made what it was meant to be, while it grows.

Raw line breaks and tabs in strings, quotes that nobody escaped, commas before a bracket, comments,
words and quotes of Python, escapes that JSON does not know, and characters that came in two halves:
each of them would lose a good reply, or half of one.
"""

import json
import re
from typing import Any

import jiter

_ESCAPES = frozenset('"\\/bfnrt')
_HEX = frozenset("0123456789abcdefABCDEF")
_RAW_BYTES = re.compile("[\udc80-\udcff]+")
_HALVES = re.compile("[\ud800-\udfff]")


class NearlyJson:
    """One object: it takes pieces, from its first bracket on, and ends with its last one."""

    def __init__(self, text: str = "") -> None:
        self.is_whole = False
        self.length = 0
        """How many characters of what it was given are its own."""
        self._strict: list[str] = []
        self._depth = 0
        self._quote = ""
        self._held = ""
        self._escape = ""
        self._comment = ""
        self._has_comma = False
        self.feed(text)

    @property
    def is_closed(self) -> bool:
        """Has its last string ended, if nothing follows?"""
        return bool(self._held) or not self._quote

    def feed(self, piece: str) -> None:
        """Take the next piece; what follows the object is not looked at."""
        for character in piece:
            if self.is_whole:
                return
            self.length += 1
            if self._held:
                self._take_held(character)
            elif self._escape:
                self._take_escaped(character)
            elif self._quote:
                self._take_in_string(character)
            elif self._comment:
                self._take_comment(character)
            else:
                self._take_outside(character)

    def members(self) -> dict[str, Any]:
        """Return what is there; a string that has not ended is there as far as it goes.

        Raises:
            ValueError: this is no JSON, however one looks at it.
        """
        text = with_whole_characters("".join(self._strict))
        mode: Any = "off" if self.is_whole else "trailing-strings"
        members: dict[str, Any] = jiter.from_json(text.encode(), partial_mode=mode)
        return members

    def _take_in_string(self, character: str) -> None:
        if character == "\\":
            self._escape = character
        elif character == self._quote:
            self._held = character
        else:
            self._strict.append(_quoted(character))

    def _take_held(self, character: str) -> None:
        """Decide whether a quote has ended its string: by what follows, if that is of an object."""
        if character.isspace() or (character == "," and "," not in self._held):
            self._held += character
            return
        held, self._held = self._held, ""
        is_end = character in ((self._quote, "}", "]", "/") if "," in held else (":", "}", "]"))
        if is_end:
            self._quote = ""
            self._strict.append('"')
        else:
            self._strict.append(_quoted(held[0]))
        for following in held[1:] + character:
            (self._take_outside if is_end else self._take_in_string)(following)

    def _take_comment(self, character: str) -> None:
        self._comment += character
        if self._comment[:2] not in ("//", "/*") or self._comment[2:].endswith(
            "\n" if self._comment[1] == "/" else "*/"
        ):
            self._comment = ""

    def _take_escaped(self, character: str) -> None:
        escape = self._escape + character
        self._escape = ""
        if escape[1] != "u":
            self._strict.append(escape if character in _ESCAPES else _quoted(character))
        elif len(escape) > 2 and character not in _HEX:  # no escape, but a word such as \unit
            self._strict.append(escape[1:-1])
            self._take_in_string(character)
        elif len(escape) < 6:
            self._escape = escape
        else:  # half of a character waits for its other half, whichever way that comes
            self._strict.append(_quoted(chr(int(escape[2:], 16))))

    def _take_outside(self, character: str) -> None:
        if character.isspace():
            self._strict.append(" ")
            return
        if character == "/":
            self._comment = character
            return
        if character == ",":
            self._has_comma = True
            return
        if self._has_comma and character not in "}]":
            self._strict.append(",")
        self._has_comma = False
        if character in "\"'":
            self._quote, character = character, '"'
        self._strict.append(character.lower())  # True and False
        if self._strict[-4:] == [*"none"]:
            self._strict[-4:] = "null"
        self._depth += (character in "{[") - (character in "}]")
        self.is_whole = self._depth == 0


def with_whole_characters(text: str) -> str:
    """Return a text with the halves of characters joined, and without those that are alone."""
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    decoded = _RAW_BYTES.sub(
        lambda run: run[0].encode(errors="surrogateescape").decode(errors="ignore"), joined
    )
    return _HALVES.sub("", decoded)


def _quoted(character: str) -> str:
    return json.dumps(character, ensure_ascii=False)[1:-1]
