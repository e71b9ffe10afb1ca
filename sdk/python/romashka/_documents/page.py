"""A page of a website as sections: in whatever encoding it is, and if it may be found."""

import codecs
import re

from bs4 import BeautifulSoup
from bs4.dammit import EncodingDetector

from romashka._documents import Document, DocumentError, checked, readable
from romashka._documents.html import read_html

_BOTH = ("robots", "romashka")
"""Whom what a page says of robots is for."""
_FEW_LETTERS = 30
_NOT_TEXT = ("utf-7", "utf_7", "idna", "punycode", "unicode_escape", "raw_unicode_escape")


class NotToBeFound(DocumentError):
    """A page wants no one to find it: `noindex`."""


def read_page(content: bytes, charset: str | None, address: str, name: str) -> Document:
    """Return what a page is read as; `charset` is what its server says.

    Raises:
        NotToBeFound: it says `noindex`.
        DocumentError: it has no text, or is none.
    """
    text = readable(decoded(content, charset))
    page = BeautifulSoup(text, "html.parser")
    if any(
        is_noindex(str(meta.get("content") or ""))
        for meta in page.select("meta[name][content]")
        if str(meta["name"]).lower() in _BOTH
    ):
        raise NotToBeFound("it says noindex")
    try:
        document = read_html(text, name, address)
    except RecursionError as error:
        raise DocumentError("it is nested too deeply") from error
    has_headings = page.select_one("h1, h2, h3, h4, h5, h6") is not None
    if document.characters < _FEW_LETTERS and page.script and not has_headings:
        raise DocumentError("its text is made by a script, and scripts are not run")
    if not document.characters:
        raise DocumentError("it has no text")
    return checked(document)


def is_noindex(directives: str) -> bool:
    """Say whether a list such as `noindex, nofollow` wants a page not to be found."""
    return bool({"noindex", "none"} & {one.strip() for one in directives.lower().split(",")})


def decoded(content: bytes, charset: str | None) -> str:
    """Return a text; what is UTF-8 is read as that, whatever is said of it.

    Bytes of another encoding are hardly ever UTF-8 too, while wrong names of encodings are common.
    """
    content, marked = EncodingDetector.strip_byte_order_mark(content)
    declared = EncodingDetector.find_declared_encoding(content, is_html=True)
    for encoding in (marked, "utf-8", charset, declared):
        if encoding and _is_encoding(encoding):
            try:
                return content.decode(encoding)
            except (UnicodeError, LookupError, ValueError):
                continue
    return content.decode("windows-1252", "replace")


def _is_encoding(name: str) -> bool:
    try:
        return re.fullmatch(r"[\w.:-]+", name) is not None and (
            codecs.lookup(name).name not in _NOT_TEXT
        )
    except LookupError:
        return False
