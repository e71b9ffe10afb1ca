"""Meta's Graph API, as far as messages need it: what was answered, or what went wrong."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from romashka._client import tls_context

from romashka_worker.channels import ChannelError, Trouble
from romashka_worker.channels.graph_errors import error_from

_CONNECT_SECONDS = 4.0
_ANSWER_SECONDS = 15.0
"""Together less than a channel's call may take: who gives up here knows what was sent."""
_NO_REQUEST = (
    httpx.InvalidURL,
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
    UnicodeEncodeError,
)
"""An address or a token that no request can be made of."""


class Graph:
    """One Graph API; its address has the version in it."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self._url = url.rstrip("/")

    @staticmethod
    @asynccontextmanager
    async def open_http(
        answer_seconds: float = _ANSWER_SECONDS,
    ) -> AsyncIterator[httpx.AsyncClient]:
        """Open the connections that all Graph APIs share."""
        timeout = httpx.Timeout(answer_seconds, connect=_CONNECT_SECONDS)
        async with httpx.AsyncClient(verify=tls_context(), timeout=timeout) as http:
            yield http

    async def post(self, path: str, body: Mapping[str, Any], token: str) -> Mapping[str, Any]:
        """Send `body`; return what the Graph API answers to it.

        Raises:
            ChannelError: it refused, cannot be reached, or its answer got lost.
        """
        return await self._call("POST", path, token, json=dict(body))

    async def get(self, path: str, token: str) -> Mapping[str, Any]:
        """Return what is at `path`.

        Raises:
            ChannelError: it is not there, or not to be had now.
        """
        return await self._call("GET", path, token)

    async def _call(self, method: str, path: str, token: str, **content: Any) -> Mapping[str, Any]:
        url, headers = f"{self._url}/{path}", {"Authorization": f"Bearer {token}"}
        try:
            response = await self._http.request(method, url, headers=headers, **content)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise _lost("retry", "unreachable", error) from error  # nothing was sent
        except _NO_REQUEST as error:
            raise _lost("failed", "misconfigured", error) from error
        except httpx.HTTPError as error:
            raise _lost("unknown", "no_answer", error) from error
        return _read(response)


def _lost(trouble: Trouble, code: str, error: Exception) -> ChannelError:
    return ChannelError(trouble, code, f"Meta's servers cannot be asked: {type(error).__name__}")


def _read(response: httpx.Response) -> Mapping[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        answer = None
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, dict) or not response.is_success:
        told = error if isinstance(error, dict) else None
        raise error_from(response.status_code, told, response.headers)
    if not isinstance(answer, dict):  # it was done, but we are not told how
        raise ChannelError("unknown", "bad_answer", "Meta's answer cannot be read")
    return answer
