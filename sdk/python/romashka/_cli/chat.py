"""`romashka chat`: a customer in the terminal."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import typer

from romashka._cli.client import (
    HANDED_OVER,
    NOT_ANSWERED,
    AnonKey,
    Json,
    Project,
    Url,
    message_json,
    opened_as_customer,
    print_json,
    run,
)
from romashka._terminal import put

if TYPE_CHECKING:
    from romashka import Conversation, Message
    from romashka._events import Event

_ANSWER_SECONDS = 10.0
_WHO = {"ai": "Romashka", "agent": "Agent"}


def chat(
    name: Annotated[str, typer.Option(help="How the team sees you.")] = "romashka chat",
    as_json: Json = False,
    url: Url = None,
    key: AnonKey = None,
) -> None:
    """Write to the team as a customer, a line a message; Ctrl-D ends it.

    At the end of a pipe, exit code 3: a human has it, or will; 4: nobody answered in time.
    """
    run(_chat(Project(url, key), name, as_json=as_json))


async def _chat(project: Project, name: str, *, as_json: bool) -> int:
    async with opened_as_customer(project) as client:
        conversation = await client.conversations.create(name)
        screen = _Screen(as_json=as_json, is_interactive=sys.stdin.isatty() and not as_json)
        showing = asyncio.create_task(_show(conversation, screen))
        writing = asyncio.create_task(_write(conversation, screen))
        await asyncio.wait((showing, writing), return_when=asyncio.FIRST_COMPLETED)
        if showing.done():
            writing.cancel()
            showing.result()  # raises what ended it
        showing.cancel()
        return await writing


async def _show(conversation: "Conversation", screen: "_Screen") -> None:
    async with aclosing(conversation.live()) as events:
        async for event in events:
            screen.show(event)


async def _write(conversation: "Conversation", screen: "_Screen") -> int:
    from romashka._answers import is_with_human

    is_taken = False
    screen.prompt()
    async for line in _lines():
        if line:
            question = await conversation.send(line)
            screen.asked = question.position
            was_taken, is_taken = is_taken, await is_with_human(conversation._core, question)
            if is_taken and not was_taken and screen.is_interactive:
                put("(a human has the conversation, and answers here)\n")
        screen.prompt()
    if screen.is_interactive:
        return 0  # who leaves does not wait
    if is_taken:
        return HANDED_OVER
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            await screen.wait_for_answer()
    except TimeoutError:
        return NOT_ANSWERED
    return HANDED_OVER if screen.is_handed_over else 0


class _Screen:
    """What the customer sees: messages of the others, and replies while they are written."""

    def __init__(self, *, as_json: bool, is_interactive: bool) -> None:
        self.asked = 0
        """The position of the customer's newest message."""
        self.is_handed_over = False
        self._as_json = as_json
        self.is_interactive = is_interactive
        self._answered = 0
        self._changed = asyncio.Event()
        self._draft = ""

    def prompt(self) -> None:
        """Show that the customer may write."""
        if self.is_interactive:
            put("> ")

    def show(self, event: "Event") -> None:
        """Show what happened."""
        from romashka import MessageCreated, ReplyDelta, ReplySettled, ReplyStarted

        match event:
            case MessageCreated(message=message) if self._as_json:
                print_json("message.created", message=message_json(message))
                self._note(message)
            case MessageCreated(message=message) if message.sender_type != "user":
                self._finish(message)
                self._note(message)
            case ReplyDelta(text=text) if not self._as_json:
                self._put(
                    text if self._draft else f"{_WHO['ai']}: {text}", begins_line=not self._draft
                )
                self._draft += text
            case ReplyStarted() | ReplySettled(message_id=None) if self._draft:
                self._put(" …\n")  # another draft, or none, takes its place
                self._draft = ""

    async def wait_for_answer(self) -> None:
        """Wait until something came after the customer's newest message."""
        while self._answered < self.asked:
            self._changed.clear()
            await self._changed.wait()

    def _note(self, message: "Message") -> None:
        if message.sender_type != "user":
            self._answered = message.position
            self.is_handed_over = message.kind == "handover"
            self._changed.set()

    def _finish(self, message: "Message") -> None:
        """Show a message, after what is shown of it already."""
        if self._draft and message.content.startswith(self._draft):
            self._put(message.content[len(self._draft) :] + "\n")
        else:
            self._put("\n" * bool(self._draft), begins_line=not self._draft)
            self._put(f"{_WHO[message.sender_type]}: {message.content}\n")
        self._draft = ""
        self.prompt()

    def _put(self, text: str, *, begins_line: bool = False) -> None:
        put(text, begins_line=begins_line and self.is_interactive)


async def _lines() -> AsyncIterator[str]:
    """Yield the lines of standard input; its thread holds up nobody's end."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line.strip())
        loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line
