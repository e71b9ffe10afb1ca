"""Every message that WhatsApp's Cloud API documents, and the row that it becomes."""

import json
from typing import Any

from tests.channels.meta import AT, CUSTOMER, NUMBER, Payload, message

Row = dict[str, Any]
FILE = {"mime_type": "image/jpeg", "sha256": "c29tZSBiYXNlNjQ=", "id": "900100200300400"}
UNSUPPORTED = [
    {
        "code": 131051,
        "title": "Message type unknown",
        "message": "Message type unknown",
        "error_data": {"details": "Message type is currently not supported."},
    }
]
TOO_LARGE = [{"code": 131052, "title": "Media download error"}]
ORDERED = {
    "catalog_id": "800100200300400",
    "text": "Before Friday, please",
    "product_items": [
        {"product_retailer_id": "TEA-50", "quantity": 2, "item_price": 7.5, "currency": "EUR"},
        {"product_retailer_id": "CUP-1", "quantity": 1, "item_price": 12, "currency": "EUR"},
    ],
}
PEOPLE = [
    {
        "name": {"first_name": "Repair", "formatted_name": "Repair Shop"},
        "phones": [{"phone": "+1 202-555-0171", "wa_id": "12025550171", "type": "WORK"}],
        "emails": [{"email": "repairs@example.com", "type": "WORK"}],
    },
    {"name": {"formatted_name": "Night Desk"}, "phones": [{"wa_id": "12025550172"}]},
]
PLACE = {
    "latitude": 51.5007,
    "longitude": -0.1246,
    "name": "Harbour Café",
    "address": "12 Quay Street",
    "url": "https://example.com/harbour-cafe",
}
AD = {
    "source_url": "https://example.com/ad",
    "source_id": "700100200300400",
    "source_type": "ad",
    "headline": "Tea at half price",
    "body": "This week only",
    "media_type": "image",
    "image_url": "https://example.com/tea.jpg",
    "ctwa_clid": "click-of-the-test",
}
PRODUCT = {"catalog_id": "800100200300400", "product_retailer_id": "TEA-50"}
BUTTON = {"type": "button_reply", "button_reply": {"id": "cancel", "title": "Cancel my order"}}
ROW_REPLY = {"id": "express", "title": "Express", "description": "Next day"}
LIST = {"type": "list_reply", "list_reply": ROW_REPLY}
FORM = {
    "type": "nfm_reply",
    "nfm_reply": {
        "name": "flow",
        "body": "Sent",
        "response_json": '{"flow_token": "t-1", "room_type": "double", "nights": 3}',
    },
}
FLOW = {
    "screen_0_How_was_it_0": "1_Very_good",
    "screen_0_Topics_1": ["0_Delivery", "2_Billing_and_refunds"],
    "screen_0_News_2": True,
    "screen_0_Calls_3": False,
    "screen_1_Your_words_0": "snake_case, please",
    "delivery_date": "1703257240046",
    "visit_day": "2026-03-01",
    "stay": {"start-date": "2026-03-01", "end-date": "2026-03-04"},
    "guests": {"adults": 2, "children": 0},
    "barcode": "4006381333931",
    "nothing": [],
    "empty": "",
    "missing": None,
    "proof": [{"id": 790, "mime_type": "image/jpeg", "sha256": "cafe", "file_name": "bill.jpg"}],
    "flow_token": "t-2",
    "wa_flow_response_params": {"flow_id": "1"},
}
FLOW_SHOWN = """How was it: Very good
Topics: Delivery, Billing and refunds
News: yes
Calls: no
Your words: snake_case, please
delivery date: 2023-12-22
visit day: 2026-03-01
stay: 2026-03-01 to 2026-03-04
guests: adults 2, children 0
barcode: 4006381333931
proof: bill.jpg"""
ADDRESS = {
    "type": "nfm_reply",
    "nfm_reply": {
        "name": "address_message",
        "body": "12 Quay Street, Harbour Town",
        "response_json": '{"values": {"city": "Harbour Town"}}',
    },
}
CALL = {
    "type": "call_permission_reply",
    "call_permission_reply": {"response": "accept", "response_source": "user_action"},
}
MOVED = {
    "body": "User Front Desk changed from 12025550142 to 12025550143",
    "wa_id": "12025550143",
    "type": "user_changed_number",
}
NEW_PHONE = {
    "body": "The user's identity changed",
    "customer": CUSTOMER,
    "type": "customer_identity_changed",
}
QUOTED = {"from": NUMBER, "id": "wamid.quoted"}


def form(answers: str, body: str = "Sent") -> Payload:
    reply = {"name": "flow", "body": body, "response_json": answers}
    return {"type": "nfm_reply", "nfm_reply": reply}


def text(content: str, **metadata: Any) -> Row:
    return {"message_type": "text", "content": content, "metadata": metadata}


def file(kind: str, content: str) -> Row:
    is_placeholder = {"is_placeholder": True} if content.startswith("[") else {}
    return {"message_type": kind, "content": content, "metadata": is_placeholder}


