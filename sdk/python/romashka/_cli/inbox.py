"""`romashka inbox`: the conversations as they change."""

import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from romashka._cli.client import (
    Email,
    Json,
    Project,
    StaffKey,
    Url,
    conversation_json,
    opened_as_staff,
    print_json,
    run,
)
from romashka._terminal import clean_line, open_console

if TYPE_CHECKING:
    from rich.table import Table

    from romashka import AsyncRomashka, ConversationDetails

_PIPE_WIDTH = 160


def inbox(
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many to show.")] = 20,
    needs_human: Annotated[
        bool, typer.Option("--needs-human", help="Only those that wait for a human, once.")
    ] = False,
    search: Annotated[
        str | None, typer.Option(help="Only those with this name or text, once.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print the list and end.")] = False,
    as_json: Json = False,
    url: Url = None,
    key: StaffKey = None,
    email: Email = None,
) -> None:
    """Show the newest conversations, and what changes; Ctrl-C ends it.

    A list in a pipe is printed once; with --json, each change is a line, without end.
    """
    project = Project(url, key, email)
    if once or needs_human or search or not (as_json or sys.stdout.isatty()):
        run(_list(project, limit, search, needs_human=needs_human, as_json=as_json))
    else:
        run(_follow(project, limit, as_json=as_json))


async def _list(
    project: Project, limit: int, search: str | None, *, needs_human: bool, as_json: bool
) -> None:
    async with opened_as_staff(project) as client:
        conversations = await client.conversations.list(
            requires_human=True if needs_human else None, search=search, limit=limit
        )
    if as_json:
        for conversation in conversations:
            print_json("conversation", conversation=conversation_json(conversation))
        return
    print_table(_table(conversations))


def print_table(table: "Table") -> None:
    """Print a list of conversations: in a pipe, so wide that no id is cut."""
    is_screen = sys.stdout.isatty() or "COLUMNS" in os.environ
    open_console(width=None if is_screen else _PIPE_WIDTH).print(table)


async def _follow(project: Project, limit: int, *, as_json: bool) -> None:
    from romashka import ConversationChanged, DeliveryFailed

    async with opened_as_staff(project) as client:
        if not as_json:
            await _show(client, limit)
        async for event in client.inbox.live(newest=limit):
            if isinstance(event, DeliveryFailed):
                print_json("delivery.failed", **asdict(event))
            elif isinstance(event, ConversationChanged):
                changed = conversation_json(event.conversation)
                print_json("conversation.changed", conversation=changed)


async def _show(client: "AsyncRomashka", limit: int) -> None:
    from rich.live import Live

    shown: dict[str, ConversationDetails] = {}
    with Live(_table(()), console=open_console(), screen=True, auto_refresh=False) as screen:
        async for event in client.inbox.events(newest=limit):
            shown[event.conversation.id] = event.conversation
            newest = sorted(shown.values(), key=lambda each: each.last_message_at, reverse=True)
            shown = {each.id: each for each in newest[:limit]}
            screen.update(_table(shown.values()), refresh=True)


def _table(conversations: "Iterable[ConversationDetails]") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, expand=True)
    table.add_column("with", no_wrap=True)
    table.add_column("at", no_wrap=True)
    table.add_column("customer", no_wrap=True, max_width=18)
    table.add_column("last message", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("id", no_wrap=True, min_width=36)
    for each in conversations:
        table.add_row(
            _holder(each),
            each.last_message_at.astimezone().strftime("%H:%M"),
            Text(clean_line(each.customer_name or "-")),  # Text: what customers write is no markup
            Text(clean_line(each.last_message or "")),
            each.id,
        )
    return table


def _holder(conversation: "ConversationDetails") -> str:
    if conversation.status in ("resolved", "closed"):
        return "[dim]done[/]"
    return "[yellow]human[/]" if conversation.requires_human else "AI"
