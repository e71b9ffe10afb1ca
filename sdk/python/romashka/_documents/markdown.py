"""Markdown as sections: one for each heading that has a text below it."""

import re
from collections.abc import Iterator
from itertools import pairwise

from markdown_it import MarkdownIt

from romashka._documents import MAX_TITLE, Section

# YAML between two lines of dashes; of it only plain `name: value` lines are looked at.
_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^(title|language|lang):\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE)

_QUESTION_MARKS = ("?", "\uff1f", "\u061f")  # Chinese and Japanese, Arabic


def read_markdown(text: str, name: str, language: str | None = None) -> list[Section]:
    """Return the sections; what stands above the first heading is called `name`."""
    if front_matter := _FRONT_MATTER.match(text):
        fields = {field.lower(): value for field, value in _FIELD.findall(front_matter[1])}
        text = text[front_matter.end() :]
        name = fields.get("title", name)
        language = fields.get("language") or fields.get("lang") or language
    return [
        Section(title[:MAX_TITLE], content, language) for title, content in _sections(text, name)
    ]


def _sections(text: str, name: str) -> Iterator[tuple[str, str]]:
    lines = text.splitlines()
    above: list[tuple[int, str]] = []
    title, begins = name, 0
    for level, heading, first, after in _headings(text):
        if content := "\n".join(lines[begins:first]).strip():
            yield title, content
        above = [outer for outer in above if outer[0] < level]
        title, begins = _title([outer for _, outer in above], heading or name), after
        above.append((level, heading))
    if content := "\n".join(lines[begins:]).strip():
        yield title, content


def _headings(text: str) -> Iterator[tuple[int, str, int, int]]:
    """Return each heading's level, its text, its first line and the line after it."""
    tokens = MarkdownIt().parse(text)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open" and opening.level == 0 and opening.map:
            plain = "".join(
                part.content
                for part in inline.children or ()
                if part.type in ("text", "code_inline")
            )
            first, after = opening.map
            yield int(opening.tag[1:]), plain.strip(), first, after


def _title(above: list[str], heading: str) -> str:
    """A question says by itself what it is about; other headings need those above them."""
    is_question = heading.endswith(_QUESTION_MARKS)
    return heading if is_question else ": ".join(filter(None, [*above, heading]))
