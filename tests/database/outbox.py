"""The channels as their workers see them: customers write, deliveries go out."""

import itertools
import json
from typing import Any
from uuid import UUID

from tests.database.inbox import Inbox, Row

_NUMBERS = itertools.count(1)
CUSTOMERS = {"email": "ada@example.com", "instagram": "17841400000000001"}


class Outbox(Inbox):
    """An inbox with accounts on channels."""

    def hear(
        self, text: str = "Hello?", *, channel: str = "whatsapp", who: str = "", **message: Any
    ) -> UUID:
        """Let a customer write by a channel; return their conversation."""
        who = who or CUSTOMERS.get(channel, "15550100")
        event = {
            "account": "support@example.com" if channel == "email" else "account",
            "id": f"from-customer-{next(_NUMBERS)}",
            "customer": {"id": who} | ({"phone": who} if channel == "whatsapp" else {}),
            "content": text,
        }
        row = self.one(
            "select public.ingest_channel_message(%s, %s) as told",
            channel,
            json.dumps(event | message),
            by="service_role",
        )
        return UUID(row["told"]["conversation_id"])

    def reply(self, conversation: UUID, text: str = "An answer.", **columns: Any) -> Row:
        """Let an agent write."""
        row = {
            "conversation_id": str(conversation),
            "sender_type": "agent",
            "content": text,
            "metadata": {},
            "channel_type": "website",
        }
        return self.one(
            "insert into public.messages (conversation_id, sender_type, content, metadata,"
            " channel_type, media_url) select conversation_id, sender_type, content, metadata,"
            " channel_type, media_url from jsonb_populate_record(null::public.messages, %s)"
            " returning *",
            json.dumps(row | columns),
            by="service_role",
        )

    def answer(self, text: str = "An answer.") -> None:
        """Let the AI answer whoever waits."""
        for job in self.claim():
            self.settle(job, text)

    def take(
        self, count: int = 10, lease: float = 30, worker: str = "worker", kind: str = "message"
    ) -> list[Row]:
        """Claim deliveries, of one kind (the others are taken, too)."""
        rows = self.run(
            "select * from public.claim_channel_deliveries(%s, %s, %s)",
            worker,
            count,
            str(lease),
            by="service_role",
        )
        return [row for row in rows if row["kind"] == kind]

    def take_one(self, **claim: Any) -> Row:
        (row,) = self.take(**claim)
        return row

    def tell(self, delivery: Row, outcome: str = "sent", **result: Any) -> Row:
        """Settle one delivery."""
        (row,) = self.tell_all([(delivery, {"outcome": outcome} | result)])
        return row

    def tell_all(self, results: list[tuple[Row, dict[str, Any]]]) -> list[Row]:
        items = [
            {"delivery_id": str(delivery["delivery_id"]), "attempt": delivery["attempt"]} | result
            for delivery, result in results
        ]
        return self.run(
            "select * from public.settle_channel_deliveries(%s)",
            json.dumps(items),
            by="service_role",
        )

    def status(self, external_id: str, status: str, *, reference: str = "", **event: Any) -> Row:
        """Let WhatsApp say how far a message got."""
        event = {
            "kind": "status",
            "account": "account",
            "id": external_id,
            "status": status,
            "reference": reference,
        } | event
        row = self.one(
            "select public.receive_channel_webhook('whatsapp', %s, %s) as told",
            f"{external_id} {status} {next(_NUMBERS)}",
            json.dumps([event]),
            by="service_role",
        )
        return dict(row["told"]["results"][0])

    def echo(self, text: str, external_id: str, *, who: str = CUSTOMERS["instagram"]) -> Row:
        """Let Instagram tell of a message that the team's account sent."""
        event = {
            "kind": "echo",
            "account": "account",
            "id": external_id,
            "customer": {"id": who},
            "content": text,
        }
        row = self.one(
            "select public.receive_channel_webhook('instagram', %s, %s) as told",
            f"{external_id} {next(_NUMBERS)}",
            json.dumps([event]),
            by="service_role",
        )
        return dict(row["told"]["results"][0])

    def deliveries(self, conversation: UUID, kind: str = "message") -> list[Row]:
        return self.run(
            "select * from public.channel_deliveries"
            " where conversation_id = %s and kind = %s order by position",
            conversation,
            kind,
        )

    def delivery(self, conversation: UUID, kind: str = "message") -> Row:
        (row,) = self.deliveries(conversation, kind)
        return row

    def message(self, delivery: Row) -> Row:
        return self.one("select * from public.messages where id = %s", delivery["message_id"])

    def account(self, channel: str = "whatsapp") -> Row:
        return self.one("select * from public.communication_channels where type = %s", channel)
