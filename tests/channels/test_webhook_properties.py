"""What Meta signed, however odd, loses nothing beside it; nothing comes unsigned."""

import copy

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.channels import instagram_shapes, whatsapp_shapes
from tests.channels.arrived import Database, messages_of, webhooks_with
from tests.channels.meta import (
    Meta,
    Payload,
    direct,
    event,
    instagram,
    message,
    messages,
    new_id,
    whatsapp,
)
from tests.channels.mutations import mutated

few = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WHATSAPP = [sent for sent, _ in whatsapp_shapes.SHAPES.values()] + [
    message("reaction", {"message_id": "wamid.1", "emoji": "👍"}),
    message("revoke", {"original_message_id": "wamid.1"}),
    message("edit", {"original_message_id": "wamid.1", "message": message("text", {"body": "x"})}),
]
INSTAGRAM = [sent for sent, _ in instagram_shapes.SHAPES.values()] + [
    {"reaction": {"mid": "mid.1", "action": "react", "reaction": "love"}},
    {"read": {"mid": "mid.1"}},
    {"message_edit": {"mid": "mid.1", "text": "x", "num_edit": 1}},
    {"message": {"mid": "mid.1", "is_deleted": True}},
]


def contents(inbox: Database, account: str) -> list[str]:
    return [row["content"] for row in messages_of(inbox, account)]


@few
@given(odd=st.sampled_from(WHATSAPP).flatmap(mutated))
def test_odd_messages_of_whatsapp_lose_nothing_beside_them(
    meta: Meta, inbox: Database, odd: Payload
) -> None:
    """One message that Meta, or we, got wrong must not hide another customer's."""
    account = new_id()
    before, after = (message("text", {"body": body}) for body in ("before", "after"))
    change = messages(before, copy.deepcopy(odd), after)
    answer = meta.post("whatsapp", whatsapp(account, change))

    assert answer.status_code == 200
    assert "failed" not in answer.json()["outcomes"]
    assert contents(inbox, account).count("before") == 1
    assert contents(inbox, account).count("after") == 1


@few
@given(odd=st.sampled_from(INSTAGRAM).flatmap(mutated))
def test_odd_events_of_instagram_lose_nothing_beside_them(
    meta: Meta, inbox: Database, odd: Payload
) -> None:
    """One event that Meta, or we, got wrong must not hide another customer's message."""
    account = new_id()
    before, after = (event(account, new_id(), **direct(text=text)) for text in ("before", "after"))
    strange = event(account, new_id()) | odd if isinstance(odd, dict) else odd
    answer = meta.post("instagram", instagram(account, before, strange, after))

    assert answer.status_code == 200
    assert "failed" not in answer.json()["outcomes"]
    assert contents(inbox, account).count("before") == 1
    assert contents(inbox, account).count("after") == 1


WEBHOOKS = [
    ("whatsapp", whatsapp("100", messages(message("text", {"body": "hello"})))),
    (
        "whatsapp",
        whatsapp(
            "100",
            {
                "field": "messages",
                "value": {
                    "statuses": [whatsapp_shapes.status("failed", "wamid.1", errors=[{"code": 1}])],
                    "errors": [{"code": 130429, "title": "Rate limit hit"}],
                },
            },
        ),
    ),
    ("instagram", instagram("100", event("100", "200", **direct(text="hello")))),
]


@few
@given(data=st.data(), case=st.sampled_from(WEBHOOKS))
def test_odd_webhooks_are_taken_or_refused_for_good(
    meta: Meta, data: st.DataObject, case: tuple[str, Payload]
) -> None:
    """A 5xx would make Meta send it again and again, and then cut the webhook off."""
    channel, webhook = case
    answer = meta.post(channel, data.draw(mutated(webhook)))

    assert answer.status_code in (200, 400)
    assert "failed" not in answer.json().get("outcomes", {})


@few
@given(
    data=st.data(),
    case=st.sampled_from(WEBHOOKS),
    signature=st.text("0123456789abcdef", max_size=66),
)
def test_nothing_is_kept_of_what_is_not_signed(
    meta: Meta, inbox: Database, data: st.DataObject, case: tuple[str, Payload], signature: str
) -> None:
    """Neither a message nor the webhook itself: nobody fills the database from outside."""
    channel, webhook = case
    mark = new_id("mark")
    webhook = {
        "object": webhook["object"],
        "mark": mark,
        "entry": data.draw(mutated(webhook["entry"])),
    }
    answer = meta.post(channel, webhook, **{"x-hub-signature-256": f"sha256={signature}"})

    assert answer.status_code == 401
    assert webhooks_with(inbox, mark) == []