SHAPES: dict[str, tuple[Payload, Row]] = {
    "text": (message("text", {"body": "Is it in stock?"}), text("Is it in stock?")),
    "text without a body": (message("text", {}), text("[Empty message]")),
    "reply": (
        message("text", {"body": "This one"}, context=QUOTED),
        text("This one"),
    ),
    "forwarded": (
        message("text", {"body": "Look"}, context={"forwarded": True}),
        text("Look", forwarded=True),
    ),
    "forwarded often": (
        message("text", {"body": "Look"}, context={"frequently_forwarded": True}),
        text("Look", forwarded=True),
    ),
    "question about a product": (
        message("text", {"body": "How much?"}, context=QUOTED | {"referred_product": PRODUCT}),
        text("How much?", referred_product=PRODUCT),
    ),
    "from an ad": (
        message("text", {"body": "Still on?"}, referral=AD),
        text("Still on?", referral=AD),
    ),
    "image": (message("image", FILE), file("image", "[Image]")),
    "image with a caption": (
        message("image", FILE | {"caption": "It broke here"}),
        file("image", "It broke here"),
    ),
    "image with an address": (
        message("image", FILE | {"url": "https://example.com/file?id=1"}),
        file("image", "[Image]"),
    ),
    "video": (message("video", FILE | {"mime_type": "video/mp4"}), file("video", "[Video]")),
    "audio": (
        message("audio", FILE | {"mime_type": "audio/mpeg", "voice": False}),
        file("audio", "[Audio]"),
    ),
    "voice": (
        message("audio", FILE | {"mime_type": "audio/ogg; codecs=opus", "voice": True}),
        file("audio", "[Voice message]"),
    ),
    "document": (
        message("document", FILE | {"mime_type": "application/pdf", "filename": "bill.pdf"}),
        file("document", "[Document: bill.pdf]"),
    ),
    "sticker": (
        message("sticker", FILE | {"mime_type": "image/webp", "animated": True}),
        file("image", "[Sticker]"),
    ),
    "location": (
        message("location", PLACE),
        file("location", "Harbour Café, 12 Quay Street (51.5007, -0.1246)")
        | {"metadata": {"location": PLACE}},
    ),
    "current location": (
        message("location", {"latitude": 51.5, "longitude": 0}),
        file("location", "51.5, 0"),
    ),
    "contacts": (
        message("contacts", PEOPLE),
        text(
            "Contact: Repair Shop, +1 202-555-0171, repairs@example.com\n"
            "Contact: Night Desk, 12025550172",
            contacts=PEOPLE,
        ),
    ),
    "button reply": (
        message("interactive", BUTTON, context=QUOTED),
        text("Cancel my order", interactive=BUTTON),
    ),
    "list reply": (
        message("interactive", LIST, context=QUOTED),
        text("Express", interactive=LIST),
    ),
    "form": (
        message("interactive", FORM, context=QUOTED),
        text("room type: double\nnights: 3"),
    ),
    "form with more than texts": (
        message("interactive", form(json.dumps(FLOW)), context=QUOTED),
        text(
            FLOW_SHOWN,
            media=[
                {
                    "id": "790",
                    "mime_type": "image/jpeg",
                    "name": "bill.jpg",
                    "sha256": "cafe",
                }
            ],
        ),
    ),
    "form without answers": (
        message("interactive", form('{"flow_token": "t-3"}', body=""), context=QUOTED),
        text("[Form]", is_placeholder=True),
    ),
    "address": (
        message("interactive", ADDRESS, context=QUOTED),
        text("12 Quay Street, Harbour Town"),
    ),
    "call permission": (
        message("interactive", CALL, context=QUOTED),
        text("[Call permission: accept]", interactive=CALL),
    ),
    "interactive that Meta could not tell": (
        message("interactive", context=QUOTED),
        text("[Reply]"),
    ),
    "template's button": (
        message("button", {"payload": "stop", "text": "Stop promotions"}, context=QUOTED),
        text("Stop promotions", button={"payload": "stop", "text": "Stop promotions"}),
    ),
    "order": (
        message("order", ORDERED),
        text(
            "Order:\n2 x TEA-50 (7.5 EUR each)\n1 x CUP-1 (12 EUR each)\nBefore Friday, please",
            order=ORDERED,
        ),
    ),
    "changed number": (message("system", MOVED), text(MOVED["body"], system=MOVED)),
    "changed identity": (message("system", NEW_PHONE), text(NEW_PHONE["body"], system=NEW_PHONE)),
    "unsupported": (
        message("unsupported", errors=UNSUPPORTED),
        text("[Unsupported message]", type="unsupported", errors=UNSUPPORTED),
    ),
    "poll": (
        message("unsupported", {"type": "poll_creation"}, errors=UNSUPPORTED),
        text(
            "[Unsupported message: poll_creation]",
            type="unsupported",
            unsupported={"type": "poll_creation"},
            errors=UNSUPPORTED,
            is_placeholder=True,
            is_unsupported=True,
        ),
    ),
    "file that Meta found too large": (
        message("image", FILE | {"id": None}, errors=TOO_LARGE),
        file("image", "[Image]") | {"metadata": {"errors": TOO_LARGE, "is_placeholder": True}},
    ),
    "disappearing": (
        message("ephemeral"),
        text("[Unsupported message]", type="ephemeral"),
    ),
    "of a type that is not known yet": (
        message("hologram", {"beam": 1}),
        text("[Unsupported message]", type="hologram"),
    ),
}

AUTOMATIC = {"changed number", "changed identity"}


def status(name: str, of: str, **more: Any) -> Payload:
    """Return what became of a message that the team sent."""
    return {
        "id": of,
        "status": name,
        "timestamp": str(AT + 60),
        "recipient_id": CUSTOMER,
        "conversation": {"id": "600100200300400", "origin": {"type": "service"}},
        "pricing": {"billable": True, "pricing_model": "PMP", "category": "service"},
        **more,
    }
