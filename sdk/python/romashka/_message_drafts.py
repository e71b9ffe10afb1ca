"""`client.drafts`: what an agent has begun to write, on each of their devices."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from romashka._core import Core
from romashka._errors import NotSignedIn
from romashka._listener import Broadcast, OnConnection, Page, Resync, Signal
from romashka._reader import Reader
from romashka._rows import fetch_all, repeated

DraftMode = Literal["reply", "note"]
_Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class MessageDraft:
    """What an agent has begun to write in a conversation."""

    conversation_id: str
    mode: DraftMode
    content: str
    """Empty: it was sent, or removed."""
    revision: int
    """A later state of a draft has a higher one."""
    updated_at: datetime

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "MessageDraft":
        """Parse a row of `message_drafts`."""
        return cls(
            conversation_id=row["conversation_id"],
            mode=row["mode"],
            content=row["content"],
            revision=row["revision"],
            updated_at=datetime.fromisoformat(row["updated_at"]),
        )


class Drafts:
    """`client.drafts`; for staff, each of whom has their own."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def list(self) -> list[MessageDraft]:
        """Return all drafts of the caller's, the latest first.

        Example:
            begun = {draft.conversation_id for draft in await staff.drafts.list()}
        """
        drafts = self._core.supabase.table("message_drafts")
        rows = await fetch_all(lambda: drafts.select("*").order("revision", desc=True))
        return [MessageDraft.from_row(row) for row in rows]

    async def save(
        self, conversation_id: str, content: str, *, mode: DraftMode = "reply", revision: int = 0
    ) -> int:
        """Keep what is written so far, and return its revision; an empty text keeps none (0).

        It is removed by itself once the agent's message, or note, is there.

        Args:
            revision: of the state that this one follows; 0 where there is none.

        Raises:
            Conflict: another device wrote, sent or removed it since; nothing was changed.

        Example:
            revision = await staff.drafts.save(conversation.id, "Dear Ada,")
            await staff.drafts.save(conversation.id, "", revision=revision)
        """
        saved: int = await repeated(
            lambda: self._core.call(
                "save_draft",
                conversation_id=conversation_id,
                content=content,
                mode=mode,
                revision=revision,
            )
        )
        return saved

    async def events(
        self, *, on_connection: OnConnection | None = None
    ) -> AsyncGenerator[MessageDraft]:
        """Yield the drafts that there are, then each that changes, on whichever device.

        Of one that was sent or removed the content is empty. A state may be skipped, and a later
        one is never followed by an earlier one.

        Raises:
            NotSignedIn: nobody is signed in: a key alone has no drafts.
            PermissionDenied: the caller is not staff.

        Example:
            await staff.drafts.save(conversation.id, "Dear Ada,", mode="note")
            async for draft in staff.drafts.events():
                print(draft.conversation_id, draft.content)
                break
        """
        user_id = self._core._session.user_id
        if user_id is None:
            raise NotSignedIn("unable to listen; nobody is signed in", name="no_session")
        feed = _Feed(self)
        async with self._core.topics.listen(f"drafts:{user_id}", on_connection) as listener:
            reader = Reader(listener, feed.read)
            try:
                async for signal in listener:
                    for draft in feed.news_of(signal):
                        yield draft
                    match signal:
                        case Page():
                            reader.taken(signal)
                        case Resync():
                            reader.restart()
                        case Broadcast():
                            pass
                        case _:
                            reader.ask()
            finally:
                reader.close()


class _Feed:
    """Which state of each draft was shown last."""

    def __init__(self, drafts: Drafts) -> None:
        self._drafts = drafts
        self._shown: dict[_Place, MessageDraft] = {}

    async def read(self) -> Page:
        """Read all, and beside them what was known to be there before: that may be gone."""
        known = [draft for draft in self._shown.values() if draft.content]
        return Page([(known, await self._drafts.list())], is_last=True)

    def news_of(self, signal: Signal) -> Iterator[MessageDraft]:
        """Yield the states that a signal brings, if they are later than what was shown."""
        if isinstance(signal, Page):
            [(known, found)] = signal.rows
            there = {_place(draft) for draft in found}
            for draft in known:
                if _place(draft) not in there and self._shown[_place(draft)] is draft:
                    yield self._show(_without_content(draft))
            for draft in reversed(found):
                if self._is_news(draft):
                    yield self._show(draft)
        elif isinstance(signal, Broadcast):
            try:
                draft = MessageDraft.from_row(signal.payload["draft"])
            except (KeyError, TypeError, ValueError):
                return  # of another version: it is read in time
            if self._is_news(draft):
                yield self._show(draft)

    def _is_news(self, draft: MessageDraft) -> bool:
        shown = self._shown.get(_place(draft))
        return shown is None or draft.revision > shown.revision

    def _show(self, draft: MessageDraft) -> MessageDraft:
        self._shown[_place(draft)] = draft
        return draft


def _place(draft: MessageDraft) -> _Place:
    return draft.conversation_id, draft.mode


def _without_content(draft: MessageDraft) -> MessageDraft:
    return replace(draft, content="")
