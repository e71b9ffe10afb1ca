"""Addresses of pages: of one site, or another."""

import re
from urllib.parse import urljoin, urlsplit

import httpx

from romashka._website.problems import PageError, SiteError

_USER = re.compile(r"//[^/?#]*@")
_MAX_ADDRESS = 2_000
_PORTS = {"http": 80, "https": 443}


def is_address(text: str) -> bool:
    """Say whether it is a website's, and no file's."""
    return text.lower().startswith(("http://", "https://"))


def shown(text: str) -> str:
    """Return an address as it may be printed: who writes a password into it is told so."""
    return _USER.sub("//", text, count=1)


def read_address(text: str) -> httpx.URL:
    """Return the address that is meant.

    Raises:
        SiteError: it is none.
    """
    try:
        url = _normal(text.strip())
    except (httpx.InvalidURL, ValueError) as error:
        raise SiteError("it is no address; one is https://example.com/help/") from error
    if url.userinfo:
        raise SiteError("an address has no user and no password in it")
    if not url.host:
        raise SiteError("it names no host; an address is https://example.com/help/")
    return url


def joined(page: httpx.URL, link: str) -> httpx.URL:
    """Return where a link leads.

    Raises:
        PageError: nowhere.
    """
    try:
        url = _normal(urljoin(str(page), link.strip()))
    except (httpx.InvalidURL, ValueError) as error:
        raise PageError("it leads to what is no address") from error
    if url.scheme not in _PORTS or not url.host or url.userinfo:
        raise PageError("it leads to what is no address")
    # Behind a proxy, servers write http:// of pages that are read by https.
    is_written_wrong = url.host == page.host and (_port(page), _port(url)) == (443, 80)
    return url.copy_with(scheme="https") if is_written_wrong else url


def _normal(text: str) -> httpx.URL:
    if len(text) > _MAX_ADDRESS:
        raise ValueError("too long")
    # A path that is not there is the root; an anchor is a place on the page.
    url = httpx.URL(text).copy_with(fragment=None)
    return url if urlsplit(str(url)).path else url.copy_with(path="/")


def is_same_site(url: httpx.URL, site: httpx.URL) -> bool:
    """Say whether both are of one host and port; https may follow http, not the other way round."""
    if url.host != site.host:
        return False
    if url.scheme == site.scheme:
        return _port(url) == _port(site)
    return (_port(site), _port(url)) == (80, 443)


def _port(url: httpx.URL) -> int:
    return url.port or _PORTS[url.scheme]


def is_below(url: httpx.URL, folder: httpx.URL) -> bool:
    """Say whether a page is the folder's own, or in it."""
    return url.host == folder.host and url.path.startswith(folder.path)
