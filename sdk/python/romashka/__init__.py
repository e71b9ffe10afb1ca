"""Romashka's SDK: conversations of a Supabase project, from Python."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from romashka._attachments import Attachments
    from romashka._client import AsyncRomashka
    from romashka._conversation import Conversation
    from romashka._conversations import Conversations
    from romashka._drafts import ReplyDelta, ReplySettled, ReplyStarted
    from romashka._errors import (
        Busy,
        Conflict,
        HumanHasIt,
        InvalidRequest,
        NoAnswer,
        NoAnswerNeeded,
        NotFound,
        NotSignedIn,
        PermissionDenied,
        RateLimited,
        RomashkaError,
        ServerError,
        TooLarge,
        Unreachable,
    )
    from romashka._events import Event, MessageCreated, MessageUpdated
    from romashka._filters import Filters
    from romashka._inbox import ConversationChanged, DeliveryFailed, Inbox
    from romashka._knowledge import Knowledge, KnowledgeItem, KnowledgeMatch
    from romashka._listener import Broadcast, Check, Listener, Resync
    from romashka._metrics import ConversationMetrics, Metrics, ServiceLevel
    from romashka._models import (
        Attachment,
        Choice,
        Chosen,
        ConversationDetails,
        Delivery,
        Message,
        Note,
    )
    from romashka._presence import Person, Presence
    from romashka._topics import Topics
    from romashka.sync import Romashka

__all__ = [
    "AsyncRomashka",
    "Attachment",
    "Attachments",
    "Broadcast",
    "Busy",
    "Check",
    "Choice",
    "Chosen",
    "Conflict",
    "Conversation",
    "ConversationChanged",
    "ConversationDetails",
    "ConversationMetrics",
    "Conversations",
    "Delivery",
    "DeliveryFailed",
    "Event",
    "Filters",
    "HumanHasIt",
    "Inbox",
    "InvalidRequest",
    "Knowledge",
    "KnowledgeItem",
    "KnowledgeMatch",
    "Listener",
    "Message",
    "MessageCreated",
    "MessageUpdated",
    "Metrics",
    "NoAnswer",
    "NoAnswerNeeded",
    "NotFound",
    "NotSignedIn",
    "Note",
    "PermissionDenied",
    "Person",
    "Presence",
    "RateLimited",
    "ReplyDelta",
    "ReplySettled",
    "ReplyStarted",
    "Resync",
    "Romashka",
    "RomashkaError",
    "ServerError",
    "ServiceLevel",
    "TooLarge",
    "Topics",
    "Unreachable",
]

_HOMES = {
    "_attachments": ("Attachments",),
    "_client": ("AsyncRomashka",),
    "_conversation": ("Conversation",),
    "_conversations": ("Conversations",),
    "_drafts": ("ReplyDelta", "ReplySettled", "ReplyStarted"),
    "_errors": (
        "Busy",
        "Conflict",
        "HumanHasIt",
        "InvalidRequest",
        "NoAnswer",
        "NoAnswerNeeded",
        "NotFound",
        "NotSignedIn",
        "PermissionDenied",
        "RateLimited",
        "RomashkaError",
        "ServerError",
        "TooLarge",
        "Unreachable",
    ),
    "_events": ("Event", "MessageCreated", "MessageUpdated"),
    "_filters": ("Filters",),
    "_inbox": ("ConversationChanged", "DeliveryFailed", "Inbox"),
    "_knowledge": ("Knowledge", "KnowledgeItem", "KnowledgeMatch"),
    "_listener": ("Broadcast", "Check", "Listener", "Resync"),
    "_metrics": ("ConversationMetrics", "Metrics", "ServiceLevel"),
    "_models": (
        "Attachment",
        "Choice",
        "Chosen",
        "ConversationDetails",
        "Delivery",
        "Message",
        "Note",
    ),
    "_presence": ("Person", "Presence"),
    "sync": ("Romashka",),
    "_topics": ("Topics",),
}
"""Where each name is defined."""


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: the Supabase clients take half a second to load."""
    for module, names in _HOMES.items():
        if name in names:
            return globals().setdefault(name, getattr(import_module(f"romashka.{module}"), name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
