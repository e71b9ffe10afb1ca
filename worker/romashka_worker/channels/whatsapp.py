"""WhatsApp, through Meta's Cloud API."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import quote

from romashka_worker.channels import ChannelError, Delivery, File, Media, Option, Part, Sent
from romashka_worker.channels.downloads import Downloads
from romashka_worker.channels.graph import Graph
from romashka_worker.channels.options import is_refused_for_options, options_of, titles_of
from romashka_worker.channels.text import count_units, shorten, split_text
from romashka_worker.choices import button_text

MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_PARAMETER = 1024
"""What a template has room for, its own words included."""

_MAX_ID = 255
_MAX_BUTTONS = 3
_MAX_BUTTON = 20
_MAX_ROWS = 10
_MAX_ROW = 24
_MAX_DESCRIPTION = 72
_MAX_TEXT_ABOVE_BUTTONS = 1024

Kind = Literal["image", "video", "audio", "document"]
_KINDS: Mapping[str, tuple[Kind, int]] = {
    **dict.fromkeys(("image/jpeg", "image/png"), ("image", 5 * 1024**2)),
    **dict.fromkeys(("video/mp4", "video/3gpp"), ("video", 16 * 1024**2)),
    **dict.fromkeys(
        ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), ("audio", 16 * 1024**2)
    ),
}
"""What is shown in the conversation, and up to which size; all else is a document."""


class WhatsApp:
    """Sends messages of WhatsApp Business accounts. `link` makes a URL under which Meta's servers
    can read a file for a while."""

    secret_name = "access_token"  # noqa: S105 -- its name

    def __init__(
        self, graph: Graph, downloads: Downloads, link: Callable[[Media], Awaitable[str]]
    ) -> None:
        self._graph = graph
        self._downloads = downloads
        self._link = link

    def split(self, delivery: Delivery) -> Sequence[Part]:
        """Return the message's parts: files follow the text that is too long to be a caption."""
        if _template_of(delivery):
            return _template_part(delivery)
        caption = ""
        texts = split_text(delivery.content, MAX_TEXT, count_units)
        media = list(delivery.media)
        if media and len(texts) == 1 and _takes_caption(media[0], texts[0]):
            caption, texts = texts[0], []
        parts = [Part(number, text) for number, text in enumerate(texts)]
        for index, file in enumerate(media):
            parts.append(Part(len(parts), caption if index == 0 else "", file))
        if not parts:
            raise ChannelError("failed", "empty", "there is nothing to send")
        if len(parts) == 1 and not media:
            parts = [replace(parts[0], options=options_of(delivery)[:_MAX_ROWS])]
        return parts

    async def send(self, delivery: Delivery, part: Part, secret: str) -> Sent:
        """Send one part. Its statuses bring back which one it is, as their `reference`."""
        body: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            **_address(delivery.recipient),
            "biz_opaque_callback_data": f"{delivery.id}:{part.number}",
        }
        if delivery.reply_to and part.number == 0:
            body["context"] = {"message_id": delivery.reply_to}
        body |= await self._content(delivery, part)
        try:
            answer = await self._graph.post(f"{delivery.account}/messages", body, secret)
        except ChannelError as error:
            if not is_refused_for_options(error, part):
                raise
            return await self.send(delivery, replace(part, options=()), secret)
        return Sent(_message_id(answer), _recipient_ids(answer))

    async def _content(self, delivery: Delivery, part: Part) -> dict[str, Any]:
        if template := _template_of(delivery):
            return {"type": "template", "template": _filled(template, part.text)}
        if part.options:
            return {"type": "interactive", "interactive": _question(delivery, part)}
        if part.media is None:
            return {"type": "text", "text": {"preview_url": False, "body": part.text}}
        kind = _kind_of(part.media)
        file = {"link": await self._link(part.media)}
        if part.text:
            file["caption"] = part.text
        if kind == "document" and part.media.name:
            file["filename"] = part.media.name
        return {"type": kind, kind: file}

    async def acknowledge(self, delivery: Delivery, secret: str) -> None:
        """Mark the customer's message as read, and show that we type, for 25 s at most."""
        body: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": delivery.reply_to,
        }
        if delivery.is_typing:
            body["typing_indicator"] = {"type": "text"}
        await self._graph.post(f"{delivery.account}/messages", body, secret)

    async def fetch(self, delivery: Delivery, media: Media, secret: str) -> File:
        """Return a file that a customer sent: its id leads to an address of five minutes."""
        # Both came with a webhook: with the token nothing else is asked for, whatever they say.
        file, account = quote(str(media.id), safe=""), quote(delivery.account, safe="")
        found = await self._graph.get(f"{file}?phone_number_id={account}", secret)
        url = found.get("url")
        if not isinstance(url, str):
            raise ChannelError("retry", "bad_answer", "Meta's answer cannot be read")
        return await self._downloads.get(url, name=media.name, token=secret)


