"""An account on a channel, and a customer who has written to it: what deliveries start from."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from romashka import AsyncRomashka
from romashka_worker.channels import Delivery
from romashka_worker.channels.adapters import open_deliveries
from romashka_worker.channels.outbox import Result
from romashka_worker.channels.settings import ChannelSettings
from romashka_worker.loop import Loop

from tests.channels.graph import TOKEN, Accepted, Graph
from tests.channels.meta import CUSTOMER, new_id
from tests.support.customers import service_of
from tests.support.stacks import RunningStack
from tests.support.waiting import becomes


@dataclass(frozen=True, slots=True)
class Account:
    """One account of a team's; its token is in the database, so a worker serves no other one's."""

    service: AsyncRomashka
    stack: RunningStack
    channel_type: str
    id: str
    customer: str
    conversation_id: str
    channel_id: str

    async def write(self, content: str, **columns: Any) -> str:
        """Let an agent write to the customer; return the message's id."""
        row = {"conversation_id": self.conversation_id, "sender_type": "agent", "content": content}
        inserted = await self.service.supabase.table("messages").insert(row | columns).execute()
        return str(inserted.data[0]["id"])

    async def delivery(self, message_id: str, kind: str = "message") -> dict[str, Any]:
        """Return the delivery of a message."""
        return await self._row(
            "select * from public.channel_deliveries where message_id = %s and kind = %s",
            message_id,
            kind,
        )

    async def ends(self, message_id: str, kind: str = "message") -> dict[str, Any]:
        """Wait until a delivery has ended, and return it."""

        async def ended() -> dict[str, Any] | None:
            delivery = await self.delivery(message_id, kind)
            return delivery if delivery["settled_at"] else None

        return await becomes(ended)

    async def channel(self) -> dict[str, Any]:
        """Return the account as staff see it."""
        return await self._row(
            "select * from public.communication_channels where id = %s", self.channel_id
        )

    async def messages(self, sender_type: str) -> list[dict[str, Any]]:
        """Return what the customer, the AI or agents wrote."""
        found = self.service.supabase.table("messages").select("*").order("position")
        found = found.eq("conversation_id", self.conversation_id).eq("sender_type", sender_type)
        return (await found.execute()).data

    async def keep_receipt_open(self, message_id: str) -> None:
        """Let a receipt be due for longer than it is worth something: no slow machine misses it."""
        await self._row(
            "update public.channel_deliveries set expires_at = now() + interval '1 hour'"
            " where message_id = %s and kind = 'receipt' returning id",
            message_id,
        )

    async def let_time_pass(self, message_id: str) -> None:
        """Let the lease of a delivery run out, and what a channel has for telling."""
        await self._row(
            "update public.channel_deliveries set process_after = clock_timestamp()"
            " where message_id = %s and kind = 'message' returning id",
            message_id,
        )

    async def close(self) -> None:
        """Let nothing of it be sent any more, in whichever test."""
        await self._row(
            "update public.communication_channels set status = 'disabled'"
            " where id = %s returning id",
            self.channel_id,
        )

    async def _row(self, query: str, *values: str) -> dict[str, Any]:
        async with await psycopg.AsyncConnection.connect(
            self.stack.admin_url(), row_factory=dict_row
        ) as database:
            row = await (await database.execute(query.encode(), values)).fetchone()
        assert row is not None
        return row


@asynccontextmanager
async def open_account(
    stack: RunningStack, channel_type: str = "whatsapp", **message: Any
) -> AsyncIterator[Account]:
    """Make an account that a customer wrote to; a human has the conversation."""
    account, customer = new_id(), new_id() if channel_type == "instagram" else CUSTOMER
    asked = {
        "kind": "message",
        "account": account,
        "id": new_id("wamid."),
        "at": datetime.now(UTC).isoformat(),
        "customer": {"id": customer, "phone": f"+{CUSTOMER}"},
        "type": "text",
        "content": "Is it there?",
        "is_automatic": True,  # no turn: only a human answers
    }
    async with service_of(stack) as service:
        received = await service.call(
            "receive_channel_webhook",
            channel_type=channel_type,
            payload=str(uuid.uuid4()),
            events=[asked | message],
        )
        [result] = received["results"]
        assert result["outcome"] == "stored", result
        found = service.supabase.table("communication_channels").select("id")
        rows = (await found.eq("external_account_id", account).execute()).data
        channel_id = str(rows[0]["id"])
        await service.call(
            "set_channel_secret", channel_id=channel_id, name="access_token", value=TOKEN
        )
        conversation_id = result["conversation_id"]
        opened = Account(
            service, stack, channel_type, account, customer, conversation_id, channel_id
        )
        try:
            yield opened
        finally:
            await opened.close()


def worker_environment(graph: Graph) -> dict[str, str]:
    """Return what a worker's environment must have to send to `graph`."""
    return {"WHATSAPP_API_URL": graph.whatsapp_url, "INSTAGRAM_API_URL": graph.instagram_url}


def sent_by(graph: Graph, account: Account) -> list[Accepted]:
    """Return what the customers of an account have."""
    return [accepted for accepted in graph.accepted if accepted.account == account.id]


@asynccontextmanager
async def delivering(
    stack: RunningStack, graph: Graph, url: str | None = None, grace_seconds: float = 8
) -> AsyncIterator[Loop[Delivery, Result, bool]]:
    """Deliver to `graph` until the block is left: what a worker does beside its answers."""
    settings = ChannelSettings.model_validate(
        {"WHATSAPP_API_URL": graph.whatsapp_url, "INSTAGRAM_API_URL": graph.instagram_url}
    )
    key, worker_id = stack.service_role_key, f"test-{uuid.uuid4()}"
    async with (
        AsyncRomashka.connect(url or stack.api_url, key) as client,
        open_deliveries(settings, client, worker_id, grace_seconds) as deliverer,
    ):
        running = asyncio.create_task(deliverer.run())
        try:
            yield deliverer
        finally:
            deliverer.stop()
            await running
