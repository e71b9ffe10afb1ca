"""Requests of one host: bounded in bytes and time, and never of another host."""

import asyncio
import socket
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Self

import httpx

from romashka._client import tls_context
from romashka._website.address import is_same_site, joined
from romashka._website.problems import Gone, PageError, SiteError

AGENT = "romashka"
"""The name that robots.txt is read for."""
_TIMEOUT = httpx.Timeout(10.0)
_PAGE_SECONDS = 30
_SITE_SECONDS = 1_800
_SITE_BYTES = 500_000_000
_MAX_REDIRECTS = 5
_GONE = (404, 410)
_PACKED = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server has at an address, which is the one that the last redirect led to."""

    url: httpx.URL
    status: int
    headers: httpx.Headers
    content: bytes


class Visits:
    """Asks one site; each request, and all of them together, have an end."""

    def __init__(self, http: httpx.AsyncClient, site: httpx.URL) -> None:
        self._http = http
        self.site = site
        self._ends = time.monotonic() + _SITE_SECONDS
        self._bytes_left = _SITE_BYTES

    @classmethod
    @asynccontextmanager
    async def open(cls, site: httpx.URL) -> AsyncIterator[Self]:
        """Open the client of a site.

        Raises:
            SiteError: its host is not known.
        """
        async with httpx.AsyncClient(
            transport=_Pinned(await _addresses(site)),
            timeout=_TIMEOUT,
            headers={
                "User-Agent": f"{AGENT}/{version('romashka')}",
                "Accept": "text/html, application/pdf;q=0.9, text/plain;q=0.8, */*;q=0.1",
                "Accept-Encoding": "gzip",
            },
        ) as http:
            yield cls(http, site)

    async def get(self, url: httpx.URL, max_bytes: int) -> Reply:
        """Return what is at an address; redirects are followed within the site.

        Raises:
            Gone: nothing is there.
            PageError: it cannot be read, or leads elsewhere.
            SiteError: the site has taken too long, or sent too much.
        """
        reply = await self.ask(url, max_bytes)
        if reply.status in _GONE:
            raise Gone(f"it is not there ({reply.status})")
        if reply.status != httpx.codes.OK:
            raise PageError(f"its server answers with {reply.status}")
        return reply

    async def ask(self, url: httpx.URL, max_bytes: int) -> Reply:
        """Return the answer of whatever status; else as `get`."""
        for _ in range(_MAX_REDIRECTS + 1):
            reply = await self._ask_in_time(url, max_bytes)
            target = reply.headers.get("Location")
            if not 300 <= reply.status < 400 or target is None:
                return reply
            url = joined(url, target)
            if not is_same_site(url, self.site):
                raise PageError(
                    f"it leads to {_shown(url)}, of another host; if that is meant, import it"
                )
        raise PageError("it leads from one address to the next without an end")

    async def _ask_in_time(self, url: httpx.URL, max_bytes: int) -> Reply:
        left = self._ends - time.monotonic()
        if left <= 0 or self._bytes_left <= 0:
            raise SiteError(
                f"a site is read for {_SITE_SECONDS // 60} minutes, and up to"
                f" {_SITE_BYTES // 1_000_000} MB: import a part of it"
            )
        try:
            async with asyncio.timeout(min(left, _PAGE_SECONDS)):
                return await self._ask_once(url, max_bytes)
        except TimeoutError as error:
            raise PageError(f"its server needs more than {_PAGE_SECONDS} s") from error
        except (httpx.RequestError, zlib.error) as error:
            reason = type(error).__name__
            raise PageError(f"its server does not answer as it should ({reason})") from error

    async def _ask_once(self, url: httpx.URL, max_bytes: int) -> Reply:
        async with self._http.stream("GET", url) as response:
            content = b""
            if response.status_code == httpx.codes.OK:
                content = await self._read(response, max_bytes)
        return Reply(url, response.status_code, response.headers, content)

    async def _read(self, response: httpx.Response, max_bytes: int) -> bytes:
        """Return the content, unpacked: never more of it than it may have."""
        packing = response.headers.get("Content-Encoding", "identity").strip().lower()
        if packing not in (*_PACKED, "identity", ""):
            raise PageError(f"its server packs it as {packing[:20]}, which was not asked for")
        unpack = zlib.decompressobj(_PACKED[packing]) if packing in _PACKED else None
        content = bytearray()
        async for piece in response.aiter_raw():
            self._bytes_left -= len(piece)
            content += unpack.decompress(piece, max_bytes + 1 - len(content)) if unpack else piece
            if len(content) > max_bytes:
                raise PageError(f"it is larger than {max_bytes // 1_000_000} MB")
        if unpack and not unpack.eof:
            raise PageError("it ends too early")
        return bytes(content)


class _Pinned(httpx.AsyncHTTPTransport):
    """Connects to the addresses that the host had at first, whatever its name means later."""

    def __init__(self, addresses: list[str]) -> None:
        super().__init__(verify=tls_context(), trust_env=False)
        self._addresses = addresses

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for address in [*self._addresses]:
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,  # `Host` is the name's
                extensions={**request.extensions, "sni_hostname": request.url.host},
            )
            try:
                return await super().handle_async_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if len(self._addresses) == 1:
                    raise
                self._addresses.remove(address)  # the next one may be reached
        raise httpx.ConnectError("no address answers", request=request)


async def _addresses(site: httpx.URL) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            site.host, site.port or 443, type=socket.SOCK_STREAM
        )
    except (OSError, UnicodeError) as error:
        raise SiteError(f"there is no host {site.host}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _shown(url: httpx.URL) -> str:
    """Return an address without what may be a secret of it."""
    return str(url.copy_with(query=None))[:200]
