"""Every message that Instagram documents, and the row that it becomes."""

from typing import Any

from tests.channels.meta import Payload, direct, new_id

Row = dict[str, Any]
CDN = "https://example.com/media?asset_id="
STORY = {"id": "17900000000000001", "url": f"{CDN}1"}
AD = {
    "ref": "spring",
    "ad_id": "6000000000001",
    "source": "ADS",
    "type": "OPEN_THREAD",
    "ads_context_data": {"ad_title": "Tea at half price", "photo_url": f"{CDN}2"},
}
SHOP = {"product": {"id": "5000000000001"}}


STORY_MENTION = "story mention"
"""It is shown, and nobody has to answer."""


def attached(kind: str, **payload: Any) -> Payload:
    return {"type": kind, "payload": {"url": f"{CDN}{kind}", **payload}}


def attachments(*files: Payload, **more: Any) -> Payload:
    return direct(attachments=list(files), **more)


def text(content: str, **metadata: Any) -> Row:
    return {"message_type": "text", "content": content, "metadata": metadata}


def file(kind: str, content: str) -> Row:
    is_placeholder = {"is_placeholder": True} if content.startswith("[") else {}
    return {"message_type": kind, "content": content, "metadata": is_placeholder}


def link(kind: str, content: str, **payload: Any) -> tuple[Payload, Row]:
    """Return a message that points to something, which stays a link."""
    attachment = attached(kind, **payload)
    return attachments(attachment), text(content, attachments=[attachment])


SHAPES: dict[str, tuple[Payload, Row]] = {
    "text": (direct(text="Is it in stock?"), text("Is it in stock?")),
    "reply": (direct(text="This one", reply_to={"mid": "mid.quoted"}), text("This one")),
    "story reply": (
        direct(text="Where is that?", reply_to={"story": STORY}),
        text("Where is that?", story=STORY),
    ),
    "quick reply": (
        direct(text="Yes", quick_reply={"payload": "confirm"}),
        text("Yes", quick_reply={"payload": "confirm"}),
    ),
    "from an ad": (direct(text="Still on?", referral=AD), text("Still on?", referral=AD)),
    "from a shop": (direct(text="In blue?", referral=SHOP), text("In blue?", referral=SHOP)),
    "image": (attachments(attached("image")), file("image", "[Image]")),
    "several images": (
        attachments(attached("image"), attached("image")),
        file("image", "[Image]\n[Image]"),
    ),
    "image with a text": (
        attachments(attached("image"), text="It broke here"),
        file("image", "It broke here"),
    ),
    "video": (attachments(attached("video")), file("video", "[Video]")),
    "audio": (attachments(attached("audio")), file("audio", "[Voice message]")),
    "file": (attachments(attached("file")), file("document", "[File]")),
    "sticker": (attachments(attached("sticker")), file("image", "[Sticker]")),
    "share": link("share", "[Shared post]"),
    "post": link("ig_post", "[Shared post] Tea week", ig_post_media_id="1", title="Tea week"),
    "reel": link("ig_reel", "[Shared reel] How we brew", reel_video_id="2", title="How we brew"),
    "old reel": link("reel", "[Shared reel]"),
    "story": link("ig_story", "[Shared story]"),
    STORY_MENTION: link("story_mention", "[Mentioned you in a story]"),
    "product": link("template", "[Card]", product={"elements": [{"title": "Tea"}]}),
    "heart": (
        attachments({"type": "like_heart"}),
        text("❤️", attachments=[{"type": "like_heart"}]),
    ),
    "disappearing": (
        attachments({"type": "ephemeral"}),
        text("[Disappearing message]", attachments=[{"type": "ephemeral"}]),
    ),
    "attachment that is not known yet": (
        attachments({"type": "hologram", "payload": {"beam": 1}}),
        text(
            "[Unsupported attachment]", attachments=[{"type": "hologram", "payload": {"beam": 1}}]
        ),
    ),
    "unsupported": (
        direct(is_unsupported=True),
        text("[Unsupported message]", is_placeholder=True, is_unsupported=True),
    ),
    "button": (
        {"postback": {"mid": new_id("mid."), "title": "Opening hours", "payload": "HOURS"}},
        text("Opening hours", postback={"title": "Opening hours", "payload": "HOURS"}),
    ),
    "old button": (
        {"postback": {"title": "Opening hours", "payload": "HOURS"}},
        text("Opening hours", postback={"title": "Opening hours", "payload": "HOURS"}),
    ),
}

IGNORED: dict[str, Payload] = {
    "referral": {
        "referral": {"ref": "spring", "source": "IGME-SOURCE-LINK", "type": "OPEN_THREAD"}
    },
    "optin": {"optin": {"type": "notification_messages", "payload": "news"}},
    "pass_thread_control": {"pass_thread_control": {"new_owner_app_id": "1", "metadata": "over"}},
    "take_thread_control": {"take_thread_control": {"previous_owner_app_id": "1"}},
    "request_thread_control": {"request_thread_control": {"requested_owner_app_id": "1"}},
    "app_roles": {"app_roles": {"1": ["primary_receiver"]}},
    "policy_enforcement": {"policy_enforcement": {"action": "warning", "reason": "a reason"}},
    "hologram": {"hologram": {"beam": 1}},
    "nameless": {},
}

MALFORMED: dict[str, Payload] = {
    "message_without_id": {"message": {"text": "who?"}},
    "message_of_nobody": direct(text="who?") | {"sender": {}},
    "message_to_itself": direct(text="note", is_self=True),
    "postback_of_nobody": {"postback": {"title": "Hours"}, "sender": {}},
    "reaction_to_nothing": {"reaction": {"action": "react", "emoji": "👍"}},
    "edit_of_nothing": {"message_edit": {"mid": "mid.1", "num_edit": 0}},
    "read": {"read": {"watermark": 1}},
}

COMMENT: Payload = {
    "id": "17900000000000009",
    "from": {"id": "17800000000000009", "username": "tea.lover"},
    "text": "Lovely",
    "media": {"id": "17700000000000009", "media_product_type": "FEED"},
}
