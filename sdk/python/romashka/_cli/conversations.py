"""`romashka conversations`: what the team does with them, for who has no inbox at hand."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from romashka._cli.client import (
    Email,
    Json,
    Project,
    StaffKey,
    Url,
    conversation_json,
    message_json,
    opened_as_staff,
    print_json,
    run,
)
from romashka._cli.inbox import print_table
from romashka._cli.problems import CommandError
from romashka._cli.tail import line_of
from romashka._terminal import clean, clean_line, say

if TYPE_CHECKING:
    from romashka import AsyncRomashka, Conversation

app = typer.Typer(
    help="What the team does: see what waits, answer, take over, return, resolve, assign, note.",
    no_args_is_help=True,
)

Id = Annotated[str, typer.Argument(metavar="ID", help="As `waiting` and `inbox` print it.")]
Text = Annotated[str, typer.Argument(help="What to say; - reads it from standard input.")]

_NOBODY = "nobody"


@app.command()
def waiting(
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many to show.")] = 50,
    as_json: Json = False,
    url: Url = None,
    key: StaffKey = None,
    email: Email = None,
) -> None:
    """Print the conversations that wait for a human, or that one has; the longest first."""
    run(_waiting(Project(url, key, email), limit, as_json=as_json))


@app.command()
def show(
    conversation: Id,
    as_json: Json = False,
    url: Url = None,
    key: StaffKey = None,
    email: Email = None,
) -> None:
    """Print who has a conversation, what was said, and what the team noted."""
    run(_show(Project(url, key, email), conversation, as_json=as_json))


@app.command("take-over")
def take_over(conversation: Id, url: Url = None, key: StaffKey = None, email: Email = None) -> None:
    """Take it from the AI: nothing automatic follows until it is returned or resolved."""
    _change(Project(url, key, email), conversation, lambda one: one.take_over(), "a human has it")


@app.command("return")
def return_to_ai(
    conversation: Id, url: Url = None, key: StaffKey = None, email: Email = None
) -> None:
    """Give it back to the AI, which answers what the customer has written meanwhile."""
    _change(Project(url, key, email), conversation, lambda one: one.return_to_ai(), "the AI has it")


@app.command()
def resolve(conversation: Id, url: Url = None, key: StaffKey = None, email: Email = None) -> None:
    """Close it; what the customer writes next opens it again, with the AI."""
    _change(Project(url, key, email), conversation, lambda one: one.resolve(), "it is resolved")


@app.command()
def assign(
    conversation: Id,
    agent: Annotated[
        str, typer.Argument(metavar="AGENT", help="An agent's address or id; or `nobody`.")
    ],
    url: Url = None,
    key: StaffKey = None,
    email: Email = None,
) -> None:
    """Say whose it is; the AI goes on answering."""
    run(_assign(Project(url, key, email), conversation, agent))


@app.command()
def note(
    conversation: Id,
    text: Text,
    url: Url = None,
    key: StaffKey = None,
    email: Email = None,
) -> None:
    """Tell the others of the team something; the customer never sees it."""
    said = _read(text)
    _change(Project(url, key, email), conversation, lambda one: one.add_note(said), "noted")


@app.command()
def reply(
    conversation: Id,
    text: Text,
    as_json: Json = False,
    url: Url = None,
    key: StaffKey = None,
    email: Email = None,
) -> None:
    """Answer the customer as an agent: a human has it from now on."""
    run(_reply(Project(url, key, email), conversation, _read(text), as_json=as_json))


def _read(text: str) -> str:
    said = sys.stdin.read().strip() if text == "-" else text
    if not said.strip():
        raise CommandError("there is nothing to say: the text is empty")
    return said


def _change(
    project: Project,
    conversation_id: str,
    change: Callable[["Conversation"], Awaitable[Any]],
    says: str,
) -> None:
    async def changed() -> None:
        async with opened_as_staff(project) as client:
            await change(await client.conversations.get(conversation_id))
        say(f"{conversation_id}: {says} now.")

    run(changed())


async def _waiting(project: Project, limit: int, *, as_json: bool) -> None:
    async with opened_as_staff(project) as client:
        found = await client.conversations.list(requires_human=True, limit=limit)
    found.sort(key=lambda one: one.last_message_at)
    if as_json:
        for one in found:
            print_json("conversation", conversation=conversation_json(one))
    elif found:
        _print_waiting(found)
    else:
        say("Nothing waits for a human.", to_errors=True)


def _print_waiting(conversations: Sequence["Conversation"]) -> None:
    from rich.table import Table
    from rich.text import Text as Plain

    table = Table(box=None, pad_edge=False)
    table.add_column("id", no_wrap=True, min_width=36)
    for name in ("since", "why", "customer"):
        table.add_column(name, no_wrap=True, min_width=11)
    table.add_column("last message", no_wrap=True, overflow="ellipsis", ratio=1)
    for one in conversations:
        table.add_row(
            one.id,
            one.last_message_at.astimezone().strftime("%m-%d %H:%M"),
            one.escalation_reason or "taken over",
            Plain(clean_line(one.customer_name or "-")),
            Plain(clean_line(one.last_message or "")),
        )
    print_table(table)


async def _show(project: Project, conversation_id: str, *, as_json: bool) -> None:
    async with opened_as_staff(project) as client:
        conversation = await client.conversations.get(conversation_id)
        messages, notes = await conversation.messages(), await conversation.notes()
    if as_json:
        print_json("conversation", conversation=conversation_json(conversation))
        for message in messages:
            print_json("message.created", message=message_json(message))
        for each in notes:
            print_json("note", id=each.id, content=each.content, created_at=each.created_at)
        return
    who = "a human" if conversation.requires_human else "the AI"
    why = f" ({conversation.escalation_reason})" if conversation.escalation_reason else ""
    customer = clean_line(conversation.customer_name or "a customer")
    say(f"{customer}, by {conversation.channel_type}, {conversation.status}: {who} has it{why}")
    for message in messages:
        say(line_of(message))
    for each in notes:
        at = each.created_at.astimezone().strftime("%H:%M:%S")
        say(f"{at}  note      {clean(each.content)}")


async def _assign(project: Project, conversation_id: str, agent: str) -> None:
    async with opened_as_staff(project) as client:
        conversation = await client.conversations.get(conversation_id)
        await conversation.assign(None if agent == _NOBODY else await _id_of(client, agent))
    say(f"{conversation_id}: it is {agent}'s now.")


async def _id_of(client: "AsyncRomashka", agent: str) -> str:
    """Return an agent's id.

    Raises:
        CommandError: nobody of the team has that address.
    """
    from romashka._rows import fetch

    if "@" not in agent:
        return agent
    staff = client.supabase.table("profiles").select("id").in_("role", ["agent", "admin"])
    pattern = agent.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "_")
    found = await fetch(staff.ilike("email", pattern).limit(1))
    if not found:
        raise CommandError(f"nobody of the team has the address {agent}; romashka staff list")
    return str(found[0]["id"])


async def _reply(project: Project, conversation_id: str, text: str, *, as_json: bool) -> None:
    async with opened_as_staff(project) as client:
        conversation = await client.conversations.get(conversation_id)
        message = await conversation.send(text, sender_type="agent")
    if as_json:
        print_json("message.created", message=message_json(message))
    else:
        say(line_of(message))
