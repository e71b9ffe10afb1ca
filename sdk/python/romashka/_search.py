"""What a search of the inbox finds: conversations, by their customers and by what was said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from romashka._models import ConversationDetails, SenderType

C = TypeVar("C", bound=ConversationDetails)

SearchPlace = Mapping[str, Any]
"""Where a page ends."""


@dataclass(frozen=True, slots=True)
class ExcerptPart:
    """A piece of a text; what was looked for, or what stands around it."""

    text: str
    is_match: bool


@dataclass(frozen=True, slots=True)
class SearchHit(Generic[C]):
    """A conversation that was found."""

    kind: Literal["customer", "message"]
    """By whom it is with, or by what was said."""
    conversation: C
    excerpt: tuple[ExcerptPart, ...]
    """Text, never markup: of the message, or of the customer's names and addresses."""
    message_id: str | None
    """The newest message that matches; None where it was found by its customer."""
    position: int | None
    sender_type: SenderType | None
    created_at: datetime | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any], conversation: C) -> "SearchHit[C]":
        """Parse a hit of `search_conversations`."""
        at = row["created_at"]
        return cls(
            kind=row["kind"],
            conversation=conversation,
            excerpt=tuple(ExcerptPart(each["text"], each["is_match"]) for each in row["excerpt"]),
            message_id=row["message_id"],
            position=row["position"],
            sender_type=row["sender_type"],
            created_at=datetime.fromisoformat(at) if at else None,
        )


@dataclass(frozen=True, slots=True)
class SearchPage(Generic[C]):
    """Best first: customers, then messages with the words, then messages with parts of them."""

    hits: tuple[SearchHit[C], ...]
    next: SearchPlace | None
    """Gives the page after this one; None if this is the last."""
