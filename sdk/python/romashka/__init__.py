"""Romashka's SDK: conversations of a Supabase project, from Python."""

from romashka._client import AsyncRomashka
from romashka._conversations import Conversation
from romashka._errors import (
    Conflict,
    InvalidRequest,
    NoAnswer,
    NotFound,
    NotSignedIn,
    PermissionDenied,
    RateLimited,
    RomashkaError,
    ServerError,
    TooLarge,
    Unreachable,
)
from romashka._models import Message, MessageCreated
from romashka._realtime import Broadcast, Listener, Resync

__all__ = [
    "AsyncRomashka",
    "Broadcast",
    "Conflict",
    "Conversation",
    "InvalidRequest",
    "Listener",
    "Message",
    "MessageCreated",
    "NoAnswer",
    "NotFound",
    "NotSignedIn",
    "PermissionDenied",
    "RateLimited",
    "Resync",
    "RomashkaError",
    "ServerError",
    "TooLarge",
    "Unreachable",
]
