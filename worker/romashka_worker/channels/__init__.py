"""Channels take messages out: what one is given and what it answers (docs/channels.md).

A channel is one file with one class, and a line in `adapters.py`.
"""

import mimetypes
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Self
from urllib.parse import urlsplit

SEND_SECONDS = 20.0
"""No call of a channel takes longer: it is cancelled, well before the lease runs out."""

Trouble = Literal["retry", "unknown", "failed"]


@dataclass(frozen=True, slots=True)
class Media:
    """A file of a message: one in Storage that we send, or one that a customer sent."""

    id: str | None
    """Its name at the channel's provider."""
    url: str | None
    path: str | None
    """Where it is in the bucket of attachments."""
    mime_type: str
    name: str | None
    size: int | None
    json: Mapping[str, Any] = field(default_factory=dict)
    """The item as the message has it."""

    @classmethod
    def from_json(cls, media: Mapping[str, Any]) -> Self:
        """Parse an item of a delivery's `media`."""
        return cls(
            id=media.get("id"),
            url=media.get("url"),
            path=media.get("path"),
            mime_type=media.get("mime_type") or _guessed_type(media),
            name=media.get("name"),
            size=media.get("size"),
            json=media,
        )


def _guessed_type(media: Mapping[str, Any]) -> str:
    path = media.get("name") or urlsplit(media.get("url") or "").path
    return mimetypes.guess_type(path)[0] or "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Something to do on a channel, held under a lease by one attempt."""

    id: str
    attempt: int
    kind: Literal["message", "receipt", "media"]
    channel_id: str
    channel_type: str
    account: str
    """Whose it is, as the provider names it: a phone number's id, the team's address."""
    conversation_id: str
    message_id: str | None
    recipient: str
    sender_type: str | None = None
    content: str = ""
    message_type: str = "text"
    media: tuple[Media, ...] = ()
    reply_to: str | None = None
    """The provider's id of the message that this one answers, or that a receipt is about."""
    parts_sent: int = 0
    """So many of its parts are out already; they are not sent again."""
    send_window: Literal["open", "human_agent", "template"] = "open"
    thread: Mapping[str, Any] = field(default_factory=dict)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    is_typing: bool = False
    """Of a receipt: the AI answers, show that too."""
    send_by: float = field(default_factory=lambda: time.monotonic() + SEND_SECONDS)
    """After this (monotonic) nothing of it may be begun any more: the lease runs out."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any], send_by: float) -> Self:
        """Parse a row of a claim."""
        return cls(
            id=row["delivery_id"],
            attempt=row["attempt"],
            kind=row["kind"],
            channel_id=row["channel_id"],
            channel_type=row["channel_type"],
            account=row["account"],
            conversation_id=row["conversation_id"],
            message_id=row["message_id"],
            recipient=row["recipient"] or "",
            sender_type=row["sender_type"],
            content=row["content"] or "",
            message_type=row["message_type"] or "text",
            media=tuple(Media.from_json(media) for media in row["media"] or ()),
            reply_to=row["reply_to"],
            parts_sent=row["parts_sent"] or 0,
            send_window=row["send_window"] or "open",
            thread=row["thread"] or {},
            configuration=row["configuration"] or {},
            metadata=row["metadata"] or {},
            is_typing=row["is_typing"],
            send_by=send_by,
        )


@dataclass(frozen=True, slots=True)
class Option:
    """One of the answers that a question offers; `id` comes back with it."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Part:
    """What the channel takes in one call: a text, or a file and perhaps a text under it."""

    number: int
    """From 0; what was split once is always split the same way."""
    text: str = ""
    media: Media | None = None
    options: tuple[Option, ...] = ()
    """What the customer may choose from, below the text."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider has it."""

    external_id: str | None
    recipient_ids: tuple[str, ...] = ()
    """What the provider calls its recipient, which may be otherwise than we do."""


@dataclass(frozen=True, slots=True)
class File:
    """What a customer sent."""

    content: bytes
    mime_type: str
    name: str | None


class ChannelError(Exception):
    """The provider does not have it, or may not have it. `code` and the message are shown to staff:
    they hold no text, no recipient and no secret.

    `trouble` is `retry` (it does not have it, and may take it later), `unknown` (it may have it) or
    `failed` (it will never take it). With the code `unauthorized` the secret is wrong: a `retry`,
    for the message waits for another one.
    """

    def __init__(
        self,
        trouble: Trouble,
        code: str,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        pause_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.trouble = trouble
        self.code = code
        self.retry_after_seconds = retry_after_seconds
        self.pause_seconds = pause_seconds
        """For so long the provider wants nothing from this account."""


class Channel(Protocol):
    """Sends the deliveries of one type of account; serves many at a time.

    Each call gets the account's secret. A call that is cancelled counts as `unknown`. A
    RomashkaError (of Storage) must only leave one before anything was sent.
    """

    secret_name: str
    """The secret that its calls need, as docs/channels.md names it: `access_token`, `smtp_url`."""

    def split(self, delivery: Delivery) -> Sequence[Part]:
        """Return the parts of a message, all of them, at least one.

        Raises:
            ChannelError: it cannot be sent this way.
        """
        ...

    async def send(self, delivery: Delivery, part: Part, secret: str) -> Sent:
        """Send one part of a message.

        Raises:
            ChannelError: it is not, or perhaps not, out.
        """
        ...

    async def acknowledge(self, delivery: Delivery, secret: str) -> None:
        """Show the customer that their message (`reply_to`) was read, and whether we type.

        Raises:
            ChannelError: it could not be shown.
        """
        ...

    async def fetch(self, delivery: Delivery, media: Media, secret: str) -> File:
        """Return a file that a customer sent, of at most 10 MB.

        Raises:
            ChannelError: it cannot be had.
        """
        ...
