"""`romashka knowledge`: what the AI answers from."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from romashka._cli.client import Email, Json, Project, StaffKey, Url, opened_as_staff, print_json
from romashka._cli.client import run as run_command
from romashka._cli.problems import CommandError
from romashka._terminal import say, say_fields

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from romashka import AsyncRomashka, KnowledgeItem

app = typer.Typer(help="What the AI answers from.", no_args_is_help=True)

Language = Annotated[
    str | None, typer.Option("--language", help="A language's code, such as en or pt.")
]


@app.command()
def add(
    title: Annotated[str, typer.Argument(help="The question, or what the text is about.")],
    content: Annotated[str, typer.Argument(help="The text; - reads it from standard input.")],
    language: Language = "en",
    source_url: Annotated[
        str | None, typer.Option("--source-url", help="Where it can be read.")
    ] = None,
    url: Url = None,
    key: StaffKey = None,
    email: Email = None,
) -> None:
    """Add one item, and print its id."""
    text = sys.stdin.read().strip() if content == "-" else content
    run_command(_add(Project(url, key, email), title, text, language or "en", source_url))


async def _add(
    project: Project, title: str, content: str, language: str, source_url: str | None
) -> None:
    if not title.strip() or not content.strip():
        raise CommandError("an item has a title and a text")
    async with opened_as_staff(project) as client:
        item = await client.knowledge.add(title, content, language=language, source_url=source_url)
    say(item.id)


@app.command("import")
def import_files(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="PLACE...",
            help="Files (Markdown, HTML, CSV, text, PDF, DOCX), folders; https://... of a page, of"
            " a site's folder (it ends with a slash), or of a sitemap.",
        ),
    ],
    language: Language = None,
    as_json: Json = False,
    url: Url = None,
    key: StaffKey = None,
    email: Email = None,
) -> None:
    """Make items of the sections of files and pages; run again, change only what changed in them.

    Each is imported in whole or not at all: one that cannot be read is named, its items stay as
    they are, the others are imported, and the exit code is 1.
    """
    from romashka._cli.knowledge_import import import_all

    run_command(import_all(Project(url, key, email), places, language, as_json=as_json))


@app.command("list")
def list_items(
    language: Language = None,
    as_json: Json = False,
    url: Url = None,
    key: StaffKey = None,
    email: Email = None,
) -> None:
    """Print all items."""
    run_command(_list(Project(url, key, email), language, as_json=as_json))


async def _list(project: Project, language: str | None, *, as_json: bool) -> None:
    async with opened_as_staff(project) as client:
        async for item in _all_items(client, language):
            if as_json:
                print_json("knowledge.item", **asdict(item))
            else:
                state = "" if item.is_active else "inactive"
                fields = (item.id, item.language or "", state, item.title, item.source_url or "")
                say_fields(fields)


async def _all_items(
    client: "AsyncRomashka", language: str | None
) -> "AsyncIterator[KnowledgeItem]":
    last = None
    while page := await client.knowledge.list(language=language, after=last, limit=500):
        for item in page:
            yield item
        last = page[-1]


@app.command()
def search(
    question: Annotated[str, typer.Argument(help="What a customer might ask.")],
    language: Language = None,
    limit: Annotated[int, typer.Option(min=1, max=50, help="How many items.")] = 5,
    as_json: Json = False,
    url: Url = None,
    key: StaffKey = None,
    email: Email = None,
) -> None:
    """Print what the AI would find, best first, with its scores: in all, by meaning, by words."""
    from romashka._cli.knowledge_search import search_knowledge

    project = Project(url, key, email)
    run_command(search_knowledge(project, question, language, limit, as_json=as_json))


@app.command()
def remove(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As `list` prints them.")],
    url: Url = None,
    key: StaffKey = None,
    email: Email = None,
) -> None:
    """Remove items; to remove a file's, empty the file and import it, or import its folder."""
    run_command(_remove(Project(url, key, email), ids))


async def _remove(project: Project, ids: list[str]) -> None:
    async with opened_as_staff(project) as client:
        for item_id in ids:
            await client.knowledge.remove(item_id)
    say(f"{len(ids)} removed.")
