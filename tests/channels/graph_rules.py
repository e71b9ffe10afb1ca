"""What Meta's documentation lets a message be, for the loopback Graph API: all else is refused."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic import model_validator as checked


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def _https_or_loopback(url: str) -> str:
    assert re.match(r"https://|http://127\.0\.0\.1:", url), "not an address that Meta can read"
    return url


def _in_1000_bytes(text: str) -> str:
    assert 0 < len(text.encode()) <= 1000, "over 1,000 bytes, or empty"
    return text


def _on_one_line(text: str) -> str:
    assert text, "an empty parameter"
    assert not re.search(r"[\n\t]| {5}", text), "a line break, a tab or five spaces"
    return text


def _on_a_button(text: str) -> str:
    assert text == text.strip(), "space around it"
    assert "\n" not in text, "a line break"
    return text


Name = Annotated[str, Field(min_length=1)]
Link = Annotated[str, AfterValidator(_https_or_loopback)]
Caption = Annotated[str, Field(min_length=1, max_length=1024)]


class _Text(_Strict):
    body: Annotated[str, Field(min_length=1, max_length=4096)]
    preview_url: bool = False


_CONTENTS = {"text", "image", "video", "audio", "document", "template", "interactive"}


class _Context(_Strict):
    message_id: Name


class _Audio(_Strict):
    link: Link


class _Image(_Audio):
    caption: Caption | None = None


class _Document(_Image):
    filename: Name | None = None


class _Parameter(_Strict):
    type: Literal["text"]
    text: Annotated[str, Field(max_length=1024), AfterValidator(_on_one_line)]


class _Component(_Strict):
    type: Literal["header", "body", "button"]
    parameters: list[_Parameter]


class _Language(_Strict):
    code: Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")]


class _Template(_Strict):
    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,512}$")]
    language: _Language
    components: list[_Component]


def _title(max_chars: int) -> Any:
    return Annotated[str, Field(min_length=1, max_length=max_chars), AfterValidator(_on_a_button)]


def _are_different(things: list[Any]) -> list[Any]:
    for member in ("id", "title"):
        names = [getattr(thing, member) for thing in things]
        assert len({*names}) == len(names), f"two with the same {member}"
    return things


class _Reply(_Strict):
    id: _title(256)
    title: _title(20)


class _Button(_Strict):
    type: Literal["reply"]
    reply: _Reply


class _Buttons(_Strict):
    buttons: Annotated[list[_Button], Field(min_length=1, max_length=3)]

    @checked(mode="after")
    def _has_no_two_alike(self) -> Self:
        _are_different([button.reply for button in self.buttons])
        return self


class _Row(_Strict):
    id: _title(200)
    title: _title(24)
    description: _title(72) | None = None


class _Section(_Strict):
    title: _title(24) | None = None
    rows: Annotated[list[_Row], Field(min_length=1, max_length=10), AfterValidator(_are_different)]


class _Rows(_Strict):
    button: _title(20)
    sections: Annotated[list[_Section], Field(min_length=1, max_length=1)]
    """Several would need titles."""


class _TextAboveButtons(_Strict):
    text: Annotated[str, Field(min_length=1, max_length=1024)]


class _TextAboveList(_Strict):
    text: Annotated[str, Field(min_length=1, max_length=4096)]


class _ButtonQuestion(_Strict):
    type: Literal["button"]
    body: _TextAboveButtons
    action: _Buttons


class _ListQuestion(_Strict):
    type: Literal["list"]
    body: _TextAboveList
    action: _Rows


class _WhatsAppMessage(_Strict):
    messaging_product: Literal["whatsapp"]
    recipient_type: Literal["individual"]
    to: Annotated[str, Field(pattern=r"^\+?[0-9]{7,15}$")] | None = None
    recipient: Annotated[str, Field(pattern=r"^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$")] | None = (
        None
    )
    biz_opaque_callback_data: Annotated[str, Field(min_length=1, max_length=512)]
    type: Literal["text", "image", "video", "audio", "document", "template", "interactive"]
    context: _Context | None = None
    text: _Text | None = None
    image: _Image | None = None
    video: _Image | None = None
    audio: _Audio | None = None
    document: _Document | None = None
    template: _Template | None = None
    interactive: _ButtonQuestion | _ListQuestion | None = None

    @checked(mode="after")
    def _has_what_its_type_says(self) -> Self:
        given = self.model_fields_set & _CONTENTS
        assert given == {self.type}, "its content is not of its type"
        assert (self.to is None) != (self.recipient is None), "it goes to nobody, or to two"
        return self


class _Typing(_Strict):
    type: Literal["text"]


class _WhatsAppReceipt(_Strict):
    messaging_product: Literal["whatsapp"]
    status: Literal["read"]
    message_id: Name
    typing_indicator: _Typing | None = None


class _Recipient(_Strict):
    id: Annotated[str, Field(pattern=r"^[0-9]+$")]


class _Payload(_Strict):
    url: Link


class _Attachment(_Strict):
    type: Literal["image", "video", "audio", "file"]
    payload: _Payload


class _QuickReply(_Strict):
    content_type: Literal["text"]
    title: _title(20)
    """A longer one is cut, wherever that is."""
    payload: _title(1000)


class _InstagramText(_Strict):
    text: Annotated[str, AfterValidator(_in_1000_bytes)]
    quick_replies: Annotated[list[_QuickReply], Field(min_length=1, max_length=13)] | None = None


class _InstagramFile(_Strict):
    attachment: _Attachment


class _InstagramMessage(_Strict):
    recipient: _Recipient
    message: _InstagramText | _InstagramFile
    messaging_type: Literal["RESPONSE", "MESSAGE_TAG"]
    tag: Literal["HUMAN_AGENT"] | None = None

    @checked(mode="after")
    def _has_a_tag_where_it_must(self) -> Self:
        assert (self.messaging_type == "MESSAGE_TAG") == (self.tag is not None), "tag"
        return self


class _SenderAction(_Strict):
    recipient: _Recipient
    sender_action: Literal["mark_seen", "typing_on", "typing_off"]


_FORMS: dict[str, TypeAdapter[Any]] = {
    "whatsapp": TypeAdapter(_WhatsAppMessage | _WhatsAppReceipt),
    "instagram": TypeAdapter(_InstagramMessage | _SenderAction),
}


def problem_with(channel: str, body: object) -> str | None:
    """Return what Meta would find wrong with a body; None if it is good."""
    try:
        _FORMS[channel].validate_python(body)
    except ValidationError as error:
        return str(error.errors(include_url=False, include_input=False, include_context=False))
    return None


def link_in(body: Any) -> str | None:
    """Return the address of the file that a message has, if it has one."""
    if file := body.get(body.get("type"), {}):
        link = file.get("link")
        return str(link) if link else None
    url = body.get("message", {}).get("attachment", {}).get("payload", {}).get("url")
    return str(url) if url else None
