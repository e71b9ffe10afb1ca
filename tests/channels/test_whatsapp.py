"""WhatsApp's webhooks: every shape that the Cloud API documents, and what becomes of it."""

import pytest

from tests.channels import whatsapp_shapes
from tests.channels.arrived import (
    Database,
    Row,
    jobs_of,
    message_of,
    messages_of,
    webhooks_with,
)
from tests.channels.deliveries import channels_of, delivery
from tests.channels.graph import TOKEN, open_graph
from tests.channels.meta import (
    CUSTOMER,
    NUMBER,
    Meta,
    Payload,
    message,
    messages,
    new_id,
    whatsapp,
)
from tests.channels.whatsapp_shapes import AUTOMATIC, SHAPES, status


def outcomes(answer_json: Payload) -> Payload:
    return answer_json["outcomes"]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_message_becomes_a_row_that_a_person_can_read(
    meta: Meta, inbox: Database, shape: str
) -> None:
    """The team sees what the customer sent, of whatever kind, and the AI can answer it."""
    account = new_id()
    sent, expected = SHAPES[shape]
    answer = meta.post("whatsapp", whatsapp(account, messages(sent)))
    stored = message_of(inbox, account)

    assert (answer.status_code, answer.json()["outcomes"]) == (200, {"stored": 1})
    assert {name: stored[name] for name in ("message_type", "content")} == {
        name: expected[name] for name in ("message_type", "content")
    }
    assert expected["metadata"].items() <= stored["metadata"].items()
    assert stored["metadata"]["sent_at"].startswith("2026-01-02T15:04:05")
    assert stored["metadata"].get("reply_to") == sent.get("context", {}).get("id")
    assert stored["external_message_id"] == sent["id"]
    assert stored["customer_name"] == "Front Desk"
    assert stored["customer_phone"] == f"+{sent.get('system', {}).get('wa_id', CUSTOMER)}"
    assert len(jobs_of(inbox, account)) == (0 if shape in AUTOMATIC else 1)


@pytest.mark.parametrize("kind", ["image", "video", "audio", "sticker", "document"])
def test_a_file_is_known_by_its_id_for_the_worker_to_fetch(
    meta: Meta, inbox: Database, kind: str
) -> None:
    """Meta's addresses need our token and live for minutes: the id is what lasts."""
    account = new_id()
    file = whatsapp_shapes.FILE | {"filename": "bill.pdf"}
    meta.post("whatsapp", whatsapp(account, messages(message(kind, file))))

    assert message_of(inbox, account)["metadata"]["media"] == [
        {
            "id": file["id"],
            "mime_type": file["mime_type"],
            "sha256": file["sha256"],
            "name": "bill.pdf",
        }
    ]


def test_many_messages_in_one_call_are_all_stored_in_their_order(
    meta: Meta, inbox: Database
) -> None:
    """Meta batches: several entries, several changes, several messages, two numbers of the team."""
    one, other = new_id(), new_id()
    first, second, third = (
        message("text", {"body": body}, timestamp=str(1767366245 + place))
        for place, body in enumerate(["first", "second", "third"])
    )
    webhook = whatsapp(one, messages(third, first), messages(second))
    webhook["entry"] += whatsapp(other, messages(message("text", {"body": "elsewhere"})))["entry"]
    answer = meta.post("whatsapp", webhook)

    assert answer.json()["outcomes"] == {"stored": 4}
    assert [row["content"] for row in messages_of(inbox, one)] == ["first", "second", "third"]
    assert message_of(inbox, other)["content"] == "elsewhere"


def test_a_webhook_that_comes_twice_is_one_message(meta: Meta, inbox: Database) -> None:
    """Meta repeats what was answered too late."""
    account = new_id()
    webhook = whatsapp(account, messages(message("text", {"body": "once"})))
    answers = [meta.post("whatsapp", webhook).json() for _ in range(3)]

    assert [answer["outcomes"] for answer in answers] == [{"stored": 1}] + [{"duplicate": 1}] * 2
    assert len({answer["webhook_id"] for answer in answers}) == 1
    assert message_of(inbox, account)["content"] == "once"


def test_reactions_come_and_go(meta: Meta, inbox: Database) -> None:
    """A heart under a message is seen, and so is that it was taken back."""
    account = new_id()
    sent = message("text", {"body": "Thanks!"})
    reactions = [{"emoji": "❤️"}, {"emoji": "👍"}, {"emoji": ""}, {"emoji": "🙏"}, {}]
    meta.post("whatsapp", whatsapp(account, messages(sent)))
    seen = []
    for place, reaction in enumerate(reactions):
        reacted = message(
            "reaction", {"message_id": sent["id"], **reaction}, timestamp=str(1767366300 + place)
        )
        assert outcomes(meta.post("whatsapp", whatsapp(account, messages(reacted))).json()) == {
            "updated": 1
        }
        seen.append(
            [each["emoji"] for each in message_of(inbox, account)["metadata"].get("reactions", [])]
        )

    assert seen == [["❤️"], ["👍"], [], ["🙏"], []]


