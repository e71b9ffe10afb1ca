"""What an import stores, whatever it reads, and what became of it."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from romashka import NotSignedIn, PermissionDenied, RomashkaError
from romashka._cli.client import print_json
from romashka._documents import Document, DocumentError, Section, language_code
from romashka._secrets import hide_secrets
from romashka._terminal import clean_line, say

if TYPE_CHECKING:
    from romashka_worker.language import LanguageDetector

    from romashka import AsyncRomashka

_COUNTS = ("added", "changed", "unchanged", "removed")
_DOCUMENTS = ("mammoth", "pypdfium2")
_NOT_A_WORD = re.compile(r"[^\w]+")


@dataclass(slots=True)
class Imported:
    """What became of the files and pages."""

    counts: Counter[str] = field(default_factory=Counter)
    letters: dict[str, dict[str, int]] = field(default_factory=dict)
    """How many `characters` each file has, and how many of them are `held` by its items."""
    losses: dict[str, str] = field(default_factory=dict)
    """What is not in the items, by the files that lose more than a little."""
    bad: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    """What of a website is not read, which is no error."""

    def add(self, source: str, document: Document, counts: Mapping[str, int]) -> None:
        """Count what became of a source."""
        self.counts.update({name: counts[name] for name in _COUNTS})
        self.letters[source] = {
            "characters": document.characters,
            "held": document.characters - document.lost,
        }
        lost = [document.left_out] if document.left_out else []
        if document.loses_much:
            lost.append(f"{document.lost} of its {document.characters} letters are in no item")
        if lost:
            self.losses[source] = "; ".join(lost)

    def total(self, name: str) -> int:
        """Return how many letters that are in all files."""
        return sum(letters[name] for letters in self.letters.values())


async def store(
    client: "AsyncRomashka", source: str, document: Document, language: str | None
) -> Mapping[str, int]:
    """Make the items of a source what its sections are; return how many of them changed."""
    rows = _rows(document.sections, language)
    counts = await client.call("import_knowledge", source=source, sections=rows)
    return dict(counts[0])


async def forget(client: "AsyncRomashka", source: str) -> int:
    """Remove the items of a source, and return how many those were."""
    counts = await client.call("import_knowledge", source=source, sections=[])
    return int(counts[0]["removed"])


def why_bad(error: Exception) -> str:
    """Return what is wrong with one source alone, in a line.

    Raises:
        RomashkaError: it is everybody's trouble.
    """
    if isinstance(error, PermissionDenied | NotSignedIn):
        raise error
    if isinstance(error, DocumentError | RomashkaError):
        return hide_secrets(str(error))
    if isinstance(error, ModuleNotFoundError) and error.name in _DOCUMENTS:
        return "what reads it is not installed; pip install 'romashka[documents]'"
    return f"it cannot be read ({type(error).__name__})"  # what a parser fails with


def _rows(sections: Sequence[Section], language: str | None) -> list[dict[str, Any]]:
    names = _names([section.title for section in sections])
    return [
        {
            "name": name,
            "title": section.title,
            "content": section.content,
            "language": language_code(language)
            or language_code(section.language)
            or _detected(section.content)
            or "en",
            "tags": list(section.tags),
        }
        for name, section in zip(names, sections, strict=True)
    ]


def _names(titles: Sequence[str]) -> list[str]:
    """Return what the sections are known by: each other than the rest, whatever they are called."""
    bare = [_NOT_A_WORD.sub("-", title.lower()).strip("-") for title in titles]
    taken = set(bare)
    seen: Counter[str] = Counter()
    names = []
    for name in bare:
        seen[name] += 1
        unique = name
        while seen[name] > 1 and unique in taken:
            unique = f"{name}-{seen[name]}"
            seen[name] += unique in taken
        taken.add(unique)
        names.append(unique)
    return names


def _detected(text: str) -> str | None:
    detector = _detector()
    return detector.detect(text) if detector else None


@cache
def _detector() -> "LanguageDetector | None":
    try:
        from romashka_worker.language import LanguageDetector
    except ModuleNotFoundError:
        return None
    return LanguageDetector()


async def imported_sources(client: "AsyncRomashka") -> set[str]:
    """Return what the items that were imported are from."""
    sources: set[str] = set()
    last = None
    while page := await client.knowledge.list(after=last, limit=500):
        sources |= {item.source_url.rpartition("#")[0] for item in page if item.source_url}
        last = page[-1]
    return sources


def report(imported: Imported, embedded: int | None, *, as_json: bool) -> None:
    """Print what became of all sources: numbers to the output, what is wrong to the errors."""
    for file, problem in (imported.bad | imported.losses | imported.skipped).items():
        say(clean_line(f"romashka: {file}: {problem}"), to_errors=True)
    counts = {name: imported.counts[name] for name in _COUNTS}
    if as_json:
        print_json(
            "knowledge.imported",
            **counts,
            characters=imported.total("characters"),
            held=imported.total("held"),
            files=imported.letters,
            embedded=embedded,
            losses=imported.losses,
            bad=imported.bad,
            skipped=imported.skipped,
        )
        return
    for file, letters in imported.letters.items():
        held = f"{letters['held']} of {letters['characters']} letters"
        say(clean_line(f"{file}: {held}"), to_errors=True)
    say(", ".join(f"{count} {name}" for name, count in counts.items()))
    held = f"{imported.total('held')} of {imported.total('characters')} letters"
    say(f"{held} are in the items.", to_errors=True)
    if embedded is None:
        say("A worker with embeddings will make the vectors.", to_errors=True)
