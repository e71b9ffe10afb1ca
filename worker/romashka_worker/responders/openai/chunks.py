"""What a server sends, as it comes in: bytes become the chunks of a completion.

Servers send events, with or without a space, comments or an end; lines of JSON; or one whole
completion, although they were asked for a stream. All is read line by line, wherever it is cut.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from romashka_worker.responders.openai.analysis import MalformedAnswer

_LINE_END = re.compile(rb"\r\n|\n|\r(?=[^\n])")
_FIELD = re.compile(r"(data|event|id|retry|error)\s*:\s?")
_BETWEEN = re.compile(r"\s*(?:data\s*:\s*)?(?:\[DONE\]\s*)?")
"""Of two chunks in one line."""
_MAX_CHUNK = 1024 * 1024
"""Characters: a whole completion is one chunk."""


class ChunkDecoder:
    """Takes bytes, and gives the chunks that are whole with them."""

    def __init__(self) -> None:
        self.is_done = False
        """Has the server said that this is the end?"""
        self._line = bytearray()
        self._lines: list[str] = []
        self._event = ""

    def feed(self, data: bytes) -> Iterator[Mapping[str, Any]]:
        """Take the next bytes.

        Raises:
            MalformedAnswer: these are no chunks.
        """
        held = self._line[-1:] == b"\r"  # the line feed that belongs to it may come now
        self._line += data
        if held or b"\n" in data or b"\r" in data:
            *lines, rest = _LINE_END.split(bytes(self._line))
            self._line = bytearray(rest)
            for line in lines:
                yield from self._take(line)
        if len(self._line) + sum(map(len, self._lines)) > _MAX_CHUNK:
            raise MalformedAnswer("a chunk does not end")

    def end(self) -> Iterator[Mapping[str, Any]]:
        """Take the end: of the last line, and of what no empty line ended.

        Raises:
            MalformedAnswer: it is the end of no chunk.
        """
        yield from self._take(bytes(self._line))
        yield from self._take(b"")
        self._line.clear()

    def _take(self, line: bytes) -> Iterator[Mapping[str, Any]]:
        # A server may write half a character: its bytes are kept until the other half is there.
        text = line.decode(errors="surrogateescape").strip("\ufeff")
        if not text.strip():
            lines, self._lines, self._event = self._lines, [], ""
            yield from _parsed("\n".join(lines)) if lines else ()
        elif field := _FIELD.match(text):
            yield from self._take_field(field[1], text[field.end() :])
        elif not text.startswith(":"):
            yield from self._take_data(text)

    def _take_field(self, name: str, text: str) -> Iterator[Mapping[str, Any]]:
        if name == "event":
            self._event = text.strip()
        elif "error" in (name, self._event):
            yield {"error": _told(text)}
        elif name == "data":
            yield from self._take_data(text)

    def _take_data(self, text: str) -> Iterator[Mapping[str, Any]]:
        if text.startswith("[DONE]"):
            self.is_done = True
        elif self._lines or (text[:1] in ("{", "[") and text.rstrip()[-1:] not in ("}", "]")):
            self._lines.append(text)
        elif text[:1] in ("{", "["):  # an empty line need not follow
            yield from _parsed(text)


def _parsed(text: str) -> Iterator[Mapping[str, Any]]:
    """Yield the chunks in a text: one, one after the other, or a list of them."""
    at = 0
    while at < len(text):
        try:
            chunk, at = json.JSONDecoder().raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise MalformedAnswer("the stream does not consist of chunks") from error
        yield from (
            one for one in (chunk if isinstance(chunk, list) else [chunk]) if isinstance(one, dict)
        )
        if between := _BETWEEN.match(text, at):
            at = between.end()


def _told(text: str) -> object:
    """Return what an event of the name `error` tells: an object, or a text."""
    try:
        error = json.loads(text)
    except (ValueError, RecursionError):
        return text or "an error"
    return error.get("error", error) if isinstance(error, dict) else error
