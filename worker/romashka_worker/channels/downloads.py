"""Downloads what customers sent, from addresses that others name: public ones alone, bounded."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import httpx
from romashka._client import tls_context
from romashka._file_types import inert_type

from romashka_worker.channels import ChannelError, File

MAX_BYTES = 10 * 1024 * 1024
"""What the bucket of attachments takes."""
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_MAX_REDIRECTS = 3
# Of a network itself, though Python takes them for public: old forms, and translation inside of it.
_LOCAL = tuple(map(ipaddress.IPv6Network, ("::/96", "fec0::/10", "64:ff9b:1::/48")))


class Downloads:
    """Gets files; one client for all."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    @classmethod
    @asynccontextmanager
    async def open(cls, *trusted_origins: str) -> AsyncIterator[Self]:
        """Open the client; trusted origins are configured, and may be of any address."""
        async with httpx.AsyncClient(
            transport=_PublicAddresses(trusted_origins),
            timeout=_TIMEOUT,
            follow_redirects=True,
            max_redirects=_MAX_REDIRECTS,
            headers={"Accept-Encoding": "identity", "User-Agent": "romashka"},
        ) as http:
            yield cls(http)

    async def get(self, url: str, *, name: str | None = None, token: str | None = None) -> File:
        """Return the file at `url`; a redirect to another origin is not shown the token.

        Raises:
            ChannelError: it is not there, not public, too large, or not to be had now.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with self._http.stream("GET", url, headers=headers) as response:
                _check(response)
                content = await _read(response)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
            raise ChannelError("failed", "bad_url", "the file's address leads nowhere") from error
        except httpx.RequestError as error:
            reason = type(error).__name__
            raise ChannelError(
                "retry", "unreachable", f"the file's server does not answer: {reason}"
            ) from error
        return File(content, _type_of(response), name)


class _PublicAddresses(httpx.AsyncHTTPTransport):
    """Connects to public addresses, by https, alone: at each redirect, and to the address that was
    looked at, whatever the name means a moment later.
    """

    def __init__(self, trusted_origins: tuple[str, ...]) -> None:
        # No connection is kept: it would be shared by all names of its address.
        super().__init__(
            verify=tls_context(), trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )
        self._trusted = {_origin(httpx.URL(url)) for url in trusted_origins}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if _origin(request.url) in self._trusted:
            return await super().handle_async_request(request)
        if request.url.scheme != "https":
            raise httpx.UnsupportedProtocol("not https", request=request)
        address = await _public_address(request)
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,  # `Host` is the name's
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return await super().handle_async_request(pinned)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def _public_address(request: httpx.Request) -> str:
    """Return an address of the request's host, if all that it has are public."""
    host, port = request.url.host, request.url.port or 443
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
    except OSError as error:
        raise httpx.ConnectError("unknown host", request=request) from error
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(map(_is_public, addresses)):
        raise httpx.UnsupportedProtocol("not a public address", request=request)
    return addresses[0]


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        embedded = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo or (None, None))[1]
        if embedded is not None:
            parsed = embedded
        elif parsed in ipaddress.ip_network("64:ff9b::/96"):  # NAT64
            parsed = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    is_local = parsed.version == 6 and any(parsed in network for network in _LOCAL)
    return parsed.is_global and not parsed.is_multicast and not is_local


def _check(response: httpx.Response) -> None:
    if response.is_success:
        return
    status = str(response.status_code)
    if response.status_code == 429 or response.is_server_error:
        raise ChannelError("retry", status, f"the file's server answers with status {status}")
    raise ChannelError("failed", status, f"the file cannot be had: status {status}")


async def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    async for piece in response.aiter_bytes():
        content += piece
        if len(content) > MAX_BYTES:
            raise ChannelError("failed", "too_large", "the file is larger than 10 MB")
    return bytes(content)


def _type_of(response: httpx.Response) -> str:
    told = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return inert_type(told)
