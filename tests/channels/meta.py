"""Meta, as our functions see it: signed webhooks of WhatsApp and Instagram."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.stacks import CHANNEL_SECRETS, RunningStack

Payload = dict[str, Any]

CUSTOMER = "12025550142"
NUMBER = "12025550100"
"""The team's; both are of the range that is kept for fiction."""
AT = 1767366245
"""When everything happens: 2026-01-02 15:04:05 UTC."""


def new_id(prefix: str = "") -> str:
    """Return an id that no other test uses: of an account, a message, a person."""
    return f"{prefix}{10**15 + secrets.randbelow(9 * 10**15)}"  # which Hypothesis does not repeat


@dataclass(frozen=True, slots=True)
class Meta:
    """Posts webhooks to the functions of a stack, as Meta does."""

    stack: RunningStack
    http: httpx.Client

    def url(self, channel: str) -> str:
        return f"{self.stack.api_url}/functions/v1/{channel}"

    def post(self, channel: str, payload: Payload, **headers: str) -> httpx.Response:
        """Send a webhook, signed unless `headers` say otherwise."""
        body = json.dumps(payload).encode()
        secret = CHANNEL_SECRETS[f"{channel.upper()}_APP_SECRET"]
        return self.http.post(
            self.url(channel),
            content=body,
            headers={"content-type": "application/json", **signed(body, secret), **headers},
        )


def signed(body: bytes, secret: str) -> Mapping[str, str]:
    """Return the header that proves a body to be Meta's."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"x-hub-signature-256": f"sha256={digest}"}


def whatsapp(account: str, *changes: Payload) -> Payload:
    """Return a webhook of WhatsApp's about one number."""
    for change in changes:
        change["value"].setdefault("messaging_product", "whatsapp")
        change["value"].setdefault(
            "metadata", {"display_phone_number": NUMBER, "phone_number_id": account}
        )
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "100000000000001", "time": AT, "changes": list(changes)}],
    }


def messages(*sent: Payload, **value: Any) -> Payload:
    """Return the change of WhatsApp's that brings these messages of our customer."""
    people = [{"profile": {"name": "Front Desk"}, "wa_id": CUSTOMER}]
    return {
        "field": "messages",
        "value": {"contacts": people, "messages": list(sent), **value},
    }


def message(kind: str, part: Any = None, **more: Any) -> Payload:
    """Return a message of WhatsApp's, with an id of its own."""
    parts = {} if part is None else {kind: part}
    return {
        "from": CUSTOMER,
        "id": new_id("wamid."),
        "timestamp": str(AT),
        "type": kind,
        **parts,
        **more,
    }


def instagram(account: str, *events: Payload, time: int = AT * 1000) -> Payload:
    """Return a webhook of Instagram's about one account."""
    return {
        "object": "instagram",
        "entry": [{"id": account, "time": time, "messaging": list(events)}],
    }


def event(account: str, customer: str, **parts: Any) -> Payload:
    """Return what a customer did on Instagram."""
    return {
        "sender": {"id": customer},
        "recipient": {"id": account},
        "timestamp": AT * 1000,
        **parts,
    }


def direct(**message: Any) -> Payload:
    """Return the part of an event that is a message, with an id of its own."""
    return {"message": {"mid": new_id("mid."), **message}}