def test_an_edit_and_a_deletion_change_the_message(meta: Meta, inbox: Database) -> None:
    """What the customer took back is nowhere to be read."""
    account = new_id()
    sent = message("image", whatsapp_shapes.FILE | {"caption": "My old address"})
    edited = message(
        "edit",
        {
            "original_message_id": sent["id"],
            "message": {
                "type": "image",
                "image": whatsapp_shapes.FILE | {"caption": "My new address"},
            },
        },
        timestamp="1767366300",
    )
    revoked = message("revoke", {"original_message_id": sent["id"]}, timestamp="1767366400")
    contents = []
    for step in (sent, edited, revoked):
        meta.post("whatsapp", whatsapp(account, messages(step)))
        contents.append(message_of(inbox, account)["content"])

    assert contents == ["My old address", "My new address", ""]
    assert "deleted_at" in message_of(inbox, account)["metadata"]


def echoes(*sent: Payload) -> Payload:
    return {"field": "smb_message_echoes", "value": {"message_echoes": list(sent)}}


def echo(kind: str, part: Payload, **more: str) -> Payload:
    return message(kind, part, **{"from": NUMBER, "to": CUSTOMER, **more})


def test_what_the_team_writes_in_the_app_takes_the_conversation_over(
    meta: Meta, inbox: Database
) -> None:
    """An answer from somebody's phone is seen by the others, and the AI is silent after it."""
    account = new_id()
    sent = echo("text", {"body": "I am on it"}, timestamp="1767366300")
    edit = {
        "original_message_id": sent["id"],
        "message": {"type": "text", "text": {"body": "I am on it, Front Desk"}},
    }
    edited = echo("edit", edit, timestamp="1767366400")
    forged = message("edit", edit | {"message": {"type": "text", "text": {"body": "It is free"}}})
    meta.post("whatsapp", whatsapp(account, messages(message("text", {"body": "Help"}))))
    answers = [meta.post("whatsapp", whatsapp(account, echoes(each))) for each in (sent, edited)]
    meta.post("whatsapp", whatsapp(account, messages(forged | {"timestamp": "1767366500"})))
    rows = messages_of(inbox, account)

    assert [outcomes(answer.json()) for answer in answers] == [{"stored": 1}, {"updated": 1}]
    assert [(row["sender_type"], row["content"]) for row in rows] == [
        ("user", "Help"),
        ("agent", "I am on it, Front Desk"),
    ]
    assert rows[0]["requires_human"]


def test_what_the_team_sent_in_forms_of_the_app_can_be_read(meta: Meta, inbox: Database) -> None:
    """Buttons and templates have no text where a customer's message has it."""
    account = new_id()
    buttons = {"type": "button", "body": {"text": "Shall we call?"}, "action": {"buttons": []}}
    template = {"name": "order_ready", "language": {"code": "en"}}
    sent = [echo("interactive", buttons), echo("template", template)]
    meta.post("whatsapp", whatsapp(account, echoes(*sent)))

    assert [row["content"] for row in messages_of(inbox, account)] == [
        "Shall we call?",
        "[Template: order_ready]",
    ]


@pytest.mark.parametrize("name", ["sent", "delivered", "read", "failed"])
def test_a_status_is_shown_on_the_message_that_the_team_sent(
    meta: Meta, inbox: Database, name: str
) -> None:
    """The team sees whether its answer arrived, and why not."""
    account = new_id()
    sent = echo("text", {"body": "On its way"})
    error = {
        "code": 131047,
        "title": "Re-engagement message",
        "message": "Re-engagement message",
        "error_data": {"details": "More than 24 hours have passed since the customer replied."},
    }
    meta.post("whatsapp", whatsapp(account, echoes(sent)))
    told = status(name, sent["id"], **({"errors": [error]} if name == "failed" else {}))
    change = {"field": "messages", "value": {"statuses": [told]}}
    answer = meta.post("whatsapp", whatsapp(account, change))
    stored = message_of(inbox, account)

    assert answer.status_code == 200
    assert stored["delivery_status"] == name
    assert stored["metadata"].get("delivery_error") == (
        {"code": "131047", "message": error["error_data"]["details"]} if name == "failed" else None
    )


def test_a_voice_message_that_was_heard_was_read(meta: Meta, inbox: Database) -> None:
    """`played` is a status of its own."""
    account = new_id()
    sent = echo("text", {"body": "Listen"})
    meta.post("whatsapp", whatsapp(account, echoes(sent)))
    change = {"field": "messages", "value": {"statuses": [status("played", sent["id"])]}}
    meta.post("whatsapp", whatsapp(account, change))

    assert message_of(inbox, account)["delivery_status"] == "read"


