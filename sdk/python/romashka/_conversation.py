"""One conversation: read it, write, ask, follow it, and do with it what staff do."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal
from uuid import uuid4

from romashka._answers import stream_answer
from romashka._core import Core
from romashka._errors import Conflict, InvalidRequest, NoAnswer, NotFound
from romashka._events import Event, MessageCreated, follow
from romashka._explanation import Explanation
from romashka._listener import OnConnection, Page
from romashka._models import (
    Attachment,
    Choice,
    ConversationDetails,
    ConversationMetrics,
    Delivery,
    Message,
    Note,
    Priority,
    conversation_fields,
)
from romashka._presence import Presence, Role, present_in
from romashka._rows import fetch, fetch_all, fetch_up_to, repeated

_PAGE = 500
_NO_UUID = "22P02"


async def read_conversation(core: Core, conversation_id: str) -> Mapping[str, Any]:
    """Return the row of one conversation.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    query = core.supabase.table("conversations").select("*, turn").eq("id", conversation_id)
    try:
        found = await fetch(query)
    except InvalidRequest as error:
        if error.name != _NO_UUID:
            raise
        found = []
    if not found:
        raise NotFound(f"there is no conversation {conversation_id}", name="conversation_not_found")
    return found[0]


@dataclass(frozen=True, slots=True)
class Conversation(ConversationDetails):
    """One conversation, as it was when it was read, and what can be done with it."""

    _core: Core = field(repr=False, compare=False)

    @classmethod
    def from_row(cls, row: Mapping[str, Any], client: Core) -> "Conversation":
        """Parse a row of `conversations`."""
        return cls(**conversation_fields(row), _core=client)

    async def refresh(self) -> "Conversation":
        """Return the conversation as it is now.

        Example:
            now = await conversation.refresh()
        """
        return Conversation.from_row(await read_conversation(self._core, self.id), self._core)

    async def messages(
        self, *, limit: int | None = None, before: int | None = None
    ) -> list[Message]:
        """Return all messages so far, in order; or the newest `limit` of those before a position.

        Example:
            newest = await conversation.messages(limit=20)
            older = await conversation.messages(limit=20, before=newest[0].position)
        """
        if limit is None and before is None:
            return await self._all_messages()

        async def read(oldest: Message | None, count: int) -> list[Message]:
            older_than = oldest.position if oldest else before
            return [] if older_than == 1 else await self._read_before(older_than, count)

        return (await fetch_up_to(limit or _PAGE, read))[::-1]

    async def send(
        self,
        text: str,
        *,
        sender_type: Literal["user", "agent"] = "user",
        attachment: Attachment | None = None,
        message_id: str | None = None,
    ) -> Message:
        """Write a message, as the customer or (staff only) as an agent; return it as it was stored.

        A lost connection is tried again; the message is stored once.

        Args:
            message_id: a new UUID; what is sent again with it is the same message, also if the
                first answer got lost.

        Raises:
            TooLarge: the text is longer than the project allows.
            PermissionDenied: the conversation is somebody else's.

        Example:
            message = await conversation.send("My parcel has not arrived.")
        """
        more = _attached(attachment) if attachment else {}
        row = {"sender_type": sender_type, "content": text} | more
        return await self._write(row | ({"id": message_id} if message_id else {}))

    async def choose(self, message: Message, number: int) -> Message:
        """Choose what a question offers, as the customer: its `choices`, counted from 1.

        Returns the message as it was stored; its text is the choice's label. A lost connection is
        tried again; it is stored once. A choice that comes late, or a second one, changes nothing:
        its `choice.is_late` says so.

        Raises:
            InvalidRequest: the message does not offer that; nothing was sent.

        Example:
            answer = await conversation.ask("Can I send it back?")
            if answer.choices:
                print(answer.content)
                await conversation.choose(answer, 1)
        """
        choice = _offered(message, number, self.id)
        told = {"choice": {"message_id": message.id, "number": choice.number}}
        row = {"sender_type": "user", "content": choice.label, "metadata": told}
        return await self._write(row)

    async def ask(
        self, text: str, *, attachment: Attachment | None = None, timeout_seconds: float = 10.0
    ) -> Message:
        """Write a message and wait for the automatic answer to it: a reply or a hand-over.

        Raises:
            NoAnswer: none came in time.
            NoAnswerNeeded: none will come: "thanks!" needs none.
            HumanHasIt: none will come: a human has the conversation; `events` brings what they say.

        Example:
            answer = await conversation.ask("Which channels are supported?")
            print(answer.kind, answer.content)
        """
        events = self.stream(text, attachment=attachment, timeout_seconds=timeout_seconds)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, MessageCreated):
                    return event.message
        raise NoAnswer("the conversation ended")

    def stream(
        self, text: str, *, attachment: Attachment | None = None, timeout_seconds: float = 10.0
    ) -> AsyncGenerator[Event]:
        """Do what `ask` does, and yield the reply while it is written; its message comes last.

        Example:
            async for event in conversation.stream("What is Romashka?"):
                match event:
                    case ReplyDelta(text=piece):
                        print(piece, end="")
                    case MessageCreated(message=answer):
                        print(answer.content)
        """
        send = partial(self.send, text, attachment=attachment)
        return stream_answer(self._core, self._topic, send, self._read_after, timeout_seconds)

    async def events(
        self, after: int = 0, *, on_connection: OnConnection | None = None
    ) -> AsyncGenerator[MessageCreated]:
        """Yield each committed message after the position `after`, once and in order, without end.

        Lost connections are mended, and what was missed meanwhile is fetched; `on_connection` is
        told of them.

        Raises:
            PermissionDenied: the conversation is somebody else's.
            NotSignedIn: the session is over.

        Example:
            async for event in conversation.events():
                print(event.message.position, event.message.content)
                break
        """
        async with (
            self._core.topics.listen(self._topic, on_connection) as listener,
            aclosing(follow(listener, self._read_after, after)) as events,
        ):
            async for event in events:
                if isinstance(event, MessageCreated):
                    yield event

    async def live(
        self, after: int = 0, *, on_connection: OnConnection | None = None
    ) -> AsyncGenerator[Event]:
        """Yield what `events` yields, and in between what passes by.

        Replies that are being written, and messages that were delivered or read.

        Example:
            async for event in conversation.live(after=conversation.message_count - 1):
                if isinstance(event, MessageCreated):
                    break
        """
        async with (
            self._core.topics.listen(self._topic, on_connection) as listener,
            aclosing(follow(listener, self._read_after, after)) as events,
        ):
            async for event in events:
                yield event

    def presence(self, role: Role, name: str = "") -> AbstractAsyncContextManager[Presence]:
        """Be seen by the others who look at the conversation, and see them and who types.

        Example:
            async with conversation.presence("customer", "Ada") as presence:
                await presence.typing()
        """
        return present_in(self._core.topics, f"{self._topic}:typing", role, name)

    async def take_over(self) -> None:
        """Take it from the AI: nothing automatic follows. For staff.

        Raises:
            PermissionDenied: the caller is not staff.

        Example:
            await (await staff.conversations.get(conversation.id)).take_over()
        """
        await self._change("take_over_conversation")

    async def return_to_ai(self) -> None:
        """Let the AI answer the customer's next message. For staff.

        Example:
            await (await staff.conversations.get(conversation.id)).return_to_ai()
        """
        await self._change("return_conversation_to_ai")

    async def resolve(self) -> None:
        """Close it; the customer's next message opens it again. For staff.

        Example:
            await (await staff.conversations.get(conversation.id)).resolve()
        """
        await self._change("resolve_conversation")

    async def assign(self, agent_id: str | None) -> None:
        """Say whose it is, or nobody's; the AI goes on answering. For staff.

        Raises:
            InvalidRequest: the id is not an agent's.

        Example:
            await (await staff.conversations.get(conversation.id)).assign(None)
        """
        await self._change("assign_conversation", agent_id=agent_id)

    async def set_priority(self, priority: Priority) -> None:
        """Say how soon it is to be answered. For staff.

        Example:
            await (await staff.conversations.get(conversation.id)).set_priority("high")
        """
        await self._update({"priority": priority})

    async def tag(self, add: Sequence[str] = (), remove: Sequence[str] = ()) -> tuple[str, ...]:
        """Add tags, and remove others; return those that it has then. For staff.

        Two who tag at once lose nothing.

        Raises:
            InvalidRequest: a tag is empty, or longer than 100 characters.

        Example:
            work = await staff.conversations.get(conversation.id)
            await work.tag(["refund"])
            await work.tag(remove=["refund"])  # undone
        """
        tags = {"conversation_id": self.id, "add": [*add], "remove": [*remove]}
        return tuple(await repeated(lambda: self._core.call("tag_conversation", **tags)))

    async def reopen(self) -> None:
        """Open it again after it was resolved, with the AI. For staff.

        Example:
            work = await staff.conversations.get(conversation.id)
            await work.resolve()
            await work.reopen()
        """
        await self._update({"status": "active"})

    async def explain(self, message_id: str) -> Explanation:
        """Return why the AI wrote a message of it. For staff.

        Raises:
            NotFound: the AI wrote no such message.

        Example:
            answer = await conversation.ask("What is Romashka?")
            why = await (await staff.conversations.get(conversation.id)).explain(answer.id)
            print([(source.title, source.score) for source in why.sources])
        """
        told = await self._core.call("explain_ai_response", message_id=message_id)
        return Explanation.from_row(told)

    async def mark_read(self, up_to_position: int | None = None) -> None:
        """Say how far the caller's side has read; without a position, everything.

        Example:
            await conversation.mark_read()
        """
        await self._change("mark_conversation_read", up_to_position=up_to_position)

    async def rate(self, rating: float) -> None:
        """Say how content the customer is: 1 (bad) to 5 (good).

        Raises:
            InvalidRequest: the rating is not 1 to 5.

        Example:
            await conversation.rate(5)
        """
        await self._change("rate_conversation", rating=rating)

    async def leave_address(self, email: str | None) -> bool:
        """Have the team's answers mailed to an address, too; with None no more. For customers.

        Returns:
            Do mails go out? Where there is no mail channel, staff see the address.

        Raises:
            InvalidRequest: it is no address.
            RateLimited: too many addresses within an hour, or of this one within a day.

        Example:
            await conversation.leave_address("ada@example.com")
        """
        where = {"conversation_id": self.id, "email": email}
        return bool(await self._core.call("leave_address", **where))

    async def add_note(self, content: str) -> Note:
        """Tell the other agents something; customers never see it. For staff, not for a key.

        Example:
            await (await staff.conversations.get(conversation.id)).add_note("Knows us well.")
        """
        row = {"conversation_id": self.id, "content": content}
        stored = await fetch(self._core.supabase.table("conversation_notes").insert(row))
        return Note.from_row(stored[0])

    async def notes(self) -> list[Note]:
        """Return the notes, oldest first. For staff.

        Example:
            notes = await (await staff.conversations.get(conversation.id)).notes()
        """
        notes = partial(self._core.supabase.table, "conversation_notes")
        rows = await fetch_all(
            lambda: (
                notes().select("*").eq("conversation_id", self.id).order("created_at").order("id")
            )
        )
        return [Note.from_row(row) for row in rows]

    async def remove_note(self, note_id: str) -> None:
        """Remove a note of one's own; that there is none changes nothing. For staff.

        Example:
            work = await staff.conversations.get(conversation.id)
            await work.remove_note((await work.add_note("Knows us well.")).id)
        """
        notes = self._core.supabase.table("conversation_notes").delete()
        await fetch(notes.match({"conversation_id": self.id, "id": note_id}))

    async def deliveries(self) -> list[Delivery]:
        """Return its messages that go out by a channel, oldest first. For staff.

        Example:
            work = await staff.conversations.get(conversation.id)
            lost = [each.error for each in await work.deliveries() if each.status == "failed"]
        """
        deliveries = partial(self._core.supabase.table, "channel_deliveries")
        of_messages = {"conversation_id": self.id, "kind": "message"}
        rows = await fetch_all(
            lambda: deliveries().select("*").match(of_messages).order("position").order("id")
        )
        return [Delivery.from_row(row) for row in rows]

    async def metrics(self) -> ConversationMetrics:
        """Return the conversation in figures.

        Example:
            print((await conversation.metrics()).total_messages)
        """
        rows = await self._core.call(
            "get_conversation_performance_metrics", conversation_id=self.id
        )
        return ConversationMetrics.from_row(rows[0])

    @property
    def _topic(self) -> str:
        return f"conversation:{self.id}"

    async def _all_messages(self) -> list[Message]:
        messages: list[Message] = []
        while True:
            page = await self._read_after(messages[-1].position if messages else 0)
            messages += page.rows
            if page.is_last:
                return messages

    async def _read_before(self, position: int | None, count: int) -> list[Message]:
        query = self._core.supabase.table("messages").select("*").eq("conversation_id", self.id)
        if position is not None:
            query = query.lt("position", position)
        rows = await fetch(query.order("position", desc=True).limit(count))
        return [Message.from_row(row) for row in rows]

    async def _read_after(self, position: int) -> Page:
        query = self._core.supabase.table("messages").select("*")
        after = query.eq("conversation_id", self.id).gt("position", position)
        rows = await fetch(after.order("position").limit(_PAGE))
        return Page([Message.from_row(row) for row in rows], is_last=not rows)

    async def _write(self, columns: Mapping[str, Any]) -> Message:
        row = {"id": str(uuid4()), "conversation_id": self.id, **columns}
        return await repeated(lambda: self._store(row))

    async def _store(self, row: Mapping[str, Any]) -> Message:
        messages = self._core.supabase.table("messages")
        try:
            stored = await fetch(messages.insert(dict(row)))
        except Conflict:  # an earlier try, whose answer got lost
            same = {"id": row["id"], "conversation_id": self.id}
            stored = await fetch(messages.select("*").match(same))
            if not stored:
                raise  # the id is another message's
        return Message.from_row(stored[0])

    async def _update(self, columns: Mapping[str, Any]) -> None:
        conversations = partial(self._core.supabase.table, "conversations")
        if not await repeated(
            lambda: fetch(conversations().update(dict(columns)).eq("id", self.id))
        ):
            reason = f"there is no conversation {self.id} that you may change"
            raise NotFound(reason, name="conversation_not_found")

    async def _change(self, function: str, **arguments: Any) -> None:
        await repeated(lambda: self._core.call(function, conversation_id=self.id, **arguments))


def _offered(message: Message, number: int, conversation_id: str) -> Choice:
    """Return the choice of that number.

    Raises:
        InvalidRequest: there is none.
    """
    choices = message.choices
    if message.conversation_id != conversation_id:
        reason = "the message is of another conversation"
    elif not choices:
        reason = "the message is no question with choices"
    elif number in range(1, len(choices) + 1):
        return choices[int(number) - 1]
    else:
        reason = f"the message offers 1 to {len(choices)}, not {number!r}"
    raise InvalidRequest(f"unable to choose; {reason}", name="not_offered")


def _attached(attachment: Attachment) -> dict[str, Any]:
    kind = attachment.content_type.partition("/")[0]
    described = {name: getattr(attachment, name) for name in ("name", "content_type", "size")}
    return {
        "message_type": kind if kind in ("image", "audio", "video") else "document",
        "media_url": attachment.path,
        "metadata": {"attachment": described},
    }
