"""A customer with the page open: writes, and notes when each message appears."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from romashka import AsyncRomashka, Conversation, Message

from tests.support.customers import customer_of, new_identifier
from tests.support.stacks import RunningStack
from tests.support.waiting import becomes


@dataclass(frozen=True, slots=True)
class Answer:
    """An automatic message as the customer saw it."""

    message: Message
    seconds: float
    """From the first message of its turn being sent to this one being seen."""


class Visitor:
    """What one customer did and saw."""

    def __init__(self, client: AsyncRomashka, conversation: Conversation) -> None:
        self.conversation = conversation
        self.sent: list[str] = []
        self.answers: list[Answer] = []
        self._client = client
        self._sent_at: dict[str, float] = {}

    async def say(self, text: str) -> Message:
        """Write a message."""
        sent_at = time.monotonic()
        message = await self.conversation.send(text)
        self._sent_at[message.id] = sent_at
        self.sent.append(text)
        return message

    async def look(self) -> None:
        """Note what appears, until cancelled."""
        async for event in self.conversation.events():
            seen_at, turn = time.monotonic(), event.message.turn_id
            if turn is not None:
                # An answer may be seen before the call that sent the question returns.
                await becomes(lambda turn=turn: turn in self._sent_at)
                self.answers.append(Answer(event.message, seen_at - self._sent_at[turn]))

    async def sees(self, count: int = 1) -> list[Answer]:
        """Wait for that many answers and return all."""
        await becomes(lambda: len(self.answers) >= count)
        return self.answers

    async def jobs(self) -> list[dict[str, Any]]:
        """Return the conversation's jobs in the order of their turns."""
        table = self._client.supabase.table("ai_response_queue").select("*")
        found = await table.eq("conversation_id", self.conversation.id).execute()
        rows: list[Any] = found.data
        return sorted(rows, key=lambda job: (job["turn_started_at"], job["created_at"]))

    async def answered_messages(self) -> list[str]:
        """Return the customer's messages that an answer was given to, in order."""
        jobs = [job for job in await self.jobs() if job["status"] == "completed"]
        return [line for job in jobs for line in job["user_message"].split("\n")]


@asynccontextmanager
async def visit(stack: RunningStack, url: str | None = None) -> AsyncIterator[Visitor]:
    """Give a new customer with a conversation."""
    async with customer_of(stack, url) as client:
        conversation = await client.conversations.create(new_identifier())
        visitor = Visitor(client, conversation)
        async with client.topics.listen(f"conversation:{conversation.id}") as listener:
            await becomes(lambda: listener.is_live)
            looking = asyncio.create_task(visitor.look())
            try:
                yield visitor
            finally:
                looking.cancel()
                with suppress(asyncio.CancelledError):
                    await looking
