"""What the SDK hands out: plain values, parsed once from the server's rows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

ChannelType = Literal["website", "whatsapp", "instagram", "email", "sms", "messenger"]
Status = Literal["active", "pending", "resolved", "escalated", "closed"]
Priority = Literal["low", "normal", "high", "urgent"]
SenderType = Literal["user", "ai", "agent"]
MessageKind = Literal["message", "reply", "handover"]
MessageType = Literal["text", "image", "audio", "video", "document", "location"]

Outcome = Literal["replied", "escalated", "not_needed", "taken_over", "superseded"]
DeliveryStatus = Literal["pending", "sending", "sent", "delivered", "read", "failed"]

_PATH = re.compile(r"[0-9a-f-]{36}/[0-9a-f-]{36}(\.[a-z0-9]+)?")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a conversation."""

    path: str
    """`<conversation id>/<random id>.<extension>`."""
    name: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers that a question of the AI's offers."""

    number: int
    """From 1, as in the question's text."""
    label: str
    item_id: str | None
    """The article that answers it; None is "none of these"."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which answer of a question a customer has chosen."""

    message_id: str
    """The question."""
    number: int
    is_late: bool
    """Somebody had answered since, or it was chosen before: it changed nothing."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, at its gapless `position`."""

    id: str
    conversation_id: str
    position: int
    sender_type: SenderType
    content: str
    created_at: datetime
    sender_id: str | None = None
    message_type: MessageType = "text"
    delivery_status: str = "sent"
    turn_id: str | None = None
    """On an automatic answer: the turn that it answers, by the id of the turn's first message."""
    attachment: Attachment | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def kind(self) -> MessageKind:
        """`reply` or `handover` when the AI wrote it, else `message`."""
        if self.sender_type != "ai":
            return "message"
        return "handover" if self.metadata.get("kind") == "handover" else "reply"

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What a question of the AI's offers; nothing, if the message is none."""
        return _choices(self.metadata.get("choices")) if self.sender_type == "ai" else ()

    @property
    def choice(self) -> Chosen | None:
        """What the customer has chosen of a question's answers; None, if they wrote."""
        return _chosen(self.metadata.get("choice")) if self.sender_type == "user" else None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Message":
        """Parse a row of `messages`."""
        # Customers write it as they like.
        metadata = given if isinstance(given := row.get("metadata"), dict) else {}
        return cls(
            id=row["id"],
            conversation_id=row["conversation_id"],
            position=row["position"],
            sender_type=row["sender_type"],
            content=row["content"],
            created_at=datetime.fromisoformat(row["created_at"]),
            sender_id=row.get("sender_id"),
            message_type=row.get("message_type") or "text",
            delivery_status=row.get("delivery_status") or "sent",
            turn_id=row.get("turn_id"),
            attachment=_attachment(row, metadata.get("attachment")),
            metadata=metadata,
        )


def _choices(offered: Any) -> tuple[Choice, ...]:
    """Parse what a message offers; what has another form is somebody's own, from before."""
    match offered:
        case [{"label": str()}, *_] if all(isinstance(choice, dict) for choice in offered):
            return tuple(
                Choice(number, str(choice.get("label")), choice.get("item_id"))
                for number, choice in enumerate(offered, 1)
            )
    return ()


def _chosen(choice: Any) -> Chosen | None:
    match choice:
        case {"message_id": str(question), "number": int(number)}:
            return Chosen(question, number, choice.get("is_late") is True)
    return None


def _attachment(row: Mapping[str, Any], described: Any) -> Attachment | None:
    """Return the attachment of a message: a file of its conversation, whatever its author wrote."""
    path = str(row.get("media_url"))
    if not isinstance(described, dict) or not _PATH.fullmatch(path):
        return None
    if not path.startswith(row["conversation_id"]):
        return None
    name, content_type = str(described.get("name", "")), str(described.get("content_type", ""))
    size = described.get("size")
    return Attachment(path, name, content_type, size if isinstance(size, int) else 0)


@dataclass(frozen=True, slots=True)
class Turn:
    """The customer's messages that wait for one answer, and what became of them."""

    job_id: str
    turn_id: str
    status: Literal["pending", "processing", "completed", "failed"]
    started_at: datetime
    """When its first message came."""
    process_after: datetime
    deadline: datetime
    """Until when it is answered."""
    outcome: Outcome | None
    """None while it is open."""
    ended_at: datetime | None

    def is_writing(self, now: datetime) -> bool:
        """Is the AI writing? No event tells that: it follows from the time.

        Example:
            from datetime import UTC, datetime

            turn = (await conversation.refresh()).turn
            print(turn is not None and turn.is_writing(datetime.now(UTC)))
        """
        is_due = self.status == "processing" or self.process_after <= now
        return self.outcome is None and is_due and now < self.deadline

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Turn":
        """Parse the column `turn` of `conversations`."""
        return cls(
            job_id=row["job_id"],
            turn_id=row["turn_id"],
            status=row["status"],
            started_at=datetime.fromisoformat(row["started_at"]),
            process_after=datetime.fromisoformat(row["process_after"]),
            deadline=datetime.fromisoformat(row["deadline"]),
            outcome=row["outcome"],
            ended_at=_time(row["ended_at"]),
        )


