"""HTML as sections: what a page is about, as Markdown."""

import re
from collections.abc import Iterator

from bs4 import BeautifulSoup, Comment, Tag
from markdownify import ATX, MarkdownConverter

from romashka._documents import Document, DocumentError
from romashka._documents.headings import Heading, sections_of

_MAX_DEPTH = 120  # the converter calls itself three times for each
_MAX_TOO_DEEP = 1_000  # to take one away takes the longer the more there are
_MAX_NUMBERED = 1_000  # it counts all that stand above an item
_NEVER_SHOWN = (
    "head, script, style, noscript, template, iframe, svg, object, datalist, nav, [role=navigation]"
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CONTROLS = "input, select, textarea, button, option"
_HEADINGS = "h1, h2, h3, h4, h5, h6"
_OF_THE_PAGE = "header, footer, aside, [role=banner], [role=contentinfo], [role=complementary]"
_SECTIONING = ("main", "article", "section")
_MARK = "\ue000"  # begins a heading's line; of the page itself it is removed
_HEADING = re.compile(rf"^{_MARK}(\d) (.*)$", re.MULTILINE)
_PERMALINK = re.compile(r"\s*[\u00b6#\U0001f517]\s*$")


class _Converter(MarkdownConverter):
    """Writes what a reader reads: nothing is escaped, a picture is its description."""

    def escape(self, text: str, parent_tags: set[str]) -> str:
        return text.replace("\xa0", " ")

    def convert_hN(self, n: int, el: Tag, text: str, parent_tags: set[str]) -> str:
        if parent_tags & {"_inline", "li", "blockquote", "dd", "dt", "td", "th", "pre", "a"}:
            return f"\n\n{text.strip()}\n\n"
        title = _PERMALINK.sub("", " ".join(el.get_text().split()))
        return f"\n\n{_MARK}{n} {title}\n\n"

    def convert_a(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        href = str(el.get("href") or "")
        is_named = href.removeprefix("mailto:").removeprefix("tel:") == text.strip()
        if is_named or href.startswith(("#", "javascript:")):
            return text
        label = text.strip()
        return f"[{label}]({href})" if label and href else text

    def convert_img(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return str(el.get("alt") or "")

    def convert_div(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return f" {text.strip()} " if "_inline" in parent_tags else f"\n\n{text.strip()}\n\n"

    convert_summary = convert_details = convert_header = convert_footer = convert_aside = (
        convert_div
    )
    convert_main = convert_form = convert_figure = convert_address = convert_fieldset = convert_div


def read_html(text: str, name: str) -> Document:
    """Return the sections of a page; `name` is its title if it has none."""
    page = BeautifulSoup(text.replace(_MARK, ""), "html.parser")
    language = str(page.html.get("lang") or "") if page.html else ""
    title = " ".join(page.title.get_text().split()) if page.title else ""
    for element in page.select(_NEVER_SHOWN):
        element.extract()
    body = page.body or page
    shown = body.get_text(" ")
    _remove_hidden(body)
    _make_shallow(body)
    parts = (part for root in _roots(body) for part in _parts(root))
    return Document(sections_of(parts, title or name, language or None), shown)


def _remove_hidden(body: Tag) -> None:
    for comment in body.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    for element in body.select("[hidden], [style]"):
        is_hidden = element.has_attr("hidden") and element.get("hidden") != "until-found"
        if is_hidden or _HIDDEN.search(str(element.get("style") or "")):
            element.extract()
    for control in body.select(_CONTROLS):
        if control.find_parent(re.compile(r"^(?:h[1-6]|summary|dt)$")) is None:
            control.extract()
    for form in body.select("form"):
        # Some servers wrap a whole page in one.
        if not form.select_one(f"{_HEADINGS}, main, article"):
            form.extract()


def _make_shallow(body: Tag) -> None:
    """Take elements away that are too deep, not what is in them: mail programs nest endlessly."""
    depths = {id(body): 0}
    too_deep = 0
    for element in list(body.find_all(True)):
        parent = element.parent
        depth = depths.get(id(parent), 0) + 1
        if depth > _MAX_DEPTH and element.name not in _HEADINGS.split(", "):
            too_deep += 1
            if too_deep > _MAX_TOO_DEEP:
                raise DocumentError("it is nested too deeply; end its elements")
            element.insert_before("\n")
            element.insert_after("\n")
            element.unwrap()
            continue
        depths[id(element)] = depth
        if element.name == "ol" and len(element.contents) > _MAX_NUMBERED:
            element.name = "ul"


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
