"""A database as a channel's edge function sees it: events in, results out."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.database.inbox import Inbox, Row

ACCOUNT = "104"
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
RECEIVE = "select public.receive_channel_webhook(%s, %s, %s) as answer"


def at(second: float) -> str:
    """Return a time, that many seconds after the first."""
    return (_BEGAN + timedelta(seconds=second)).isoformat()


def message(number: int = 1, **fields: Any) -> Row:
    """Return the event of a customer's message, number `number`."""
    return {
        "kind": "message",
        "account": ACCOUNT,
        "at": at(number),
        "id": f"wamid.{number}",
        "customer": {"id": "15550100", "name": "Buyer", "phone": "+15550100"},
        "type": "text",
        "content": f"message {number}",
    } | fields


def mail(number: int = 1, *, sender: str = "buyer@example.com", **fields: Any) -> Row:
    """Return the event of a mail, number `number`; `thread` says what it goes on from."""
    return message(
        number,
        **{
            "account": "Help@Team.example",
            "id": f"<{number}@example.com>",
            "customer": {"id": sender, "email": sender, "name": "Buyer"},
            "thread": {"subject": "An order"},
        }
        | fields,
    )


def about(number: int, kind: str, second: float = 100, **fields: Any) -> Row:
    """Return an event about a customer's message."""
    event = {"kind": kind, "account": ACCOUNT, "at": at(second), "id": f"wamid.{number}"}
    if kind == "reaction":
        event["customer"] = {"id": "15550100"}
    return event | fields


class Channel:
    """What comes into an inbox by one channel."""

    def __init__(self, inbox: Inbox, kind: str = "whatsapp") -> None:
        self.inbox = inbox
        self.kind = kind

    def receive(self, *events: Any, payload: str | None = None, **headers: str) -> list[Row]:
        """Bring a webhook; return the results of its events."""
        return list(self.answer(*events, payload=payload, **headers)["results"])

    def answer(self, *events: Any, payload: str | None = None, **headers: str) -> Row:
        row = self.inbox.one(
            "select public.receive_channel_webhook(%s, %s, %s, %s) as answer",
            self.kind,
            json.dumps(events) if payload is None else payload,
            json.dumps(events),
            json.dumps(headers),
            by="service_role",
        )
        return dict(row["answer"])

    def outcomes(self, *events: Any) -> list[str]:
        return [result["outcome"] for result in self.receive(*events)]

    def store(self, event: Row) -> Row:
        """Bring one message that is new; return its row."""
        (result,) = self.receive(event)
        assert result["outcome"] == "stored", result
        return self.message(result["message_id"])

    def message(self, message_id: str) -> Row:
        return self.inbox.one("select * from public.messages where id = %s", message_id)

    def account(self) -> Row:
        return self.inbox.one(
            "select * from public.communication_channels where type = %s", self.kind
        )

    def webhook(self, webhook_id: str) -> Row:
        return self.inbox.one("select * from public.webhook_events where id = %s", webhook_id)

    def customer_of(self, conversation: UUID) -> Row:
        return self.inbox.one(
            "select customers.* from public.customer_profiles as customers join"
            " public.conversations as conversations on conversations.customer_id = customers.id"
            " where conversations.id = %s",
            conversation,
        )
