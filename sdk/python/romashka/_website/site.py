"""One site: what robots.txt says of it, its pages, and each of them."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

import httpx
from protego import Protego

from romashka._documents import MAX_BINARY_BYTES, Document, max_bytes, read_content, readable_name
from romashka._documents.apart import read_apart
from romashka._documents.page import NotToBeFound, decoded, is_noindex, read_page
from romashka._website.address import is_below, is_same_site, joined, read_address
from romashka._website.problems import PageError, SiteError, Unwanted
from romashka._website.sitemap import is_sitemap, listed_pages
from romashka._website.visits import AGENT, Reply, Visits

MAX_PAGES = 500
_MAX_ROBOTS_BYTES = 1_000_000
_MAX_DELAY_SECONDS = 10.0
_WITH_VALUES = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
_HTML = ("text/html", "application/xhtml+xml")
_KINDS = {
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "application/pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was read; its address is the one that redirects led to."""

    address: str
    document: Document


@dataclass(frozen=True, slots=True)
class Listing:
    """Which pages an address means."""

    pages: list[str]
    left_out: str = ""
    """What is not among them, and why."""


class Website:
    """Reads the pages of one host, one after the other."""

    def __init__(self, visits: Visits, address: httpx.URL, robots: Protego) -> None:
        self._visits = visits
        self._address = address
        self._robots = robots
        self._delay = min(float(robots.crawl_delay(AGENT) or 0), _MAX_DELAY_SECONDS)
        self._is_first = True

    @classmethod
    @asynccontextmanager
    async def open(cls, text: str) -> AsyncIterator[Self]:
        """Open the site of an address, and read its robots.txt.

        Raises:
            SiteError: it is no address, or its host or its robots.txt cannot be read.
        """
        address = read_address(text)
        async with Visits.open(address) as visits:
            yield cls(visits, address, await _read_robots(visits))

    async def pages(self, known: Iterable[str]) -> Listing:
        """Return the pages that the address means, and those known ones that are below it.

        It is a sitemap: the pages that it lists. It ends with a slash: those below it that the
        site's sitemaps list, and itself. Else itself.

        Raises:
            SiteError: what it means cannot be read.
        """
        try:
            listed, elsewhere = await self._listed()
        except PageError as error:
            raise SiteError(str(error)) from error
        pages = list(dict.fromkeys([*map(str, listed), *self._below(known)]))
        left_out = []
        if len(pages) > MAX_PAGES:
            left_out.append(
                f"{len(pages)} pages, of which {MAX_PAGES} are read: import a part of them"
            )
        if elsewhere:
            left_out.append(f"{elsewhere} pages of other hosts are listed, and not read")
        return Listing(pages[:MAX_PAGES], "; ".join(left_out))

    async def _listed(self) -> tuple[list[httpx.URL], int]:
        if self._is_folder:
            for sitemaps in self._sitemaps():
                pages, elsewhere = await listed_pages(self._visits, sitemaps)
                if below := [page for page in pages if is_below(page, self._address)]:
                    return below, elsewhere
        elif self._address.path.endswith((".xml", ".xml.gz")):
            self._check_robots(self._address)
            reply = await self._visits.get(self._address, MAX_BINARY_BYTES)
            if is_sitemap(reply):
                return await listed_pages(self._visits, [self._address])
        return [self._address], 0

    @property
    def _is_folder(self) -> bool:
        return self._address.path.endswith("/") and not self._address.query

    def _sitemaps(self) -> Iterable[list[httpx.URL]]:
        """Yield the places where sitemaps are looked for: those that robots.txt names first."""
        named = []
        for place in self._robots.sitemaps:
            try:
                url = joined(self._address, place)
            except PageError:
                continue
            if is_same_site(url, self._address):
                named.append(url)
        yield named
        yield [self._address.join("sitemap.xml")]
        yield [self._address.join("/sitemap.xml")]

    def _below(self, known: Iterable[str]) -> Iterable[str]:
        if not self._is_folder:
            return
        for text in known:
            try:
                url = read_address(text)
            except SiteError:
                continue
            if is_same_site(url, self._address) and is_below(url, self._address):
                yield text

    async def read(self, address: str) -> Page:
        """Return a page.

        Raises:
            Gone: it is there no more.
            Unwanted: it is not to be read, or is nothing that can be.
            PageError: it cannot be read now.
            DocumentError: it has no text, or is none.
            SiteError: no more of the site can be read.
        """
        url = httpx.URL(address)
        self._check_robots(url)
        if not self._is_first:
            await asyncio.sleep(self._delay)
        self._is_first = False
        reply = await self._visits.get(url, MAX_BINARY_BYTES)
        self._check_robots(reply.url)
        if self._is_folder and not is_below(reply.url, self._address):
            raise Unwanted(f"it leads to {reply.url.path}, which is not below {self._address}")
        if any(_keeps_out(value) for value in reply.headers.get_list("X-Robots-Tag")):
            raise Unwanted("it says noindex")
        return Page(str(reply.url), await _document(reply))

    def _check_robots(self, url: httpx.URL) -> None:
        if not self._robots.can_fetch(str(url), AGENT):
            raise Unwanted("robots.txt does not let it be read")


async def _read_robots(visits: Visits) -> Protego:
    """Return the rules; as the standard has it, none where there is no file, all where it fails."""
    try:
        reply = await visits.ask(visits.site.join("/robots.txt"), _MAX_ROBOTS_BYTES)
    except PageError as error:
        raise SiteError(f"its robots.txt cannot be read: {error}") from error
    if reply.status >= 500 or reply.status == 429:
        raise SiteError(f"its robots.txt cannot be read (status {reply.status}): try again later")
    return Protego.parse(decoded(reply.content, None))


def _keeps_out(header: str) -> bool:
    """Say whether it has a `noindex` that is for us, or for all: not `googlebot: noindex`."""
    whom = "*"
    for piece in header.lower().split(","):
        name, colon, rest = map(str.strip, piece.partition(":"))
        if colon and name not in _WITH_VALUES:
            whom, piece = name, rest
        if whom in (AGENT, "*") and is_noindex(piece):
            return True
    return False


async def _document(reply: Reply) -> Document:
    told = reply.headers.get("Content-Type", "text/html").partition(";")[0].strip().lower()
    name = readable_name(unquote(reply.url.path).rstrip("/").rpartition("/")[2]) or reply.url.host
    try:
        if told in _HTML:
            return await read_apart(
                read_page, _fitting(reply, ".html"), _charset(reply), str(reply.url), name
            )
        if (kind := _KINDS.get(told)) is None:
            raise Unwanted(f"it is {told[:80]}, no text")
        return await read_apart(read_content, _fitting(reply, kind), kind, name)
    except NotToBeFound as error:
        raise Unwanted(str(error)) from error


def _fitting(reply: Reply, kind: str) -> bytes:
    most = max_bytes(kind)
    if len(reply.content) > most:
        raise PageError(f"it is larger than {most // 1_000_000} MB")
    return reply.content


def _charset(reply: Reply) -> str | None:
    _, named, charset = reply.headers.get("Content-Type", "").lower().partition("charset=")
    return charset.partition(";")[0].strip("\"' ") if named else None
