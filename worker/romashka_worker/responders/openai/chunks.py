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
_FIELD = re.compile(r"(data|event|id|retry)\s*:\s?")
_MAX_CHUNK = 1024 * 1024
"""Characters: a whole completion is one chunk."""


class ChunkDecoder:
    """Takes bytes, and gives the chunks that are whole with them."""

    def __init__(self) -> None:
        self.is_done = False
        """Has the server said that this is the end?"""
        self._line = bytearray()
        self._lines: list[str] = []

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
            lines, self._lines = self._lines, []
            yield from _parsed("\n".join(lines)) if lines else ()
        elif field := _FIELD.match(text):
            yield from self._take_data(text[field.end() :]) if field[1] == "data" else ()
        elif not text.startswith(":"):
            yield from self._take_data(text)

    def _take_data(self, text: str) -> Iterator[Mapping[str, Any]]:
        self.is_done |= text.startswith("[DONE]")
        if self._lines or (text[:1] == "{" and text.rstrip()[-1:] != "}"):
            self._lines.append(text)
        elif text[:1] == "{":  # an empty line need not follow
            yield from _parsed(text)


def _parsed(text: str) -> Iterator[Mapping[str, Any]]:
    try:
        chunk = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedAnswer("the stream does not consist of chunks") from error
    if isinstance(chunk, dict):
        yield chunk
