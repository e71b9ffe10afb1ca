"""The inbox as it changes: for each conversation its latest state, come what may."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from romashka._conversation import Conversation
from romashka._errors import RomashkaError
from romashka._listener import Broadcast, OnConnection, Signal
from romashka._rows import fetch

if TYPE_CHECKING:
    from romashka._client import AsyncRomashka

_PAGE = 500
_RETRY_SECONDS = 0.5
_REMEMBERED = 10_000
_NO_ID = "00000000-0000-0000-0000-000000000000"
_OVERLAP = timedelta(seconds=60)
"""A change has its time from before it commits, by a statement's timeout (30 s) at most."""


@dataclass(frozen=True, slots=True)
class ConversationChanged:
    """A conversation is new, or something about it changed; this is its state."""

    conversation: Conversation


@dataclass(frozen=True, slots=True)
class DeliveryFailed:
    """A message did not reach its customer, and is tried no more."""

    conversation_id: str
    message_id: str
    error_code: str | None
    error: str | None


InboxEvent = ConversationChanged | DeliveryFailed


class Inbox:
    """`client.inbox`; for staff."""

    def __init__(self, client: "AsyncRomashka") -> None:
        self._client = client

    async def events(
        self, newest: int = 50, *, on_connection: OnConnection | None = None
    ) -> AsyncGenerator[ConversationChanged]:
        """Yield the newest conversations, the oldest of them first, then each one that changes.

        It converges to the latest state of each: states may be skipped, but a newer one is never
        followed by an older one.

        Raises:
            PermissionDenied: the caller is not staff.
            NotSignedIn: the session is over.

        Example:
            async for event in staff.inbox.events():
                print(event.conversation.customer_name, event.conversation.last_message)
                break
        """
        async with aclosing(self.live(newest, on_connection=on_connection)) as events:
            async for event in events:
                if isinstance(event, ConversationChanged):
                    yield event

    async def live(
        self, newest: int = 50, *, on_connection: OnConnection | None = None
    ) -> AsyncGenerator[InboxEvent]:
        """Yield what `events` yields, and in between what passes by: deliveries that failed.

        Example:
            async for event in staff.inbox.live():
                match event:
                    case DeliveryFailed(error=reason):
                        print(reason)
                    case ConversationChanged(conversation=changed):
                        print(changed.last_message)
                break
        """
        feed = _Feed(self._client, newest)
        async with self._client.topics.listen("inbox", on_connection) as listener:
            async for signal in listener:
                if isinstance(signal, Broadcast) and signal.event == "delivery.failed":
                    yield _failure(signal.payload)
                async for conversation in feed.states_after(signal):
                    if feed.is_news(conversation):
                        yield ConversationChanged(conversation)


def _failure(payload: Mapping[str, Any]) -> DeliveryFailed:
    return DeliveryFailed(
        conversation_id=str(payload.get("conversation_id", "")),
        message_id=str(payload.get("message_id", "")),
        error_code=payload.get("error_code"),
        error=payload.get("error"),
    )


class _Feed:
    """What was shown, as far as it matters for what is shown next."""

    def __init__(self, client: "AsyncRomashka", newest: int) -> None:
        self._client = client
        self._newest = newest
        self._shown: OrderedDict[str, datetime] = OrderedDict()
        self._latest: datetime | None = None

    def is_news(self, conversation: Conversation) -> bool:
        """Note a state that is about to be shown; False if it, or a later one, was."""
        changed_at = conversation.updated_at
        shown = self._shown.get(conversation.id)
        if shown is not None and changed_at <= shown:
            return False
        self._shown[conversation.id] = changed_at
        self._shown.move_to_end(conversation.id)
        if len(self._shown) > _REMEMBERED:
            self._shown.popitem(last=False)
        self._latest = max(self._latest or changed_at, changed_at)
        return True

    async def states_after(self, signal: Signal) -> AsyncIterator[Conversation]:
        """Yield the states that a signal tells of, or that have to be read because of it."""
        if isinstance(signal, Broadcast):
            try:
                yield Conversation.from_row(signal.payload["conversation"], self._client)
            except (KeyError, TypeError, ValueError):
                pass  # of another version: it is read in time
            return
        while True:
            try:
                latest = self._latest
                states = self._first() if latest is None else self._changed_since(latest)
                async for conversation in states:
                    yield conversation
                return
            except RomashkaError as error:
                if not error.retryable:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)

    async def _first(self) -> AsyncIterator[Conversation]:
        for conversation in reversed(await self._client.conversations.list(limit=self._newest)):
            yield conversation

    async def _changed_since(self, latest: datetime) -> AsyncIterator[Conversation]:
        """Read what changed since the latest state that was shown, and some of what was before."""
        at, last = (latest - _OVERLAP).isoformat(), _NO_ID
        while True:
            conversations = self._client.supabase.table("conversations").select("*")
            # Twice: the database begins to read where the first says, and the second is exact.
            query = conversations.gte("updated_at", at).or_(
                f'updated_at.gt."{at}",and(updated_at.eq."{at}",id.gt."{last}")'
            )
            rows = await fetch(query.order("updated_at").order("id").limit(_PAGE))
            for row in rows:
                yield Conversation.from_row(row, self._client)
            if len(rows) < _PAGE:
                return
            at, last = rows[-1]["updated_at"], rows[-1]["id"]
