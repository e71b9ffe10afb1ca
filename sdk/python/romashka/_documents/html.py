"""HTML as sections: what a page is about, as Markdown."""

from bs4 import BeautifulSoup
from markdownify import ATX, MarkdownConverter

from romashka._documents import Section
from romashka._documents.markdown import read_markdown

_NOT_CONTENT = "script, style, noscript, template, nav, header, footer, aside, form, iframe, svg"


def read_html(text: str, name: str) -> list[Section]:
    """Return the sections of a page; `name` is its title if it has none."""
    page = BeautifulSoup(text, "html.parser")
    root = page.find("html")
    language = str(root.get("lang") or "") if root else ""
    title = page.title.get_text(" ", strip=True) if page.title else ""
    body = page.find("main") or page.find("article") or page.body or page
    for element in [*page.select("head"), *body.select(_NOT_CONTENT)]:
        element.decompose()
    markdown = MarkdownConverter(heading_style=ATX, strip=["img"]).convert_soup(body)
    return read_markdown(markdown, title or name, language[:10] or None)
