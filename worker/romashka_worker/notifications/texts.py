"""What people of the team are told: who waits, where, why, and a link; no text of a customer's."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_MAX_NAME = 80
_CHANNELS = {
    "website": "the website",
    "whatsapp": "WhatsApp",
    "instagram": "Instagram",
    "email": "e-mail",
    "sms": "SMS",
    "messenger": "Messenger",
}
_REASONS = {
    "low_confidence": "the AI was not sure of an answer",
    "human_requested": "they asked for a human",
    "ai_failure": "the AI failed",
    "overdue": "no answer came in time",
    "repeated_failure": "its answers did not help",
    "out_of_scope": "it is for the team",
    "negative_sentiment": "they are upset",
    "safety": "somebody may be in danger, or lose money",
    "legal": "it is a legal matter",
    "ungrounded": "the AI could not support its answer",
}


def subject_of(body: Mapping[str, Any]) -> str:
    """Return what is told, in a line."""
    conversation = body.get("conversation") or {}
    who, where = _name(conversation), _channel(conversation.get("channel_type"))
    match body["event"]:
        case "conversation.escalated":
            return f"{who} waits for a human ({where})"
        case "conversation.waiting":
            return f"{who} still waits for a human ({where})"
        case "delivery.failed":
            return f"A message to {who} was not delivered ({where})"
        case "channel.error":
            account = body.get("channel") or {}
            return f"{_channel(account.get('type'))}: {_line(account.get('name'))} does not work"
        case "test":
            return "A test: notifications get here"
        case event:
            return f"{event}: {who} ({where})"


def text_of(body: Mapping[str, Any], now: datetime) -> str:
    """Return what is told, with why, since when, and where to look."""
    lines = [subject_of(body) + "."]
    conversation = body.get("conversation") or {}
    if body["event"] in ("conversation.escalated", "conversation.waiting"):
        reason = conversation.get("escalation_reason")
        if reason:
            lines.append(f"Why: {_REASONS.get(reason, _line(reason))}.")
        if minutes := _minutes_since(conversation.get("handed_over_at"), now):
            lines.append(f"They have waited for {minutes} min.")
    if delivery := body.get("delivery"):
        lines.append(f"Why: {_line(delivery.get('error') or delivery.get('error_code'), 300)}")
    if body["event"] == "channel.error":
        lines.append("`romashka doctor` says what it needs.")
    if link := body.get("link"):
        lines.append(str(link))
    return "\n".join(lines)


def _name(conversation: Mapping[str, Any]) -> str:
    customer = conversation.get("customer") or {}
    for name in (customer.get("name"), conversation.get("customer_name"), customer.get("email")):
        if line := _line(name):
            return line
    return "A customer"


def _channel(channel_type: str | None) -> str:
    return _CHANNELS.get(channel_type or "website", channel_type or "")


def _line(text: object, most: int = _MAX_NAME) -> str:
    """Return what somebody else wrote as a part of a line of ours."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text or "")).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _minutes_since(at: str | None, now: datetime) -> int:
    if not at or "infinity" in at:
        return 0
    return int((now - datetime.fromisoformat(at).astimezone(UTC)).total_seconds() // 60)
