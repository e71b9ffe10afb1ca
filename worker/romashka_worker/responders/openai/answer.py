"""One answer of a model as it comes in: chunks of a completion, read as analysis and reply."""

import asyncio
import re
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
_REFUSED = re.compile(
    r"filter|safety|sensitive|refus|recitation|prohibited|blocklist|blocked|guardrail|spii|moderat"
)
_FAILED = re.compile(r"error|abort|fail|insufficient|timeout|cancel|overload")
_TOO_LONG = re.compile(r"length|max.*token|window|truncat")
"""What servers call the reasons of ends, by what is meant."""
_THOUGHTS = ("reasoning_content", "reasoning", "thinking")
"""What servers call thoughts beside the text; some tell the same ones by two names."""
_ERRORS = ("message", "detail", "msg", "error_msg")
"""What is told instead of a completion is an error."""

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
        self._index: object = None

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
        could_end = self._reader.could_end
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
            return self._reader.end("" if self._is_cut else self._thoughts)
        except MalformedAnswer as error:
            if self._reader.is_blank:
                raise Abstained("there is nothing in the answer") from error
            if self._reader.is_unfinished and self._ended is None:
                raise BrokenOff("the answer breaks off") from error
            if self._reader.is_unfinished and self._is_cut:
                raise CutShort("the answer is longer than the server lets it be") from error
            raise

    @property
    def _is_cut(self) -> bool:
        return bool(_TOO_LONG.search(self._ended or ""))

    async def _contents(self) -> AsyncGenerator[str]:
        """Yield what every chunk has of the text, also if that is nothing: it came."""
        decoder, response = ChunkDecoder(), self._stream.response
        if response.headers.get("content-type", "").startswith("text/html"):
            raise StreamError({"code": 502, "message": "a page instead of an answer"})
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
        if error := _error_in(chunk):
            raise StreamError(error)
        if model := chunk.get("model"):
            self.model = storable(str(model))[:_MAX_NAME]
        if isinstance(usage := chunk.get("usage"), dict) and usage:
            self.tokens_used = _tokens(usage)
        choice = self._choice(chunk)
        said = next(_mappings([choice.get("delta"), choice.get("message")]), {})
        reason = str(choice.get("finish_reason") or "").lower()
        if said.get("refusal") or _REFUSED.search(reason):
            raise Refused("the model refuses to answer")
        if error := choice.get("error") or _FAILED.search(reason):
            raise StreamError(error if isinstance(error, dict) else {"code": 502, "reason": reason})
        if reason not in _NO_END:
            self._ended = reason
        thought = next(filter(None, (_text(said.get(name)) for name in _THOUGHTS)), "")
        self._thoughts = (self._thoughts + thought)[-_MAX_THOUGHTS:]
        return _text(said.get("content")) or _arguments(said)

    def _choice(self, chunk: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the one that was asked for; some servers count it from 1."""
        for choice in _mappings(chunk.get("choices")):
            if self._index is None:
                self._index = choice.get("index")
            if choice.get("index") in (None, self._index):
                return choice
        return {}

    async def close(self) -> None:
        """Hang up, if there is more to come: no server writes for nobody then."""
        await self._stream.close()


def _mappings(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the objects in a list that have anything in them."""
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict) and item:
            yield item


def _error_in(chunk: Mapping[str, Any]) -> object:
    if error := chunk.get("error"):
        return error
    if "error" in (chunk.get("object"), chunk.get("type")):
        return chunk
    is_none = "choices" not in chunk and any(isinstance(chunk.get(name), str) for name in _ERRORS)
    return chunk if is_none else None


def _text(value: object) -> str:
    """Return a text, or the text in a list of parts; thoughts are parts of another kind."""
    parts = value if isinstance(value, list) else [value]
    texts = [
        part.get("text") if isinstance(part, dict) else part for part in parts if _is_said(part)
    ]
    return "".join(text for text in texts if isinstance(text, str))


def _is_said(part: object) -> bool:
    if not isinstance(part, dict):
        return True
    return not part.get("thought") and not re.search("think|reason", str(part.get("type")))


def _arguments(said: Mapping[str, Any]) -> str:
    """Return those of a call: no tool is offered, so it is a gateway that makes one of the form."""
    functions = [call.get("function") for call in _mappings(said.get("tool_calls"))]
    return "".join(_text(one.get("arguments")) for one in _mappings(functions))


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
