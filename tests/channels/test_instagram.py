"""Instagram's webhooks: every shape that Meta documents, in both forms, and what becomes of it."""

import pytest

from tests.channels.arrived import Database, jobs_of, message_of, messages_of, webhooks_with
from tests.channels.instagram_shapes import (
    COMMENT,
    IGNORED,
    MALFORMED,
    SHAPES,
    STORY_MENTION,
    attached,
    attachments,
)
from tests.channels.meta import AT, Meta, Payload, direct, event, instagram, new_id


def changed(account: str, field: str, value: Payload) -> Payload:
    """Return a webhook of the other form: one event, as a change."""
    change = {"field": field, "value": value}
    return {"object": "instagram", "entry": [{"id": account, "time": AT, "changes": [change]}]}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_message_becomes_a_row_that_a_person_can_read(
    meta: Meta, inbox: Database, shape: str
) -> None:
    """The team sees what the customer sent, of whatever kind, and the AI can answer it."""
    account, customer = new_id(), new_id()
    sent, expected = SHAPES[shape]
    answer = meta.post("instagram", instagram(account, event(account, customer, **sent)))
    stored = message_of(inbox, account)

    assert (answer.status_code, answer.json()["outcomes"]) == (200, {"stored": 1})
    assert {name: stored[name] for name in ("message_type", "content")} == {
        name: expected[name] for name in ("message_type", "content")
    }
    assert expected["metadata"].items() <= stored["metadata"].items()
    assert stored["metadata"]["sent_at"].startswith("2026-01-02T15:04:05")
    assert stored["metadata"].get("reply_to") == ("mid.quoted" if shape == "reply" else None)
    assert len(jobs_of(inbox, account)) == (0 if shape == STORY_MENTION else 1)


def test_files_are_known_by_their_addresses_and_links_stay_links(
    meta: Meta, inbox: Database
) -> None:
    """The worker fetches what the customer sent, not every story that they point to."""
    account = new_id()
    files = [attached(kind) for kind in ("image", "story_mention", "file")]
    meta.post("instagram", instagram(account, event(account, new_id(), **attachments(*files))))
    metadata = message_of(inbox, account)["metadata"]

    assert metadata["media"] == [{"url": file["payload"]["url"]} for file in (files[0], files[2])]
    assert metadata["attachments"] == files


@pytest.mark.parametrize("time", [str(AT), AT, AT * 1000])
def test_a_message_may_come_as_a_change(meta: Meta, inbox: Database, time: object) -> None:
    """So it does from Meta's dashboard, whose clock has seconds, and with some logins."""
    account, customer = new_id(), new_id()
    value = event(account, customer, **direct(text="Is it in stock?")) | {"timestamp": time}
    answer = meta.post("instagram", changed(account, "messages", value))
    stored = message_of(inbox, account)

    assert answer.json()["outcomes"] == {"stored": 1}
    assert stored["content"] == "Is it in stock?"
    assert stored["metadata"]["sent_at"].startswith("2026-01-02T15:04:05")


def test_many_events_in_one_call_are_all_stored_in_their_order(meta: Meta, inbox: Database) -> None:
    """Meta batches: several entries, several events; twice the same is one message."""
    one, other, customer = new_id(), new_id(), new_id()
    first, second, third = (
        event(one, customer, **direct(text=text)) | {"timestamp": AT * 1000 + place}
        for place, text in enumerate(["first", "second", "third"])
    )
    webhook = instagram(one, third, first, second, first)
    webhook["entry"] += instagram(other, event(other, customer, **direct(text="else")))["entry"]
    answers = [meta.post("instagram", webhook).json()["outcomes"] for _ in range(2)]

    assert answers == [{"stored": 4, "duplicate": 1}, {"duplicate": 5}]
    assert [row["content"] for row in messages_of(inbox, one)] == ["first", "second", "third"]
    assert message_of(inbox, other)["content"] == "else"


def test_a_conversation_lives(meta: Meta, inbox: Database) -> None:
    """Reactions, edits, an unsent message, the team's answer from the app, and that it was read."""
    account, customer = new_id(), new_id()
    asked, unsent, answered = (direct(text=text) for text in ("Is it blue", "Oops", "It is"))
    answered["message"] |= {"is_echo": True, "app_id": 1217981644879628}
    asked_id, unsent_id, answered_id = (
        each["message"]["mid"] for each in (asked, unsent, answered)
    )
    love = {"mid": asked_id, "action": "react", "reaction": "love", "emoji": "❤️"}
    steps: list[Payload] = [
        asked,
        unsent,
        {"message_edit": {"mid": asked_id, "text": "Is it blue?", "num_edit": 1}},
        {"reaction": love},
        {"message": {"mid": unsent_id, "is_deleted": True}},
        answered | {"sender": {"id": account}, "recipient": {"id": customer}},
        {"read": {"mid": answered_id}},
        {"reaction": {"mid": answered_id, "action": "react", "reaction": "wow"}},
        {"reaction": {"mid": asked_id, "action": "unreact"}},
        {"message_edit": {"mid": answered_id, "text": "It is free", "num_edit": 1}},  # not theirs
    ]
    outcomes = []
    for place, step in enumerate(steps):
        happened = event(account, customer) | {"timestamp": AT * 1000 + place} | step
        answer = meta.post("instagram", instagram(account, happened))
        outcomes += list(answer.json()["outcomes"])
    question, oops, reply = messages_of(inbox, account)

    assert outcomes == ["stored", "stored", *["updated"] * 3, "stored", *["updated"] * 4]
    assert (question["content"], question["metadata"].get("reactions")) == ("Is it blue?", None)
    assert (oops["content"], "deleted_at" in oops["metadata"]) == ("", True)
    assert (reply["sender_type"], reply["content"]) == ("agent", "It is")
    assert reply["delivery_status"] == "read"
    assert [each["emoji"] for each in reply["metadata"]["reactions"]] == ["😮"]
    assert question["requires_human"]


@pytest.mark.parametrize("reason", IGNORED | MALFORMED)
def test_what_is_no_message_is_counted_and_changes_nothing(
    meta: Meta, inbox: Database, reason: str
) -> None:
    """Apps subscribe to more than they need, and Meta invents more: none of it is an error."""
    account = new_id()
    happened = event(account, new_id(), **(IGNORED | MALFORMED)[reason])
    answer = meta.post("instagram", instagram(account, happened))
    (kept,) = webhooks_with(inbox, account)

    assert (answer.status_code, answer.json()["outcomes"]) == (200, {"ignored": 1})
    assert [each["reason"] for each in kept["events"]] == [reason]
    assert messages_of(inbox, account) == []


def test_a_trial_from_the_dashboard_is_no_account(meta: Meta, inbox: Database) -> None:
    """Meta's "Test" button sends its sample in the name of account 0."""
    value = event("23245", "12334", **direct(text="random_text"))
    answer = meta.post("instagram", changed("0", "messages", value))

    assert answer.json()["outcomes"] == {"ignored": 1}
    assert messages_of(inbox, "0") == []


def test_comments_and_what_another_app_answers_are_not_ours(meta: Meta, inbox: Database) -> None:
    """A comment is public; on standby another inbox has the conversation."""
    account = new_id()
    standby = instagram(account)
    standby["entry"][0] |= {"standby": [event(account, new_id(), **direct(text="not to us"))]}
    webhooks = [standby] + [
        changed(account, field, COMMENT) for field in ("comments", "live_comments", "mentions")
    ]
    answers = [meta.post("instagram", webhook).json()["outcomes"] for webhook in webhooks]

    assert answers == [{"ignored": 1}] * 4
    assert messages_of(inbox, account) == []
