"""What the SDK hands out: plain values, parsed once from the server's rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

SenderType = Literal["user", "ai", "agent"]
MessageKind = Literal["message", "reply", "handover"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, at its gapless `position`."""

    id: str
    conversation_id: str
    position: int
    sender_type: SenderType
    content: str
    created_at: datetime
    turn_id: str | None = None
    """On an automatic answer: the turn that it answers, by the id of the turn's first message."""
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def kind(self) -> MessageKind:
        """`reply` or `handover` when the AI wrote it, else `message`."""
        if self.sender_type != "ai":
            return "message"
        return "handover" if self.metadata.get("kind") == "handover" else "reply"

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Message":
        """Parse a row of `messages`."""
        return cls(
            id=row["id"],
            conversation_id=row["conversation_id"],
            position=row["position"],
            sender_type=row["sender_type"],
            content=row["content"],
            created_at=datetime.fromisoformat(row["created_at"]),
            turn_id=row.get("turn_id"),
            metadata=row.get("metadata") or {},
        )


@dataclass(frozen=True, slots=True)
class MessageCreated:
    """An event of a conversation: a message was committed."""

    message: Message
