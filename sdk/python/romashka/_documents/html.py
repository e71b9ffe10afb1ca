"""HTML as sections: what a page is about, as Markdown."""

import re
from collections.abc import Iterator
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Tag
from bs4.element import PreformattedString
from markdownify import ATX, MarkdownConverter

from romashka._documents import Document, DocumentError
from romashka._documents.headings import Heading, sections_of

_MAX_DEPTH = 120  # the converter calls itself three times for each
_MAX_TOO_DEEP = 1_000  # to take one away takes the longer the more there are
_MAX_OPEN = 20_000
_TOO_DEEP = "it is nested too deeply; end its elements"
_MAX_NUMBERED = 1_000  # it counts all that stand above an item
_NEVER_SHOWN = (
    "head, script, style, noscript, template, iframe, svg, object, datalist, nav,"
    " [role=navigation], audio, video, canvas, annotation, annotation-xml"
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CONTROLS = "input, select, textarea, button, option"
_HEADINGS = "h1, h2, h3, h4, h5, h6"
_OF_THE_PAGE = (
    "header, footer, aside:not([role^=doc-]), [role=banner], [role=contentinfo],"
    " [role=complementary]"
)
_SECTIONING = ("main", "article", "section")
_MARK = "\ue000"  # begins a heading's line; of the page itself it is removed
_HEADING = re.compile(rf"^{_MARK}(\d) (.*)$", re.MULTILINE)
_NOT_READ = re.compile(r"<!--(?P<empty>-?>)?|<(?P<name>script|style)\b", re.IGNORECASE)
_COMMENT_END = re.compile("--!?>")
_VOID = "area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr"
_TAG = re.compile(rf"<(?P<end>/)?(?!(?:{_VOID})\b)[a-z][^<>]*(?<!/)>", re.IGNORECASE)
_SOFT_HYPHEN = re.compile("&(?:shy|#173|#xad);", re.IGNORECASE)
_PERMALINK = re.compile(r"\s*[\u00b6#\U0001f517]\s*$")


class _Converter(MarkdownConverter):
    """Writes what a reader reads: nothing is escaped, a picture is its description."""

    def escape(self, text: str, parent_tags: set[str]) -> str:
        return text.replace("\xa0", " ")

    def convert_hN(self, n: int, el: Tag, text: str, parent_tags: set[str]) -> str:
        if parent_tags & {"_inline", "li", "blockquote", "dd", "dt", "td", "th", "pre", "a"}:
            return f"\n\n{text.strip()}\n\n"
        for line_break in el.find_all("br"):
            line_break.replace_with(" ")
        title = _PERMALINK.sub("", " ".join(el.get_text().split()))
        return f"\n\n{_MARK}{n} {title}\n\n"

    def convert_a(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        href = str(el.get("href") or "")
        is_named = href.removeprefix("mailto:").removeprefix("tel:") == text.strip()
        if is_named or href.startswith(("#", "javascript:")):
            return text
        label = text.strip()
        return f"[{label}]({href})" if label and href else text

    def convert_table(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        if parent_tags & {"td", "th"}:  # a cell is one line
            return f" {' '.join(text.replace('|', ' ').replace('---', ' ').split())} "
        table: str = super().convert_table(el, text, parent_tags)  # type: ignore[misc]  # its stubs lack it
        return table

    def convert_img(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return str(el.get("alt") or "")

    def convert_div(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return f" {text.strip()} " if "_inline" in parent_tags else f"\n\n{text.strip()}\n\n"

    convert_summary = convert_details = convert_header = convert_footer = convert_aside = (
        convert_div
    )
    convert_main = convert_form = convert_figure = convert_address = convert_fieldset = convert_div


def read_html(text: str, name: str, address: str | None = None) -> Document:
    """Return the sections of a page; `name` is its title if it has none.

    Its links lead where they do at its address, if it has one.

    Raises:
        DocumentError: a comment does not end, or elements are nested too deeply.
    """
    if _has_open_comment(text):
        raise DocumentError("a comment in it does not end")
    if _never_ends(text):
        raise DocumentError(_TOO_DEEP)
    text = _SOFT_HYPHEN.sub("", text)
    page = BeautifulSoup(text.replace(_MARK, ""), "html.parser")
    language = str(page.html.get("lang") or "") if page.html else ""
    title = " ".join(page.title.get_text().split()) if page.title else ""
    if address is not None:
        _complete_links(page, address)
    for element in page.select(_NEVER_SHOWN):
        element.extract()
    body = page.body or page
    shown = body.get_text(" ")
    _remove_hidden(body)
    _name_headings(body)
    _make_shallow(body)
    parts = (part for root in _roots(body) for part in _parts(root))
    return Document(sections_of(parts, title or name, language or None), shown)


def _has_open_comment(text: str) -> bool:
    """Is all that follows it a comment? The parser takes it for text, and no browser does."""
    at = 0
    while begin := _NOT_READ.search(text, at):
        at = begin.end()
        if begin["name"]:
            end = re.compile(f"</{begin['name']}", re.IGNORECASE).search(text, at)
        elif begin["empty"]:
            continue
        else:
            end = _COMMENT_END.search(text, at)
        if end is None:
            return not begin["name"]
        at = end.end()
    return False


def _never_ends(text: str) -> bool:
    """Are so many elements open at a time that the parser would not come to their end?"""
    is_open = 0
    for tag in _TAG.finditer(text):
        is_open = max(0, is_open + (-1 if tag["end"] else 1))
        if is_open > _MAX_OPEN:
            return True
    return False


def _complete_links(page: Tag, address: str) -> None:
    base = page.select_one("base[href]")
    try:
        start = urljoin(address, str(base["href"])) if base else address
    except ValueError:
        start = address
    for link in page.select("a[href]"):
        href = str(link["href"])
        try:
            link["href"] = href if href.startswith("#") else urljoin(start, href)
        except ValueError:  # such as http://[
            del link["href"]


def _remove_hidden(body: Tag) -> None:
    for instruction in body.find_all(string=lambda text: isinstance(text, PreformattedString)):
        instruction.extract()  # comments, and what is for a server or for one browser
    for element in body.select("[hidden], [style], dialog:not([open])"):
        is_hidden = element.name == "dialog" or (
            element.has_attr("hidden") and element.get("hidden") != "until-found"
        )
        if is_hidden or _HIDDEN.search(str(element.get("style") or "")):
            element.extract()
    for control in body.select(_CONTROLS):
        if control.find_parent(re.compile(r"^(?:h[1-6]|summary|dt)$")) is None:
            control.extract()
    for form in body.select("form"):
        # Some servers wrap a whole page in one.
        if not form.select_one(f"{_HEADINGS}, main, article"):
            form.extract()


def _name_headings(body: Tag) -> None:
    for element in body.select("[role=heading]"):
        level = str(element.get("aria-level") or "2")
        if element.name not in _HEADINGS.split(", "):
            element.name = f"h{level if re.fullmatch('[1-6]', level) else 6}"


def _make_shallow(body: Tag) -> None:
    """Take elements away that are too deep, not what is in them: mail programs nest endlessly."""
    depths = {id(body): 0}
    too_deep = []
    for element in body.find_all(True):
        depth = depths[id(element)] = depths.get(id(element.parent), 0) + 1
        if depth > _MAX_DEPTH and element.name not in _HEADINGS.split(", "):
            too_deep.append(element)
        elif element.name == "ol" and len(element.contents) > _MAX_NUMBERED:
            element.name = "ul"
    if len(too_deep) > _MAX_TOO_DEEP:
        raise DocumentError(_TOO_DEEP)
    for element in too_deep:
        element.insert_before("\n")
        element.insert_after("\n")
        element.unwrap()


def _roots(body: Tag) -> list[Tag]:
    """Return its mains, else what has its articles in it and their heading, else its body."""
    mains = [one for one in body.select("main, [role=main]") if one.get_text(strip=True)]
    if mains:
        return [one for one in mains if not any(outer in mains for outer in one.parents)]
    for edge in body.select(_OF_THE_PAGE):
        if edge.find_parent(_SECTIONING) is None and not edge.select_one("h1"):
            edge.extract()
    articles = [one for one in body.select("article") if one.get_text(strip=True)]
    return [_around([*articles, *body.select("h1")]) if articles else body]


def _around(elements: list[Tag]) -> Tag:
    around = elements[0]
    while not all(around is one or around in one.parents for one in elements):
        around = around.parent or around
    return around


def _parts(root: Tag) -> Iterator[Heading | str]:
    markdown = _Converter(heading_style=ATX, bullets="-").convert_soup(root)
    text, *rest = _HEADING.split(markdown)
    yield text
    for place in range(0, len(rest), 3):
        yield Heading(int(rest[place]), rest[place + 1])
        yield rest[place + 2]


def text_of(html: str) -> str:
    """Return a piece of HTML, such as a cell that a helpdesk has exported, as it is read."""
    piece = BeautifulSoup(html.replace(_MARK, ""), "html.parser")
    for element in piece.select("script, style, template"):
        element.extract()
    _remove_hidden(piece)
    _make_shallow(piece)
    text = _Converter(heading_style=ATX, bullets="-").convert_soup(piece)
    return _HEADING.sub(r"\2", text).strip()
