"""Conversations: open them, write, ask, and follow what is said."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from romashka._errors import NoAnswer, NotFound, translated
from romashka._events import follow
from romashka._models import Message, MessageCreated

if TYPE_CHECKING:
    from romashka._client import AsyncRomashka

ChannelType = Literal["website", "whatsapp", "instagram", "email", "sms", "messenger"]
Status = Literal["active", "pending", "resolved", "escalated", "closed"]

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation, as it was when it was read, and what can be done with it."""

    id: str
    channel_type: ChannelType
    status: Status
    requires_human: bool
    language: str | None
    message_count: int
    created_at: datetime
    _client: "AsyncRomashka" = field(repr=False, compare=False)

    @classmethod
    def from_row(cls, row: Mapping[str, Any], client: "AsyncRomashka") -> "Conversation":
        """Parse a row of `conversations`."""
        return cls(
            id=row["id"],
            channel_type=row["channel_type"],
            status=row["status"],
            requires_human=bool(row["requires_human"]),
            language=row["language"],
            message_count=row["message_count"] or 0,
            created_at=datetime.fromisoformat(row["created_at"]),
            _client=client,
        )

    async def send(self, text: str) -> Message:
        """Write a message as the customer; return it as it was stored.

        Raises:
            TooLarge: the text is longer than the project allows.
            PermissionDenied: the conversation is somebody else's.
        """
        row = {"conversation_id": self.id, "sender_type": "user", "content": text}
        with translated():
            stored = await self._client.supabase.table("messages").insert(row).execute()
        return Message.from_row(_only(stored.data))

    async def ask(self, text: str, *, timeout_seconds: float = 10.0) -> Message:
        """Write a message and wait for the automatic answer to it: a reply or a hand-over.

        Raises:
            NoAnswer: none came in time; a human may have the conversation.
        """
        async with self._client.topics.listen(self._topic) as listener:
            question = await self.send(text)
            events = follow(listener, self._read_after, question.position)
            try:
                async with asyncio.timeout(timeout_seconds), aclosing(events):
                    return await self._answer_to(question, events)
            except TimeoutError as error:
                raise NoAnswer(f"nobody answered within {timeout_seconds:g} s") from error

    async def _answer_to(self, question: Message, events: AsyncIterator[MessageCreated]) -> Message:
        positions = {question.id: question.position}
        async for event in events:
            message = event.message
            positions[message.id] = message.position
            # After a hand-over nothing else comes by itself, whichever turn it was written for.
            if message.kind == "handover" or message.turn_id == question.id:
                return message
            if message.kind == "reply":
                newest = await self._newest_message_answered_by(message)
                if positions.get(newest, 0) >= question.position:
                    return message
        raise NoAnswer("the conversation was closed to us")

    async def _newest_message_answered_by(self, reply: Message) -> str:
        """Return the id of the last message that `reply` answers (a burst is one turn)."""
        jobs = self._client.supabase.table("ai_response_queue").select("message_id")
        with translated():
            answered = await jobs.eq("turn_id", reply.turn_id).eq("status", "completed").execute()
        return str(_only(answered.data)["message_id"])

    async def messages(self) -> list[Message]:
        """Return all messages so far, in order."""
        return [message async for message in self._read_after(0)]

    async def events(self, after: int = 0) -> AsyncGenerator[MessageCreated]:
        """Yield each committed message after the position `after`, once and in order, without end.

        Lost connections are mended, and what was missed meanwhile is fetched.

        Raises:
            PermissionDenied: the conversation is somebody else's.
        """
        async with self._client.topics.listen(self._topic) as listener:
            async for event in follow(listener, self._read_after, after):
                yield event

    @property
    def _topic(self) -> str:
        return f"conversation:{self.id}"

    async def _read_after(self, position: int) -> AsyncIterator[Message]:
        while True:
            query = self._client.supabase.table("messages").select("*")
            page = query.eq("conversation_id", self.id).gt("position", position)
            with translated():
                rows: list[Any] = (await page.order("position").limit(_PAGE).execute()).data
            for row in rows:
                yield Message.from_row(row)
            if len(rows) < _PAGE:
                return
            position = rows[-1]["position"]


class Conversations:
    """`client.conversations`."""

    def __init__(self, client: "AsyncRomashka") -> None:
        self._client = client

    async def create(
        self, identifier: str, channel_type: ChannelType = "website", message: str | None = None
    ) -> Conversation:
        """Open a conversation, or the one that the customer has open on this channel.

        Args:
            identifier: how the team knows the customer: an e-mail address, a phone number, any id.
            channel_type: where the customer writes.
            message: a first message to store.

        Raises:
            NotSignedIn: there is no session; sign in first, anonymously if need be.
        """
        conversation_id: str = await self._client.call(
            "create_conversation",
            customer_identifier=identifier,
            channel_type=channel_type,
            initial_message=message,
        )
        return await self.get(conversation_id)

    async def get(self, conversation_id: str) -> Conversation:
        """Return one conversation.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        query = self._client.supabase.table("conversations").select("*").eq("id", conversation_id)
        with translated():
            found = await query.execute()
        if not found.data:
            raise NotFound(
                f"there is no conversation {conversation_id}", name="conversation_not_found"
            )
        return Conversation.from_row(_only(found.data), self._client)

    async def list(
        self, *, status: Status | None = None, requires_human: bool | None = None, limit: int = 50
    ) -> list[Conversation]:
        """Return the conversations that the caller may see, the latest first."""
        query = self._client.supabase.table("conversations").select("*")
        if status is not None:
            query = query.eq("status", status)
        if requires_human is not None:
            query = query.is_("requires_human", requires_human)
        with translated():
            found = await query.order("last_message_at", desc=True).limit(limit).execute()
        rows: Any = found.data
        return [Conversation.from_row(row, self._client) for row in rows]


def _only(rows: Any) -> Mapping[str, Any]:
    """Return the one row of an answer (postgrest types its data as any JSON)."""
    row: Mapping[str, Any] = rows[0]
    return row
