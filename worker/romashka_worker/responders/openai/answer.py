"""One answer of a model as it comes in: chunks of a completion, read as analysis and reply."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any

from openai import AsyncStream, OpenAIError
from openai.types.chat import ChatCompletionChunk

from romashka_worker.responders.openai.analysis import MalformedAnswer, Refused, storable
from romashka_worker.responders.openai.reader import AnswerReader

_STALL_SECONDS = 2.0
"""A reply that has begun and stands still for so long has died."""
_USAGE_SECONDS = 0.25
"""So long the number of tokens is worth waiting for, once the reply is there."""

_MAX_NAME = 100
_MAX_TOKENS = 999_999_999
"""The database takes no more, and what it refuses is the whole answer."""

ANSWER_ERRORS = (OpenAIError, MalformedAnswer, TimeoutError)
"""Whatever a provider can do to us."""


class ModelAnswer:
    """What has been read of a stream; `pieces` reads on."""

    def __init__(self, stream: AsyncStream[ChatCompletionChunk]) -> None:
        self.model: str | None = None
        self.tokens_used: int | None = None
        self._stream = stream
        self._reader = AnswerReader()

    @property
    def members(self) -> Mapping[str, Any]:
        """What the model says beside its reply; empty until the first piece of that is there."""
        return self._reader.members

    async def pieces(self) -> AsyncGenerator[str]:
        """Yield an empty text once the analysis is known, and then the reply's.

        Raises:
            OpenAIError, MalformedAnswer, TimeoutError: there is no answer, or no end of it.
        """
        contents = self._contents()
        while not self._reader.is_complete:
            begun = bool(self.members)
            async with asyncio.timeout(_STALL_SECONDS if begun else None):
                content = await anext(contents, None)
            text = self._reader.end() if content is None else self._reader.feed(content)
            if self.members and not begun:
                yield ""
            if text:
                yield text
        with suppress(*ANSWER_ERRORS):
            async with asyncio.timeout(_USAGE_SECONDS):
                async for _ in contents:
                    pass

    async def _contents(self) -> AsyncGenerator[str]:
        try:
            async for chunk in self._stream:
                yield self._content(chunk)
        except (AttributeError, IndexError, TypeError, ValueError, RecursionError) as error:
            raise MalformedAnswer("the stream does not consist of chunks") from error

    def _content(self, chunk: ChatCompletionChunk) -> str:
        """Parse a chunk, which the client has not checked."""
        if chunk.model:
            self.model = storable(str(chunk.model))[:_MAX_NAME]
        if chunk.usage:
            self.tokens_used = _count(chunk.usage.total_tokens)
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        if choice.delta.refusal or choice.finish_reason == "content_filter":
            raise Refused("the model refuses to answer")
        content = choice.delta.content
        return content if isinstance(content, str) else ""

    async def close(self) -> None:
        """Hang up, if there is more to come: no server writes for nobody then."""
        await self._stream.close()


def _count(value: object) -> int | None:
    """Return a number of tokens, if it is one: it comes beside the answer, and decides nothing."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MAX_TOKENS else None
