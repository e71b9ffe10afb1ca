"""`client.conversations`: open one, get one, list them page by page."""

from collections.abc import Mapping, Sequence
from typing import Any

from romashka._conversation import Conversation, read_conversation
from romashka._core import Core
from romashka._models import ChannelType, ConversationDetails, Priority, Status
from romashka._rows import fetch, fetch_up_to

_SEARCHED = ("customer_name", "user_name", "user_email", "customer_phone", "last_message")


class Conversations:
    """`client.conversations`."""

    def __init__(self, core: Core) -> None:
        self._core = core

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

        Example:
            conversation = await client.conversations.create("visitor-17", message="Hello!")
        """
        conversation_id: str = await self._core.call(
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

        Example:
            same = await client.conversations.get(conversation.id)
        """
        row = await read_conversation(self._core, conversation_id)
        return Conversation.from_row(row, self._core)

    async def list(
        self,
        *,
        channel_type: ChannelType | None = None,
        status: Status | None = None,
        priority: Priority | None = None,
        assigned_agent_id: str | None = None,
        requires_human: bool | None = None,
        search: str | None = None,
        before: ConversationDetails | None = None,
        limit: int = 50,
    ) -> list[Conversation]:
        """Return a page of the conversations that the caller may see, the latest first.

        Args:
            search: in names, addresses, numbers and the last message, whatever the case.
            before: the last one of the page before this one.

        Example:
            waiting = await staff.conversations.list(requires_human=True, limit=20)
            older = await staff.conversations.list(before=waiting[-1]) if waiting else []
        """
        equal = {
            "channel_type": channel_type,
            "status": status,
            "priority": priority,
            "assigned_agent_id": assigned_agent_id,
            "requires_human": None if requires_human is None else str(requires_human).lower(),
        }
        wanted = {column: value for column, value in equal.items() if value is not None}
        return await fetch_up_to(
            limit, lambda last, count: self._page(wanted, search, last or before, count)
        )

    async def _page(
        self,
        wanted: Mapping[str, str],
        search: str | None,
        before: ConversationDetails | None,
        limit: int,
    ) -> Sequence[Conversation]:
        query: Any = self._core.supabase.table("conversations").select("*, turn")
        for column, value in wanted.items():
            query = query.eq(column, value)
        if search:
            query = query.or_(_matching(search))
        if before is not None:
            # Twice: the database begins to read where the first says, and the second is exact.
            query = query.lte("last_message_at", before.last_message_at.isoformat())
            query = query.or_(_older_than(before))
        latest_first = query.order("last_message_at", desc=True).order("id", desc=True)
        rows = await fetch(latest_first.limit(limit))
        return [Conversation.from_row(row, self._core) for row in rows]


def _older_than(conversation: ConversationDetails) -> str:
    at = conversation.last_message_at.isoformat()
    return f'last_message_at.lt."{at}",and(last_message_at.eq."{at}",id.lt."{conversation.id}")'


def _matching(text: str) -> str:
    """Return the filter that finds `text` anywhere in a searched column, its signs as they are."""
    for sign in ("\\", "%", "_"):
        text = text.replace(sign, f"\\{sign}")
    pattern = f"%{text}%".replace("\\", "\\\\").replace('"', '\\"').replace("*", "_")
    return ",".join(f'{column}.ilike."{pattern}"' for column in _SEARCHED)
