"""`romashka knowledge import`: files become items, and the items vectors."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from romashka import NotSignedIn, PermissionDenied, RomashkaError
from romashka._cli.client import Project, opened_as_staff, print_json
from romashka._cli.knowledge_search import opened_embedder
from romashka._cli.problems import CommandError
from romashka._documents import (
    Document,
    DocumentError,
    Section,
    find_documents,
    language_code,
    read_document,
)
from romashka._secrets import hide_secrets
from romashka._terminal import clean_line, open_console, say

if TYPE_CHECKING:
    from rich.progress import Progress
    from romashka_worker.language import LanguageDetector

    from romashka import AsyncRomashka

_COUNTS = ("added", "changed", "unchanged", "removed")
_NOT_A_WORD = re.compile(r"[^\w]+")


@dataclass(slots=True)
class _Imported:
    """What became of the files."""

    counts: Counter[str] = field(default_factory=Counter)
    letters: dict[str, dict[str, int]] = field(default_factory=dict)
    """How many `characters` each file has, and how many of them are `held` by its items."""
    losses: dict[str, str] = field(default_factory=dict)
    """What is not in the items, by the files that lose more than a little."""
    bad: dict[str, str] = field(default_factory=dict)

    def add(self, file: Path, document: Document, counts: Mapping[str, int]) -> None:
        self.counts.update({name: counts[name] for name in _COUNTS})
        self.letters[str(file)] = {
            "characters": document.characters,
            "held": document.characters - document.lost,
        }
        if document.loses_much:
            letters = f"{document.lost} of its {document.characters} letters"
            self.losses[str(file)] = f"{letters} are in no item"

    def total(self, name: str) -> int:
        """Return how many letters that are in all files."""
        return sum(letters[name] for letters in self.letters.values())


async def import_paths(
    project: Project, paths: Sequence[Path], language: str | None, *, as_json: bool
) -> int:
    """Import files and folders; return 1 if a file could not be imported, else 0."""
    if language is not None and language_code(language) is None:
        raise CommandError("--language is no language's code; one is pt or pt-BR")
    files, bad = find_documents(paths)
    if bad and not files:
        raise CommandError("; ".join(f"{path}: {problem}" for path, problem in bad.items()))
    imported = _Imported(bad=bad)
    async with opened_as_staff(project) as client:
        with _progress() as progress:
            await _import_files(client, files, language, progress, imported)
            gone = await _remove_missing(client, [path for path in paths if path.is_dir()], files)
            imported.counts["removed"] += gone
            embedded = await _embed(client, progress)
    _report(imported, embedded, as_json=as_json)
    return 1 if imported.bad else 0


async def _import_files(
    client: "AsyncRomashka",
    files: Sequence[Path],
    language: str | None,
    progress: "Progress",
    imported: _Imported,
) -> None:
    for file in progress.track(files, description="importing"):
        try:
            document = read_document(file)
            counts = await client.call(
                "import_knowledge",
                source=_source(file),
                sections=_rows(document.sections, language),
            )
        except (PermissionDenied, NotSignedIn):
            raise  # it is everybody's trouble, no file's
        except (DocumentError, RomashkaError) as error:
            imported.bad[str(file)] = hide_secrets(str(error))
        except Exception as error:  # noqa: BLE001 -- what a parser fails with is that file's alone
            imported.bad[str(file)] = f"it cannot be read ({type(error).__name__})"
        else:
            imported.add(file, document, counts[0])


def _source(file: Path) -> str:
    """Return what the items of a file are known by: its path from here; # ends it there."""
    absolute, here = file.resolve(), Path.cwd().resolve()
    path = absolute.relative_to(here) if absolute.is_relative_to(here) else absolute
    return path.as_posix().replace("#", "%23")


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


async def _remove_missing(
    client: "AsyncRomashka", folders: Sequence[Path], files: Sequence[Path]
) -> int:
    """Remove the items of files that are in the folders no more; return how many those were."""
    if not folders:
        return 0
    there = {_source(file) for file in files}
    removed = 0
    for source in await _imported_sources(client) - there:
        path = Path.cwd().resolve() / source.replace("%23", "#")
        if any(path.is_relative_to(folder.resolve()) for folder in folders):
            counts = await client.call("import_knowledge", source=source, sections=[])
            removed += counts[0]["removed"]
    return removed


async def _imported_sources(client: "AsyncRomashka") -> set[str]:
    sources: set[str] = set()
    last = None
    while page := await client.knowledge.list(after=last, limit=500):
        sources |= {item.source_url.rpartition("#")[0] for item in page if item.source_url}
        last = page[-1]
    return sources


async def _embed(client: "AsyncRomashka", progress: "Progress") -> int | None:
    """Make the vectors that are missing, as a worker would; None where none can be made."""
    async with opened_embedder() as embedder:
        if embedder is None:
            return None
        from romashka_worker.indexer import Indexer

        indexer, embedded = Indexer(client, embedder), 0
        task = progress.add_task("embedding", total=None)
        while stored := await indexer.embed_some():
            embedded += stored
            progress.update(task, completed=embedded, description=f"embedding ({embedded})")
        return embedded


def _progress() -> "Progress":
    from rich.progress import Progress

    return Progress(console=open_console(stderr=True), transient=True)


def _report(imported: _Imported, embedded: int | None, *, as_json: bool) -> None:
    for file, problem in (imported.bad | imported.losses).items():
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
