"""One answer of a model as it comes in: chunks of a completion, read as analysis and reply."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import suppress
from typing import Any

import httpx2
from openai import APIConnectionError, AsyncStream, OpenAIError

from romashka_worker.responders.openai.analysis import MalformedAnswer, Refused, storable
from romashka_worker.responders.openai.chunks import ChunkDecoder
from romashka_worker.responders.openai.errors import (
    Abstained,
    BrokenOff,
    CutShort,
    StreamError,
)
from romashka_worker.responders.openai.reader import AnswerReader

_STALL_SECONDS = 2.0
"""A reply that has begun and stands still for so long has died."""
_USAGE_SECONDS = 0.25
"""So long the number of tokens is worth waiting for, once the reply is there."""

_MAX_NAME = 100
_MAX_TOKENS = 999_999_999
"""The database takes no more, and what it refuses is the whole answer."""
_MAX_THOUGHTS = 20_000
_NO_END = ("", "null", "none")
"""What some servers call the reason of an end that has not come."""

ANSWER_ERRORS = (OpenAIError, MalformedAnswer, TimeoutError)
"""Whatever a provider can do to us."""


class ModelAnswer:
    """What has been read of a stream; `pieces` reads on."""

    def __init__(self, stream: AsyncStream[object], reader: AnswerReader) -> None:
        self.model: str | None = None
        self.tokens_used: int | None = None
        self._stream = stream
        self._reader = reader
        self._thoughts = ""
        self._ended: str | None = None

    @property
    def members(self) -> Mapping[str, Any]:
        """What the model says beside its reply; empty until the first piece of that is there."""
        return self._reader.members

    @property
    def is_plain(self) -> bool:
        """Is it an object, and nothing before that?"""
        return self._reader.is_plain

    async def pieces(self) -> AsyncGenerator[str]:
        """Yield an empty text once the analysis is known, and then the reply's.

        Raises:
            OpenAIError, MalformedAnswer, TimeoutError: there is no answer, or no end of it.
        """
        contents = self._contents()
        while not self._reader.is_complete:
            begun = bool(self.members)
            content = await self._next(contents, begun)
            text = self._end() if content is None else self._reader.feed(content)
            if self.members and not begun:
                yield ""
            if text:
                yield text
        with suppress(*ANSWER_ERRORS):
            async with asyncio.timeout(_USAGE_SECONDS):
                async for _ in contents:
                    pass

    async def _next(self, contents: AsyncGenerator[str], begun: bool) -> str | None:
        """Return what comes next; None is the end. Not every server says so, or hangs up then.

        And some say so with each chunk: what is no answer yet goes on.
        """
        could_end = not begun and self._reader.could_end
        seconds = _STALL_SECONDS if begun or could_end else None
        try:
            async with asyncio.timeout(_USAGE_SECONDS if could_end and self._ended else seconds):
                return await anext(contents, None)
        except TimeoutError:
            if could_end:
                return None
            raise

    def _end(self) -> str:
        try:
            return self._reader.end("" if self._ended == "length" else self._thoughts)
        except MalformedAnswer as error:
            if self._reader.is_blank:
                raise Abstained("there is nothing in the answer") from error
            if self._reader.is_unfinished and self._ended is None:
                raise BrokenOff("the answer breaks off") from error
            if self._reader.is_unfinished and self._ended == "length":
                raise CutShort("the answer is longer than the server lets it be") from error
            raise

    async def _contents(self) -> AsyncGenerator[str]:
        """Yield what every chunk has of the text, also if that is nothing: it came."""
        decoder, response = ChunkDecoder(), self._stream.response
        try:
            async for data in response.aiter_bytes():
                for chunk in decoder.feed(data):
                    yield self._take(chunk)
                if decoder.is_done:
                    self._ended = self._ended or "done"
                    return
        except httpx2.RequestError as error:
            raise APIConnectionError(request=response.request) from error
        for chunk in decoder.end():
            yield self._take(chunk)

    def _take(self, chunk: Mapping[str, Any]) -> str:
        """Return what a chunk has of the text. Any member may be missing, or be something else."""
        if chunk.get("error") or chunk.get("object") == "error":
            raise StreamError(chunk.get("error") or chunk)
        if model := chunk.get("model"):
            self.model = storable(str(model))[:_MAX_NAME]
        if isinstance(usage := chunk.get("usage"), dict) and usage:
            self.tokens_used = _tokens(usage)
        choice = next(_mappings(chunk.get("choices")), {})
        said = next(_mappings([choice.get("delta"), choice.get("message")]), {})
        reason = str(choice.get("finish_reason") or "").lower()
        if said.get("refusal") or reason.startswith("content_filter"):
            raise Refused("the model refuses to answer")
        if reason not in _NO_END:
            self._ended = reason
        for name in ("reasoning_content", "reasoning"):
            self._thoughts = (self._thoughts + _text(said.get(name)))[-_MAX_THOUGHTS:]
        return _text(said.get("content"))

    async def close(self) -> None:
        """Hang up, if there is more to come: no server writes for nobody then."""
        await self._stream.close()


def _mappings(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the objects in a list; a choice that is not the first is another answer."""
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict) and item and item.get("index") in (None, 0):
            yield item


def _text(value: object) -> str:
    """Return a text, or the text in a list of parts; thoughts are parts of another kind."""
    parts = value if isinstance(value, list) else [value]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return "".join(text for text in texts if isinstance(text, str))


def _tokens(usage: Mapping[str, Any]) -> int | None:
    """Return the sum, told or not: it comes beside the answer, and decides nothing."""
    total = usage.get("total_tokens")
    if total is None and "prompt_tokens" in usage and "completion_tokens" in usage:
        parts = [_count(usage["prompt_tokens"]), _count(usage["completion_tokens"])]
        total = None if None in parts else sum(filter(None, parts))
    return _count(total)


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MAX_TOKENS else None
