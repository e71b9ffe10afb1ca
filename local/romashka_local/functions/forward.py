"""Requests on their way to a function's process, and its answers back, both as they come."""

from collections.abc import AsyncIterator
from typing import Self

import httpx
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from romashka_local.functions.process import FunctionProcess

_IDLE_SECONDS = 150.0  # the Edge Runtime gives a silent function no longer
_HOP_BY_HOP = {
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
}


class Forwarder:
    """The connections to the functions' processes."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(_IDLE_SECONDS, connect=5),
            limits=httpx.Limits(max_connections=None),
            trust_env=False,  # no proxy stands between the stack and its own processes
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def forward(self, request: Request, process: FunctionProcess) -> Response:
        """Send `request` on and return the answer once its headers are there.

        Raises:
            httpx.TransportError: the process ended, or said nothing for too long.
        """
        process.enter()
        try:
            answer = await self._client.send(_outgoing(request, process.port), stream=True)
        except BaseException:
            process.leave()
            raise
        response = StreamingResponse(_body(answer, process), answer.status_code)
        response.raw_headers = [
            (name.lower(), value) for name, value in answer.headers.raw if not _is_hop(name)
        ]
        return response


def _outgoing(request: Request, port: int) -> httpx.Request:
    query = request.scope["query_string"]
    target: bytes = request.scope.get("raw_path") or request.url.path.encode()
    target = target.partition(b"?")[0] + (b"?" + query if query else b"")
    has_body = any(name in request.headers for name in ("content-length", "transfer-encoding"))
    return httpx.Request(
        request.method,
        httpx.URL(scheme="http", host="127.0.0.1", port=port, raw_path=target),
        # With the caller's Host, which is where the function finds its own address.
        headers=[(name, value) for name, value in request.headers.raw if not _is_hop(name)],
        content=request.stream() if has_body else None,
    )


def _is_hop(name: bytes) -> bool:
    return name.lower() in _HOP_BY_HOP


async def _body(answer: httpx.Response, process: FunctionProcess) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()
        process.leave()
