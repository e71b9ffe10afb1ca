"""The inbox as it changes: for each conversation its latest state, come what may."""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from romashka._colleagues import Colleagues, colleagues_in
from romashka._conversation import Conversation
from romashka._conversations import Conversations
from romashka._core import Core
from romashka._filters import Filters, given
from romashka._listener import Broadcast, OnConnection, Page, Resync, Signal
from romashka._models import Note
from romashka._reader import Reader
from romashka._rows import fetch
from romashka._search import SearchHit, SearchPage, SearchPlace

_PAGE = 500
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


@dataclass(frozen=True, slots=True)
class NoteCreated:
    """Staff wrote a note."""

    conversation_id: str
    note: Note


@dataclass(frozen=True, slots=True)
class NoteRemoved:
    """A note was removed by its author."""

    conversation_id: str
    note_id: str


InboxEvent = ConversationChanged | DeliveryFailed | NoteCreated | NoteRemoved


class Inbox:
    """`client.inbox`; for staff."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def counts(self, views: Mapping[str, Filters]) -> dict[str, int]:
        """Return how many conversations each view has, all in one call.

        Raises:
            InvalidRequest: a view has a filter that is none.

        Example:
            found = await staff.inbox.counts(
                {"waiting": {"requires_human": True}, "free": {"unassigned": True}}
            )
            print(found["waiting"], found["free"])
        """
        named = {name: given(filters) for name, filters in views.items()}
        counted: dict[str, int] = await self._core.call("count_conversations", views=named)
        return counted

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
        """Yield what `events` yields, and in between what passes by: failed deliveries, and notes.

        Example:
            async for event in staff.inbox.live():
                match event:
                    case DeliveryFailed(error=reason):
                        print(reason)
                    case ConversationChanged(conversation=changed):
                        print(changed.last_message)
                break
        """
        feed = _Feed(self._core, newest)
        async with self._core.topics.listen("inbox", on_connection) as listener:
            reader = Reader(listener, feed.read)
            try:
                async for signal in listener:
                    if isinstance(signal, Broadcast) and (passing := _passing(signal)):
                        yield passing
                    for conversation in feed.states_of(signal):
                        if feed.is_news(conversation):
                            yield ConversationChanged(conversation)
                    feed.go_on(reader, signal)
            finally:
                reader.close()

    def colleagues(self, name: str) -> AbstractAsyncContextManager[Colleagues]:
        """Be seen by the others of the team, and see where they look and what they write.

        Customers never hear of it.

        Example:
            async with staff.inbox.colleagues("Ada") as colleagues:
                await colleagues.look(conversation.id)
        """
        return colleagues_in(self._core.topics, name)

    async def search(
        self, query: str, *, after: SearchPlace | None = None, limit: int = 20
    ) -> SearchPage[Conversation]:
        """Find conversations by customers' names, addresses and numbers, and by what was said.

        By words, parts of words and "phrases in quotes", without regard to case and accents. Each
        comes once, with what matches.

        Args:
            after: `next` of the page before.

        Raises:
            PermissionDenied: the caller is not staff.
            InvalidRequest: more than 200 characters, or more than 100 hits.

        Example:
            page = await staff.inbox.search("parcel")
            for hit in page.hits:
                print([part.text for part in hit.excerpt if part.is_match])
        """
        found = await self._core.call(
            "search_conversations", query=query, after=after, max_results=limit
        )
        hits = [
            SearchHit.from_row(row, Conversation.from_row(row["conversation"], self._core))
            for row in found["hits"]
        ]
        return SearchPage(tuple(hits), found["next"])


def _passing(event: Broadcast) -> DeliveryFailed | NoteCreated | NoteRemoved | None:
    """Return what is told once and not read again; of another kind or version, nothing."""
    try:
        match event.event:
            case "delivery.failed":
                return _failure(event.payload)
            case "note.created":
                row = event.payload["note"]
                return NoteCreated(row["conversation_id"], Note.from_row(row))
            case "note.removed":
                return NoteRemoved(event.payload["conversation_id"], event.payload["note_id"])
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    return None


def _failure(payload: Mapping[str, Any]) -> DeliveryFailed:
    return DeliveryFailed(
        conversation_id=str(payload.get("conversation_id", "")),
        message_id=str(payload.get("message_id", "")),
        error_code=payload.get("error_code"),
        error=payload.get("error"),
    )


class _Feed:
    """What was shown, as far as it matters for what is shown next."""

    def __init__(self, core: Core, newest: int) -> None:
        self._core = core
        self._newest = newest
        self._shown: OrderedDict[str, datetime] = OrderedDict()
        self._latest: datetime | None = None
        self._cursor: tuple[str, str] | None = None
        """The change up to which the present pages have been read, and its conversation."""

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

    def states_of(self, signal: Signal) -> Iterator[Conversation]:
        """Yield the states that a signal brings."""
        if isinstance(signal, Page):
            yield from signal.rows
        elif isinstance(signal, Broadcast):
            many = signal.payload.get("conversations")
            for row in many or [signal.payload.get("conversation")]:
                try:
                    yield Conversation.from_row(row, self._core)
                except (AttributeError, KeyError, TypeError, ValueError):
                    pass  # of another kind or version: it is read in time

    def go_on(self, reader: Reader, signal: Signal) -> None:
        """Read what a signal calls for."""
        match signal:
            case Page():
                reader.taken(signal)
            case Resync():
                self._cursor = None
                reader.restart()
            case Broadcast("conversations.changed", payload) if (
                payload.get("conversations") is None
            ):
                reader.ask()  # too many for an event
            case Broadcast():
                pass
            case _:
                reader.ask()

    async def read(self) -> Page:
        """Read a page: of the newest at first; then of what changed since the latest of them."""
        if self._latest is None:
            newest = await Conversations(self._core).list(limit=self._newest)
            return Page(newest[::-1], is_last=True)
        at, last = self._cursor or ((self._latest - _OVERLAP).isoformat(), _NO_ID)
        conversations = self._core.supabase.table("conversations").select("*, turn")
        # Twice: the database begins to read where the first says, and the second is exact.
        query = conversations.gte("updated_at", at).or_(
            f'updated_at.gt."{at}",and(updated_at.eq."{at}",id.gt."{last}")'
        )
        rows = await fetch(query.order("updated_at").order("id").limit(_PAGE))
        is_last = not rows
        self._cursor = None if is_last else (rows[-1]["updated_at"], rows[-1]["id"])
        return Page([Conversation.from_row(row, self._core) for row in rows], is_last)