def test_who_has_no_number_is_known_by_their_user_id(meta: Meta, inbox: Database) -> None:
    """People with a username may hide their number, show it later, and are the same person."""
    account, user_id = new_id(), f"US.{new_id()}"
    hidden = message("text", {"body": "Hello"}, from_user_id=user_id)
    del hidden["from"]
    profile = {"name": "Front Desk", "username": "front.desk"}
    person = {"profile": profile, "user_id": user_id}
    shown = message("text", {"body": "My number"}, from_user_id=user_id, timestamp="1767366300")
    meta.post("whatsapp", whatsapp(account, messages(hidden, contacts=[person])))
    meta.post(
        "whatsapp", whatsapp(account, messages(shown, contacts=[person | {"wa_id": CUSTOMER}]))
    )
    rows = messages_of(inbox, account)

    assert [row["content"] for row in rows] == ["Hello", "My number"]
    assert len({row["conversation_id"] for row in rows}) == 1


async def test_who_has_no_number_is_answered_by_their_user_id() -> None:
    """`to` takes numbers alone: the answer would fail."""
    user_id = "US.13491208655302741918"
    async with open_graph() as graph, channels_of(graph) as channels:
        sending = delivery("whatsapp", recipient=user_id)
        (part,) = channels["whatsapp"].split(sending)
        await channels["whatsapp"].send(sending, part, TOKEN)
        (accepted,) = graph.accepted

    assert (accepted.body["recipient"], accepted.body.get("to")) == (user_id, None)


def test_who_changed_the_number_is_still_the_same(meta: Meta, inbox: Database) -> None:
    """Meta says so once; what comes from the new number belongs to the old conversation."""
    account, new_number = new_id(), "12025550143"
    moved = message("system", whatsapp_shapes.MOVED, timestamp="1767366300")
    later = message("text", {"body": "after"}, timestamp="1767366400") | {"from": new_number}
    meta.post("whatsapp", whatsapp(account, messages(message("text", {"body": "before"}))))
    meta.post("whatsapp", whatsapp(account, messages(moved, contacts=[])))
    meta.post("whatsapp", whatsapp(account, messages(later, contacts=[])))
    rows = messages_of(inbox, account)

    assert [row["content"] for row in rows] == ["before", moved["system"]["body"], "after"]
    assert len({row["conversation_id"] for row in rows}) == 1


IGNORED: dict[str, Payload] = {
    "request_welcome": messages(message("request_welcome")),
    "group": messages(message("text", {"body": "to all"}, group_id="group-1")),
    "reaction_of_the_team": echoes(echo("reaction", {"message_id": "wamid.1", "emoji": "👍"})),
    "status_deleted": {"field": "messages", "value": {"statuses": [status("deleted", "wamid.1")]}},
    "history": {"field": "history", "value": {"history": []}},
    "account_update": {"field": "account_update", "value": {"event": "VERIFIED_ACCOUNT"}},
    "message_template_status_update": {
        "field": "message_template_status_update",
        "value": {"event": "APPROVED", "message_template_id": 1},
    },
    "message_of_nobody": messages({"id": "wamid.1", "type": "text"}, contacts=[]),
    "message_without_id": messages({"from": CUSTOMER, "type": "text"}),
    "deletion_of_nothing": messages(message("revoke", {})),
    "edit_of_nothing": messages(message("edit", {})),
    "reaction_to_nothing": messages(message("reaction", {"emoji": "👍"})),
    "messages": messages(),
}


@pytest.mark.parametrize("reason", IGNORED)
def test_what_is_no_message_is_counted_and_changes_nothing(
    meta: Meta, inbox: Database, reason: str
) -> None:
    """Apps subscribe to more than they need, and Meta invents more: none of it is an error."""
    account = new_id()
    answer = meta.post("whatsapp", whatsapp(account, IGNORED[reason]))
    (kept,) = webhooks_with(inbox, account)

    assert (answer.status_code, answer.json()["outcomes"]) == (200, {"ignored": 1})
    assert [event["reason"] for event in kept["events"]] == [reason]
    assert messages_of(inbox, account) == []


def test_a_problem_of_the_account_is_shown(meta: Meta, inbox: Database) -> None:
    """An operator sees that Meta cannot deliver, before customers complain."""
    account = new_id()
    error = {"code": 130429, "title": "Rate limit hit", "error_data": {"details": "Slow down."}}
    change = {"field": "messages", "value": {"errors": [error]}}
    meta.post("whatsapp", whatsapp(account, change))
    channel = inbox.execute(
        "select status, last_error from communication_channels where external_account_id = %s",
        [account],
    ).fetchone()

    assert channel == Row(status="error", last_error="130429 Slow down.")
