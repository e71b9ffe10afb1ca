"""`client.conversations`: open one, get one, list them page by page."""

from collections.abc import Sequence

from romashka._conversation import Conversation, read_conversation
from romashka._core import Core
from romashka._filters import Filters, narrowed
from romashka._models import ChannelType, ConversationDetails, Priority, Status
from romashka._rows import fetch, fetch_up_to


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
        status: Status | Sequence[Status] | None = None,
        priority: Priority | None = None,
        assigned_agent_id: str | None = None,
        unassigned: bool | None = None,
        requires_human: bool | None = None,
        tags: Sequence[str] | None = None,
        search: str | None = None,
        before: ConversationDetails | None = None,
        limit: int = 50,
    ) -> list[Conversation]:
        """Return a page of the conversations that the caller may see, the latest first.

        Args:
            status: one, or any of several.
            unassigned: those that are nobody's; with False, somebody's.
            tags: those that have all of these.
            search: in names, addresses, numbers and the last message, whatever the case.
            before: the last one of the page before this one.

        Example:
            waiting = await staff.conversations.list(requires_human=True, limit=20)
            older = await staff.conversations.list(before=waiting[-1]) if waiting else []
            free = await staff.conversations.list(status=["active", "escalated"], unassigned=True)
        """
        filters = Filters(
            channel_type=channel_type,
            status=status,
            priority=priority,
            assigned_agent_id=assigned_agent_id,
            unassigned=unassigned,
            requires_human=requires_human,
            tags=tags,
            search=search,
        )
        return await fetch_up_to(
            limit, lambda last, count: self._page(filters, last or before, count)
        )

    async def _page(
        self, filters: Filters, before: ConversationDetails | None, limit: int
    ) -> Sequence[Conversation]:
        query = narrowed(self._core.supabase.table("conversations").select("*, turn"), filters)
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