@dataclass(frozen=True, slots=True)
class ConversationDetails:
    """What a conversation is, as it was when it was read."""

    id: str
    customer_id: str | None
    channel_type: ChannelType
    status: Status
    priority: Priority
    requires_human: bool
    escalation_reason: str | None
    waiting_since: datetime | None
    """Since when the customer waits for a human whom nobody is yet."""
    assigned_agent_id: str | None
    customer_name: str | None
    answer_email: str | None
    """Where a human's answers are mailed, too: what the customer typed, so it may be anybody's."""
    language: str | None
    intent: str | None
    sentiment: str | None
    tags: tuple[str, ...]
    satisfaction_rating: float | None
    message_count: int
    customer_read_position: int
    agent_read_position: int
    last_message: str | None
    last_message_at: datetime
    created_at: datetime
    updated_at: datetime
    turn: Turn | None
    """The one that is open, else the last one."""


def conversation_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """Parse a row of `conversations` into the fields of `ConversationDetails`."""
    rating = row["satisfaction_rating"]
    return {
        "id": row["id"],
        "customer_id": row["customer_id"],
        "channel_type": row["channel_type"],
        "status": row["status"],
        "priority": row["priority"],
        "requires_human": bool(row["requires_human"]),
        "escalation_reason": row["escalation_reason"],
        "waiting_since": _time(row.get("waiting_since")),
        "assigned_agent_id": row["assigned_agent_id"],
        "customer_name": row["customer_name"] or row["user_name"],
        "answer_email": row.get("answer_email"),
        "language": row["language"],
        "intent": row["intent"],
        "sentiment": row["sentiment"],
        "tags": tuple(row["tags"] or ()),
        "satisfaction_rating": None if rating is None else float(rating),
        "message_count": row["message_count"] or 0,
        "customer_read_position": row["customer_read_position"],
        "agent_read_position": row["agent_read_position"],
        "last_message": row["last_message"],
        "last_message_at": datetime.fromisoformat(row["last_message_at"] or row["created_at"]),
        "created_at": datetime.fromisoformat(row["created_at"]),
        "updated_at": datetime.fromisoformat(row["updated_at"]),
        "turn": Turn.from_row(row["turn"]) if row.get("turn") else None,
    }


def _time(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None


@dataclass(frozen=True, slots=True)
class Note:
    """What staff told one another about a conversation."""

    id: str
    author_id: str | None
    content: str
    created_at: datetime

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Note":
        """Parse a row of `conversation_notes`."""
        created_at = datetime.fromisoformat(row["created_at"])
        return cls(row["id"], row["author_id"], row["content"], created_at)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that goes out by a channel, and what became of it."""

    id: str
    message_id: str
    channel_id: str
    status: DeliveryStatus
    error_code: str | None
    error: str | None
    """Why it was tried again, or given up."""
    created_at: datetime
    settled_at: datetime | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Delivery":
        """Parse a row of `channel_deliveries`."""
        return cls(
            id=row["id"],
            message_id=row["message_id"],
            channel_id=row["channel_id"],
            status=row["status"],
            error_code=row["error_code"],
            error=row["error"],
            created_at=datetime.fromisoformat(row["created_at"]),
            settled_at=_time(row["settled_at"]),
        )


@dataclass(frozen=True, slots=True)
class ConversationMetrics:
    """One conversation in figures."""

    total_messages: int
    ai_messages: int
    human_messages: int
    """Written by agents."""
    avg_response_time_ms: float | None
    ai_confidence_avg: float | None
    escalation_count: int
    satisfaction_rating: float | None
    conversation_duration_minutes: int | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "ConversationMetrics":
        """Parse a row of `get_conversation_performance_metrics`."""
        return cls(
            total_messages=row["total_messages"],
            ai_messages=row["ai_messages"],
            human_messages=row["human_messages"],
            avg_response_time_ms=_figure(row["avg_response_time_ms"]),
            ai_confidence_avg=_figure(row["ai_confidence_avg"]),
            escalation_count=row["escalation_count"],
            satisfaction_rating=_figure(row["satisfaction_rating"]),
            conversation_duration_minutes=row["conversation_duration_minutes"],
        )


def _figure(value: Any) -> float | None:
    return None if value is None else float(value)