def _address(recipient: str) -> dict[str, str]:
    """Name who gets it: by the number, or by the user id of somebody who shows none."""
    return {"to" if recipient.lstrip("+").isdigit() else "recipient": recipient}


def _template_of(delivery: Delivery) -> Mapping[str, Any] | None:
    """Return the template that the message asks for, or that the account has for late answers."""
    if template := _template_in(delivery.metadata):
        return template
    if delivery.send_window != "template":
        return None
    if template := _template_in(delivery.configuration):
        return template
    raise ChannelError("failed", "window_closed", "the customer wrote over 24 hours ago")


def _template_in(members: Mapping[str, Any]) -> Mapping[str, Any] | None:
    template = members.get("template")  # staff write it: it may be anything
    return template if isinstance(template, dict) else None


def _template_part(delivery: Delivery) -> Sequence[Part]:
    text = _one_line(delivery.content)
    if delivery.media:
        reason = "the customer wrote over 24 hours ago: a template takes no files"
        raise ChannelError("failed", "window_closed", reason)
    if count_units(text) > MAX_PARAMETER:
        reason = f"the text is longer than a template takes ({MAX_PARAMETER} characters)"
        raise ChannelError("failed", "too_long", reason)
    return [Part(0, text)]


def _one_line(text: str) -> str:
    """Return a text as a template's parameter takes it: no line breaks, tabs or rows of spaces."""
    return re.sub(r"\s+", " ", text).strip()


def _filled(template: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Return a template as the API takes it: with its own components, or the text as its body."""
    language = template.get("language") or "en"
    components = template.get("components")
    if components is None:
        components = [{"type": "body", "parameters": [{"type": "text", "text": text}]}]
    code = language if isinstance(language, dict) else {"code": language}
    return {"name": template.get("name"), "language": code, "components": components}


def _question(delivery: Delivery, part: Part) -> dict[str, Any]:
    """Return a text with a button for each answer, or else with a list of them."""
    is_short = count_units(part.text) <= _MAX_TEXT_ABOVE_BUTTONS
    fits = all(count_units(option.label) <= _MAX_BUTTON for option in part.options)
    has_buttons = is_short and fits and len(part.options) <= _MAX_BUTTONS
    return {
        "type": "button" if has_buttons else "list",
        "body": {"text": part.text},
        "action": _buttons(part.options) if has_buttons else _list(delivery, part.options),
    }


def _buttons(options: Sequence[Option]) -> dict[str, Any]:
    named = zip(options, titles_of(options, _MAX_BUTTON), strict=True)
    replies = ({"id": option.id, "title": title} for option, title in named)
    return {"buttons": [{"type": "reply", "reply": reply} for reply in replies]}


def _list(delivery: Delivery, options: Sequence[Option]) -> dict[str, Any]:
    """Return the button that opens a list, and its rows; a label that is cut is below its title."""
    rows = []
    for option, title in zip(options, titles_of(options, _MAX_ROW), strict=True):
        row = {"id": option.id, "title": title}
        if title != option.label:
            row["description"] = shorten(option.label, _MAX_DESCRIPTION, count_units)
        rows.append(row)
    button = button_text(delivery.metadata.get("language"), options[-1].label)
    return {"button": button, "sections": [{"rows": rows}]}


def _kind_of(media: Media) -> Kind:
    mime_type = media.mime_type.partition(";")[0].strip().lower()
    kind, max_bytes = _KINDS.get(mime_type, ("document", 0))
    return kind if (media.size or 0) <= max_bytes else "document"


def _takes_caption(media: Media, text: str) -> bool:
    return _kind_of(media) != "audio" and count_units(text) <= MAX_CAPTION


def _message_id(answer: Mapping[str, Any]) -> str:
    try:
        return str(answer["messages"][0]["id"])
    except (KeyError, IndexError, TypeError) as error:
        raise ChannelError("unknown", "bad_answer", "Meta's answer names no message") from error


def _recipient_ids(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what Meta calls the one recipient: a Brazilian number may have a digit less there."""
    contacts = answer.get("contacts")
    if not isinstance(contacts, list) or len(contacts) != 1 or not isinstance(contacts[0], dict):
        return ()
    ids = (contacts[0].get(name) for name in ("wa_id", "user_id", "parent_user_id"))
    return tuple(one for one in ids if isinstance(one, str) and 0 < len(one) <= _MAX_ID)
