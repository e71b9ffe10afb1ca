"""`romashka tail`: a conversation as it goes on."""

from typing import TYPE_CHECKING, Annotated

import typer

from romashka._cli.client import (
    Email,
    Json,
    Project,
    StaffKey,
    Url,
    message_json,
    opened_as_staff,
    print_json,
    run,
)
from romashka._terminal import clean, say

if TYPE_CHECKING:
    from romashka import Message

_WHO = {"user": "customer", "ai": "AI", "agent": "agent"}


def tail(
    conversation: Annotated[str, typer.Argument(help="Its id.")],
    after: Annotated[int, typer.Option(min=0, help="Start after this position.")] = 0,
    as_json: Json = False,
    url: Url = None,
    key: StaffKey = None,
    email: Email = None,
) -> None:
    """Print the messages of a conversation, those to come too; Ctrl-C ends it."""
    run(_tail(Project(url, key, email), conversation, after, as_json=as_json))


async def _tail(project: Project, conversation_id: str, after: int, *, as_json: bool) -> None:
    async with opened_as_staff(project) as client:
        conversation = await client.conversations.get(conversation_id)
        async for event in conversation.events(after):
            if as_json:
                print_json("message.created", message=message_json(event.message))
            else:
                say(line_of(event.message))


def line_of(message: "Message") -> str:
    """Return a message as a person reads it: when, who, what."""
    at = message.created_at.astimezone().strftime("%H:%M:%S")
    text = clean(message.content).replace("\n", "\n" + " " * 20)
    return f"{at}  {_WHO[message.sender_type]:<8}  {text}"
