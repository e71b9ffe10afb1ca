"""`romashka send`: one message, and if wanted its answer."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from romashka._cli.client import (
    HANDED_OVER,
    NOT_ANSWERED,
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
from romashka._cli.problems import CommandError
from romashka._cli.tail import line_of
from romashka._terminal import say

if TYPE_CHECKING:
    from romashka import AsyncRomashka, Conversation, Message


def send(
    text: Annotated[str, typer.Argument(help="What to say; - reads it from standard input.")],
    conversation: Annotated[
        str | None, typer.Option("--conversation", help="The id of the conversation.")
    ] = None,
    customer: Annotated[
        str | None,
        typer.Option("--customer", help="Or the customer: an address, a number, any id."),
    ] = None,
    as_agent: Annotated[bool, typer.Option("--as-agent", help="Say it as an agent.")] = False,
    wait: Annotated[
        float | None, typer.Option(min=0, help="Wait so many seconds for the answer.")
    ] = None,
    as_json: Json = False,
    url: Url = None,
    key: StaffKey = None,
    email: Email = None,
) -> None:
    """Write a message. With --wait, exit code 3: a human has it, or will; 4: no answer in time."""
    if (conversation is None) == (customer is None):
        raise typer.BadParameter("give one of --conversation and --customer")
    if as_agent and wait is not None:
        raise typer.BadParameter("nothing answers an agent: leave out --wait")
    text = sys.stdin.read().strip() if text == "-" else text
    if not text.strip():
        raise CommandError("there is nothing to say: the message is empty")
    project = Project(url, key, email)
    run(_send(project, text, conversation, customer, wait, as_agent=as_agent, as_json=as_json))


async def _send(
    project: Project,
    text: str,
    conversation_id: str | None,
    customer: str | None,
    wait: float | None,
    *,
    as_agent: bool,
    as_json: bool,
) -> int:
    async with opened_as_staff(project) as client:
        conversation = await _conversation(client, conversation_id, customer)
        if wait is not None:
            return await _ask(conversation, text, wait, as_json=as_json)
        message = await conversation.send(text, sender_type="agent" if as_agent else "user")
        _print(message, as_json=as_json)
    return 0


async def _conversation(
    client: "AsyncRomashka", conversation_id: str | None, customer: str | None
) -> "Conversation":
    if conversation_id is not None:
        return await client.conversations.get(conversation_id)
    return await client.conversations.create(customer or "")


async def _ask(conversation: "Conversation", text: str, seconds: float, *, as_json: bool) -> int:
    from romashka import HumanHasIt, NoAnswer, NoAnswerNeeded

    try:
        answer = await conversation.ask(text, timeout_seconds=seconds)
    except NoAnswerNeeded as error:
        say(f"romashka: {error}", to_errors=True)
        return 0
    except HumanHasIt as error:
        say(f"romashka: {error}", to_errors=True)
        return HANDED_OVER
    except NoAnswer as error:
        say(f"romashka: {error}", to_errors=True)
        return NOT_ANSWERED
    _print(answer, as_json=as_json)
    return HANDED_OVER if answer.kind == "handover" else 0


def _print(message: "Message", *, as_json: bool) -> None:
    if as_json:
        print_json("message.created", message=message_json(message))
    else:
        say(line_of(message))
