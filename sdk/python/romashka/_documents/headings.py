"""Sections by headings: what a heading is called, and what stands below it."""

from collections.abc import Iterable
from dataclasses import dataclass

from romashka._documents import MAX_TITLE, Section

_QUESTION_MARKS = ("?", "\uff1f", "\u061f")  # Chinese and Japanese, Arabic


@dataclass(frozen=True, slots=True)
class Heading:
    """Begins a section; the higher its level, the deeper it stands."""

    level: int
    text: str


def sections_of(
    parts: Iterable[Heading | str], name: str, language: str | None = None
) -> list[Section]:
    """Return a section for each heading with a text; `name` is what stands above the first."""
    sections: list[Section] = []
    above: list[Heading] = []
    title = name
    for part in parts:
        if isinstance(part, Heading):
            above = [outer for outer in above if outer.level < part.level]
            title = _title([outer.text for outer in above], part.text or name)
            above.append(part)
        elif content := part.strip():
            sections.append(_section(title, content, language))
    return sections


def _title(above: list[str], heading: str) -> str:
    """A question says by itself what it is about; other headings need those above them."""
    is_question = heading.endswith(_QUESTION_MARKS)
    return heading if is_question else ": ".join(filter(None, [*above, heading]))


def _section(title: str, content: str, language: str | None) -> Section:
    """What a title has no room for is read in the text."""
    if len(title) > MAX_TITLE:
        return Section(title[:MAX_TITLE], f"{title}\n\n{content}", language)
    return Section(title, content, language)
