"""The client of a model's endpoint, which is somebody else's: it may send anything, for ever.

A redirect is an answer like any other, never followed: the key and the customer's words are for the
server that was named. What it sends is bounded before it is kept.
"""

from collections.abc import AsyncIterator
from typing import Any, cast

import httpx2
from openai import DEFAULT_TIMEOUT, AsyncOpenAI, DefaultAioHttpClient

_OPENAI = "https://api.openai.com/v1"
_MAX_ANSWER = 16 * 1024 * 1024
"""Bytes: the vectors of a long item are some."""
_MAX_STREAM = 4 * 1024 * 1024
"""Bytes of an answer in events; a reply of 4,000 characters is one in four of them."""
_MAX_LINE = 256 * 1024
"""Bytes of a line of such an answer, which is read when it ends."""


def open_client(
    base_url: str | None,
    api_key: str,
    *,
    max_retries: int = 0,
    timeout: float | None = None,
) -> AsyncOpenAI:
    """Return a client of a server; retrying is mostly our business.

    It is aiohttp's: httpx looks at all its connections for each request, and hundreds may wait.
    """
    return AsyncOpenAI(
        api_key=api_key,
        # Named, since the client would read the environment itself, and not as the settings do.
        base_url=base_url or _OPENAI,
        max_retries=max_retries,
        timeout=DEFAULT_TIMEOUT if timeout is None else timeout,
        http_client=_BoundedClient(follow_redirects=False),
        # Whatever is packed may be as large as one likes when it is unpacked.
        default_headers={"Accept-Encoding": "identity"},
    )


class _BoundedClient(DefaultAioHttpClient):
    """Reads no more of an answer than one of that kind can have."""

    async def send(
        self, request: httpx2.Request, *, stream: bool = False, **options: Any
    ) -> httpx2.Response:
        response = await super().send(request, stream=True, **options)
        try:
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise httpx2.DecodingError("the answer is packed, which nobody asked for")
            response.stream = _BoundedStream(response)
            if not stream:
                await response.aread()
        except BaseException:
            await response.aclose()
            raise
        return response


class _BoundedStream(httpx2.AsyncByteStream):
    """The bytes of an answer, until there are too many."""

    def __init__(self, response: httpx2.Response) -> None:
        self._stream = cast("httpx2.AsyncByteStream", response.stream)
        kind = response.headers.get("content-type", "")
        self._has_lines = kind.lower().startswith("text/event-stream")
        self._left = _MAX_STREAM if self._has_lines else _MAX_ANSWER
        self._line = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._count(chunk)
            yield chunk

    def _count(self, chunk: bytes) -> None:
        self._left -= len(chunk)
        last_end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        self._line = len(chunk) - last_end - 1 + (self._line if last_end < 0 else 0)
        if self._left < 0 or (self._has_lines and self._line > _MAX_LINE):
            raise httpx2.ReadError("the answer does not end")

    async def aclose(self) -> None:
        await self._stream.aclose()
