"""`romashka knowledge import`: files become items, and the items vectors."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from romashka._cli.client import Project, opened_as_staff, print_json
from romashka._cli.knowledge_search import opened_embedder
from romashka._cli.problems import CommandError
from romashka._documents import DocumentError, Section, find_documents, read_document
from romashka._terminal import clean_line, open_console, say

if TYPE_CHECKING:
    from rich.progress import Progress
    from romashka_worker.language import LanguageDetector

    from romashka import AsyncRomashka

_COUNTS = ("added", "changed", "unchanged", "removed")
_NOT_A_WORD = re.compile(r"[^\w]+")


async def import_paths(
    project: Project, paths: Sequence[Path], language: str | None, *, as_json: bool
) -> int:
    """Import files and folders; return 1 if a file could not be read, else 0."""
    try:
        files = find_documents(paths)
    except DocumentError as error:
        raise CommandError(str(error)) from error
    async with opened_as_staff(project) as client:
        with _progress() as progress:
            totals, bad = await _import_files(client, files, language, progress)
            gone = await _remove_missing(client, [path for path in paths if path.is_dir()], files)
            totals["removed"] += gone
            embedded = await _embed(client, progress)
    _report(totals, bad, embedded, as_json=as_json)
    return 1 if bad else 0


async def _import_files(
    client: "AsyncRomashka", files: Sequence[Path], language: str | None, progress: "Progress"
) -> tuple[Counter[str], dict[str, str]]:
    totals: Counter[str] = Counter()
    bad: dict[str, str] = {}
    for file in progress.track(files, description="importing"):
        try:
            sections = read_document(file)
        except DocumentError as error:
            bad[str(file)] = str(error)
            continue
        counts = await client.call(
            "import_knowledge", source=_source(file), sections=_rows(sections, language)
        )
        totals.update({name: counts[0][name] for name in _COUNTS})
    return totals, bad


def _source(file: Path) -> str:
    """Return what the items of a file are known by: its path from here."""
    absolute, here = file.resolve(), Path.cwd().resolve()
    return (absolute.relative_to(here) if absolute.is_relative_to(here) else absolute).as_posix()


def _rows(sections: Sequence[Section], language: str | None) -> list[dict[str, Any]]:
    names: Counter[str] = Counter()
    rows = []
    for section in sections:
        name = _NOT_A_WORD.sub("-", section.title.lower()).strip("-")
        names[name] += 1
        rows.append(
            {
                "name": name if names[name] == 1 else f"{name}-{names[name]}",
                "title": section.title,
                "content": section.content,
                "language": language or section.language or _detected(section.content) or "en",
                "tags": list(section.tags),
            }
        )
    return rows


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
        path = Path.cwd().resolve() / source
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


def _report(
    totals: Counter[str], bad: dict[str, str], embedded: int | None, *, as_json: bool
) -> None:
    for file, problem in bad.items():
        say(clean_line(f"romashka: {file}: {problem}"), to_errors=True)
    counts = {name: totals[name] for name in _COUNTS}
    if as_json:
        print_json("knowledge.imported", **counts, embedded=embedded, bad=bad)
        return
    say(", ".join(f"{count} {name}" for name, count in counts.items()))
    if embedded is None:
        say("A worker with embeddings will make the vectors.", to_errors=True)
