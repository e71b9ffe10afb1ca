"""`romashka knowledge import`: files and pages become items, and the items vectors."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from romashka._cli.client import Project, opened_as_staff
from romashka._cli.knowledge_search import opened_embedder
from romashka._cli.knowledge_store import (
    Imported,
    forget,
    imported_sources,
    report,
    store,
    why_bad,
)
from romashka._cli.knowledge_website import import_website
from romashka._cli.problems import CommandError
from romashka._documents import BINARY, Document, find_documents, language_code, read_document
from romashka._documents.apart import read_apart
from romashka._terminal import open_console
from romashka._website.address import is_address

if TYPE_CHECKING:
    from rich.progress import Progress

    from romashka import AsyncRomashka


async def import_all(
    project: Project, places: Sequence[str], language: str | None, *, as_json: bool
) -> int:
    """Import files, folders and websites; return 1 if one could not be imported, else 0."""
    if language is not None and language_code(language) is None:
        raise CommandError("--language is no language's code; one is pt or pt-BR")
    addresses = [place for place in places if is_address(place)]
    paths = [Path(place) for place in places if not is_address(place)]
    files, bad = find_documents(paths)
    if bad and not files and not addresses:
        raise CommandError("; ".join(f"{path}: {problem}" for path, problem in bad.items()))
    imported = Imported(bad=bad)
    async with opened_as_staff(project) as client:
        with _progress() as progress:
            await _import_files(client, files, language, progress, imported)
            gone = await _remove_missing(client, [path for path in paths if path.is_dir()], files)
            imported.counts["removed"] += gone
            for address in dict.fromkeys(addresses):
                await import_website(client, address, language, progress, imported)
            embedded = await _embed(client, progress)
    report(imported, embedded, as_json=as_json)
    return 1 if imported.bad else 0


async def _import_files(
    client: "AsyncRomashka",
    files: Sequence[Path],
    language: str | None,
    progress: "Progress",
    imported: Imported,
) -> None:
    for file in progress.track(files, description="importing"):
        try:
            document = await _read(file)
            counts = await store(client, _source(file), document, language)
        except Exception as error:  # noqa: BLE001 -- one file's trouble is no other's
            imported.bad[str(file)] = why_bad(error)
        else:
            imported.add(str(file), document, counts)


async def _read(file: Path) -> Document:
    if file.suffix.lower() in BINARY:
        return await read_apart(read_document, file)
    return read_document(file)


def _source(file: Path) -> str:
    """Return what the items of a file are known by: its path from here; # ends it there."""
    absolute, here = file.resolve(), Path.cwd().resolve()
    path = absolute.relative_to(here) if absolute.is_relative_to(here) else absolute
    return path.as_posix().replace("#", "%23")


async def _remove_missing(
    client: "AsyncRomashka", folders: Sequence[Path], files: Sequence[Path]
) -> int:
    """Remove the items of files that are in the folders no more; return how many those were."""
    if not folders:
        return 0
    there = {_source(file) for file in files}
    removed = 0
    for source in await imported_sources(client) - there:
        if is_address(source):
            continue
        path = Path.cwd().resolve() / source.replace("%23", "#")
        if any(path.is_relative_to(folder.resolve()) for folder in folders):
            removed += await forget(client, source)
    return removed


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
