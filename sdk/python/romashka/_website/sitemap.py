"""Sitemaps: lists of pages, and lists of such lists."""

import html
import re
import zlib
from collections import deque
from collections.abc import Sequence

import httpx

from romashka._documents.page import decoded
from romashka._website.address import is_same_site, joined
from romashka._website.problems import Gone, PageError
from romashka._website.visits import Reply, Visits

MAX_SITEMAP_BYTES = 50_000_000  # as its own rules say
_MAX_SITEMAPS = 100
_MAX_LISTED = 50_000
_KIND = re.compile(r"<(?:\w+:)?(urlset|sitemapindex)\b")
_PLACE = re.compile(
    r"<(?:(?!image:|video:)\w+:)?loc\b[^<>]*>\s*(?:<!\[CDATA\[\s*)?([^<>\s\]]{1,10000})",
    re.IGNORECASE,
)
_BEGINS = 2_000
_GZIP = b"\x1f\x8b"


def is_sitemap(reply: Reply) -> bool:
    """Say whether a reply is a list, and no page."""
    begin = _text(reply, _BEGINS)
    return _KIND.search(begin) is not None and "<html" not in begin.lower()


async def listed_pages(visits: Visits, first: Sequence[httpx.URL]) -> tuple[list[httpx.URL], int]:
    """Return the pages of the site that sitemaps list, and how many of other sites they list.

    A sitemap that is not there lists nothing.

    Raises:
        PageError: one cannot be read now.
        SiteError: the site has taken too long.
    """
    waiting, seen = deque(first), set(first)
    pages: dict[httpx.URL, None] = {}
    elsewhere = 0
    while waiting and len(seen) <= _MAX_SITEMAPS:
        try:
            reply = await visits.get(waiting.popleft(), MAX_SITEMAP_BYTES)
        except Gone:
            continue
        text = _text(reply, MAX_SITEMAP_BYTES)
        kind = _KIND.search(text[:_BEGINS])
        if kind is None:
            continue  # many servers have a page at whatever address
        for place in _PLACE.findall(text):
            try:
                url = joined(reply.url, html.unescape(place))
            except PageError:
                continue
            if not is_same_site(url, visits.site):
                elsewhere += 1
            elif kind[1] == "urlset":
                pages[url] = None
            elif url not in seen:
                seen.add(url)
                waiting.append(url)
            if len(pages) >= _MAX_LISTED:
                return list(pages), elsewhere
    return list(pages), elsewhere


def _text(reply: Reply, most: int) -> str:
    """Return the begin of a text, which may be packed as a file: sitemap.xml.gz."""
    content = reply.content
    if content.startswith(_GZIP):
        try:
            content = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(content, most)
        except zlib.error:
            return ""
    return decoded(content[:most], None)
