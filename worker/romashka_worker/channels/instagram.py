"""Instagram, through Meta's messaging API."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from romashka_worker.channels import ChannelError, Delivery, File, Media, Part, Sent
from romashka_worker.channels.downloads import Downloads
from romashka_worker.channels.graph import Graph
from romashka_worker.channels.options import is_refused_for_options, options_of, titles_of
from romashka_worker.channels.text import count_bytes, split_text

MAX_TEXT_BYTES = 1000
_MAX_QUICK_REPLIES = 13
_MAX_QUICK_REPLY = 20

_TYPES = {"image": "image", "video": "video", "audio": "audio", "application/pdf": "file"}


class Instagram:
    """Sends messages of Instagram's professional accounts. `link` makes a URL under which Meta's
    servers can read a file for a while."""

    secret_name = "access_token"  # noqa: S105 -- its name

    def __init__(
        self, graph: Graph, downloads: Downloads, link: Callable[[Media], Awaitable[str]]
    ) -> None:
        self._graph = graph
        self._downloads = downloads
        self._link = link

    def split(self, delivery: Delivery) -> Sequence[Part]:
        """Return the message's parts: its text in pieces, and each file."""
        texts = split_text(delivery.content, MAX_TEXT_BYTES, count_bytes)
        parts = [Part(number, text) for number, text in enumerate(texts)]
        for media in delivery.media:
            _type_of(media)
            parts.append(Part(len(parts), media=media))
        if not parts:
            raise ChannelError("failed", "empty", "there is nothing to send")
        if parts[-1].media is None:  # what follows takes quick replies away
            options = options_of(delivery)[:_MAX_QUICK_REPLIES]
            parts[-1] = replace(parts[-1], options=options)
        return parts

    async def send(self, delivery: Delivery, part: Part, secret: str) -> Sent:
        """Send one part. There is no reference: a message of ours is known by its echo's text."""
        body: dict[str, Any] = {
            "recipient": {"id": delivery.recipient},
            "message": await self._message(part),
            "messaging_type": "RESPONSE",
        }
        if delivery.send_window == "human_agent":
            body |= {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
        try:
            answer = await self._graph.post(f"{delivery.account}/messages", body, secret)
        except ChannelError as error:
            if not is_refused_for_options(error, part):
                raise
            return await self.send(delivery, replace(part, options=()), secret)
        if not isinstance(answer.get("message_id"), str):
            raise ChannelError("unknown", "bad_answer", "Meta's answer names no message")
        return Sent(answer["message_id"])

    async def _message(self, part: Part) -> dict[str, Any]:
        if part.options:
            return {"text": part.text, "quick_replies": _quick_replies(part)}
        if part.media is None:
            return {"text": part.text}
        link = await self._link(part.media)
        return {"attachment": {"type": _type_of(part.media), "payload": {"url": link}}}

    async def acknowledge(self, delivery: Delivery, secret: str) -> None:
        """Mark the conversation as seen, and show that we type."""
        for action in ("mark_seen", "typing_on")[: 1 + delivery.is_typing]:
            body = {"recipient": {"id": delivery.recipient}, "sender_action": action}
            await self._graph.post(f"{delivery.account}/messages", body, secret)

    async def fetch(self, delivery: Delivery, media: Media, secret: str) -> File:
        """Return a file that a customer sent: its address is all that it takes."""
        if media.url is None:
            raise ChannelError("failed", "bad_url", "the file has no address")
        return await self._downloads.get(media.url, name=media.name)


def _quick_replies(part: Part) -> list[dict[str, str]]:
    titles = titles_of(part.options, _MAX_QUICK_REPLY)
    return [
        {"content_type": "text", "title": title, "payload": option.id}
        for option, title in zip(part.options, titles, strict=True)
    ]


def _type_of(media: Media) -> str:
    mime_type = media.mime_type.partition(";")[0].strip().lower()
    kind = _TYPES.get(mime_type) or _TYPES.get(mime_type.partition("/")[0])
    if kind is None:
        reason = "Instagram takes images, videos, audio and PDF files alone"
        raise ChannelError("failed", "bad_media", reason)
    return kind
