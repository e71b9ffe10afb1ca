"""Romashka's SDK: conversations of a Supabase project, from Python."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from romashka._attachments import Attachments
    from romashka._business_hours import BusinessHours, BusinessHoursOfChannels
    from romashka._client import AsyncRomashka
    from romashka._colleagues import Colleague, Colleagues
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
    from romashka._explanation import Attempt, Explanation, Source
    from romashka._filters import Filters
    from romashka._identity import Identity, IdentitySecret
    from romashka._inbox import ConversationChanged, DeliveryFailed, Inbox, NoteCreated, NoteRemoved
    from romashka._knowledge import Knowledge, KnowledgeItem, KnowledgeMatch
    from romashka._levels import Bucket, FigurePage, FigureRow, LevelOfTime, LevelOverTime
    from romashka._listener import Broadcast, Check, Listener, Resync
    from romashka._message_drafts import Drafts, MessageDraft
    from romashka._metrics import Metrics, ServiceLevel
    from romashka._models import (
        Attachment,
        Choice,
        Chosen,
        ConversationDetails,
        ConversationMetrics,
        Delivery,
        Message,
        Note,
        Turn,
    )
    from romashka._presence import Person, Presence
    from romashka._saved_replies import (
        RenderedReply,
        SavedReplies,
        SavedReply,
        render_saved_reply,
    )
    from romashka._search import ExcerptPart, SearchHit, SearchPage
    from romashka._team import Invitation, StaffMember, Team
    from romashka._topics import Topics
    from romashka._widget import Face, Widget, WidgetSettings
    from romashka.sync import Romashka

__all__ = [
    "AsyncRomashka",
    "Attachment",
    "Attachments",
    "Attempt",
    "Broadcast",
    "Bucket",
    "BusinessHours",
    "BusinessHoursOfChannels",
    "Busy",
    "Check",
    "Choice",
    "Chosen",
    "Colleague",
    "Colleagues",
    "Conflict",
    "Conversation",
    "ConversationChanged",
    "ConversationDetails",
    "ConversationMetrics",
    "Conversations",
    "Delivery",
    "DeliveryFailed",
    "Drafts",
    "Event",
    "ExcerptPart",
    "Explanation",
    "Face",
    "FigurePage",
    "FigureRow",
    "Filters",
    "HumanHasIt",
    "Identity",
    "IdentitySecret",
    "Inbox",
    "InvalidRequest",
    "Invitation",
    "Knowledge",
    "KnowledgeItem",
    "KnowledgeMatch",
    "LevelOfTime",
    "LevelOverTime",
    "Listener",
    "Message",
    "MessageCreated",
    "MessageDraft",
    "MessageUpdated",
    "Metrics",
    "NoAnswer",
    "NoAnswerNeeded",
    "NotFound",
    "NotSignedIn",
    "Note",
    "NoteCreated",
    "NoteRemoved",
    "PermissionDenied",
    "Person",
    "Presence",
    "RateLimited",
    "RenderedReply",
    "ReplyDelta",
    "ReplySettled",
    "ReplyStarted",
    "Resync",
    "Romashka",
    "RomashkaError",
    "SavedReplies",
    "SavedReply",
    "SearchHit",
    "SearchPage",
    "ServerError",
    "ServiceLevel",
    "Source",
    "StaffMember",
    "Team",
    "TooLarge",
    "Topics",
    "Turn",
    "Unreachable",
    "Widget",
    "WidgetSettings",
    "render_saved_reply",
]

_HOMES = {
    "_attachments": ("Attachments",),
    "_business_hours": ("BusinessHours", "BusinessHoursOfChannels"),
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
    "_explanation": ("Attempt", "Explanation", "Source"),
    "_filters": ("Filters",),
    "_identity": ("Identity", "IdentitySecret"),
    "_inbox": ("ConversationChanged", "DeliveryFailed", "Inbox", "NoteCreated", "NoteRemoved"),
    "_knowledge": ("Knowledge", "KnowledgeItem", "KnowledgeMatch"),
    "_listener": ("Broadcast", "Check", "Listener", "Resync"),
    "_message_drafts": ("Drafts", "MessageDraft"),
    "_metrics": ("Metrics", "ServiceLevel"),
    "_levels": ("Bucket", "FigurePage", "FigureRow", "LevelOfTime", "LevelOverTime"),
    "_models": (
        "Attachment",
        "Choice",
        "Chosen",
        "ConversationDetails",
        "ConversationMetrics",
        "Delivery",
        "Message",
        "Note",
        "Turn",
    ),
    "_presence": ("Person", "Presence"),
    "_saved_replies": ("RenderedReply", "SavedReplies", "SavedReply", "render_saved_reply"),
    "_search": ("ExcerptPart", "SearchHit", "SearchPage"),
    "_team": ("Invitation", "StaffMember", "Team"),
    "sync": ("Romashka",),
    "_colleagues": ("Colleague", "Colleagues"),
    "_widget": ("Face", "Widget", "WidgetSettings"),
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
