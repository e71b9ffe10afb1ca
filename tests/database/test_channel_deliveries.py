"""What becomes a delivery, and what does not."""

import json
import re
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from tests.database.outbox import Outbox
from tests.support.stacks import ROOT

DAY = 24 * 3600


def open_by_staff(outbox: Outbox, identifier: str, channel: str) -> UUID:
    row = outbox.one(
        "select public.create_conversation(%s, %s) as id", identifier, channel, by="service_role"
    )
    return UUID(str(row["id"]))


@pytest.mark.parametrize(("channel", "hours"), [("whatsapp", 24), ("instagram", 24), ("email", 48)])
def test_the_ais_answer_goes_out_by_the_customers_channel(
    outbox: Outbox, channel: str, hours: int
) -> None:
    """The customer would wait on their phone for what stands in the inbox."""
    conversation = outbox.hear(channel=channel)
    outbox.answer()
    delivery = outbox.delivery(conversation)
    message = outbox.message(delivery)

    assert (delivery["status"], delivery["position"]) == ("pending", 2)
    assert (message["delivery_status"], message["channel_type"]) == ("pending", channel)
    assert delivery["expires_at"] - delivery["created_at"] == timedelta(hours=hours)
    assert outbox.events("inbox")[-1]["payload"]["send_after"] is not None


def test_an_agents_message_goes_out_whatever_its_frontend_calls_the_channel(
    outbox: Outbox,
) -> None:
    """The original's frontends leave `channel_type` at its default, the website."""
    conversation = outbox.hear()
    message = outbox.reply(conversation, channel_type="website")

    assert (message["delivery_status"], message["channel_type"]) == ("pending", "whatsapp")
    assert outbox.delivery(conversation)["message_id"] == message["id"]


def test_a_handover_goes_out_and_so_does_its_repetition(outbox: Outbox) -> None:
    """Whoever waits for a human is told so where they wrote."""
    conversation = outbox.hear()
    (job,) = outbox.claim()
    outbox.settle(job, None, action="escalate", reason="human_requested")
    outbox.let_pass(3600)
    outbox.hear("Is anybody there?")

    assert [row["status"] for row in outbox.deliveries(conversation)] == ["pending", "pending"]


def test_what_waits_when_a_human_takes_over_is_still_sent(outbox: Outbox) -> None:
    """It is in the history that everybody sees: the customer must not miss it."""
    conversation = outbox.hear()
    outbox.answer("from the AI")
    outbox.run("select public.take_over_conversation(%s)", conversation, by=outbox.user("agent"))

    assert outbox.take_one()["content"] == "from the AI"


def test_an_echo_is_not_sent_again(outbox: Outbox) -> None:
    """What the team wrote in Instagram's app would come to the customer twice."""
    conversation = outbox.hear(channel="instagram")
    told = outbox.echo("I am Grace, how can I help?", "mid.app")

    assert told["outcome"] == "stored"
    assert outbox.deliveries(conversation) == []
    assert outbox.messages(conversation)[-1]["delivery_status"] == "sent"


def test_what_a_restored_backup_would_send_again_can_be_stopped(outbox: Outbox) -> None:
    """As docs/backup.md has it: whoever got the message then would get it once more."""
    page = (ROOT / "docs" / "backup.md").read_text()
    [statement] = re.findall(r"`(update public\.channel_deliveries[^`]+)`", page)
    conversation = outbox.hear()
    outbox.answer()
    outbox.run(statement)

    assert {row["status"] for row in outbox.deliveries(conversation)} == {"failed"}


def test_the_website_has_no_deliveries(outbox: Outbox) -> None:
    """Its customers read the row itself."""
    outbox.hear()
    conversation = outbox.open(outbox.user(), "one")
    outbox.answer()
    outbox.reply(conversation)

    assert outbox.deliveries(conversation) == []
    assert {row["delivery_status"] for row in outbox.messages(conversation)} == {"sent"}


def test_without_a_connected_account_nothing_changes(outbox: Outbox) -> None:
    """A project whose own program sends the messages goes on as before, until it connects."""
    outbox.run(
        "insert into public.communication_channels (name, type, external_account_id)"
        " values ('theirs', 'whatsapp', '123')"
    )
    conversation = open_by_staff(outbox, "+1 555 0100", "whatsapp")
    message = outbox.reply(conversation)

    assert message["delivery_status"] == "sent"
    assert outbox.deliveries(conversation) == []


def test_a_conversation_that_staff_opened_gets_the_only_account(outbox: Outbox) -> None:
    """An agent who looks a customer up by their number writes to their phone."""
    outbox.hear(who="15550199")
    conversation = open_by_staff(outbox, "+1 (555) 0100", "whatsapp")
    outbox.reply(conversation, metadata={"template": {"name": "hello"}})

    assert outbox.conversation(conversation)["channel_id"] == outbox.account()["id"]
    delivery = outbox.take_one()
    assert (delivery["recipient"], delivery["send_window"]) == ("15550100", "template")


def test_of_two_accounts_none_is_guessed(outbox: Outbox) -> None:
    """The customer would hear from a number that they do not know."""
    outbox.hear(who="15550198")
    outbox.hear(who="15550199", account="another")
    conversation = open_by_staff(outbox, "+15550100", "whatsapp")

    assert outbox.reply(conversation)["delivery_status"] == "sent"


def test_a_visitors_claim_is_nobodys_address(outbox: Outbox) -> None:
    """Anybody with a session could have the team's server mail whomever they name."""
    outbox.hear(channel="email")
    visitor = outbox.user()
    row = outbox.one(
        "select public.create_conversation('victim@example.com', 'email', 'Hi') as id", by=visitor
    )
    outbox.answer()
    outbox.reply(row["id"])

    assert outbox.deliveries(row["id"]) == []


@pytest.mark.parametrize(
    ("channel", "sender", "seconds", "metadata", "configuration", "window"),
    [
        ("whatsapp", "agent", DAY - 60, {}, {}, "open"),
        ("whatsapp", "agent", DAY + 60, {}, {}, None),
        ("whatsapp", "agent", DAY + 60, {}, {"template": "text"}, None),
        ("whatsapp", "agent", DAY + 60, {}, {"template": {"name": "late"}}, "template"),
        ("whatsapp", "agent", DAY + 60, {"template": {"name": "own"}}, {}, "template"),
        ("instagram", "agent", DAY - 60, {}, {}, "open"),
        ("instagram", "agent", DAY + 60, {}, {}, "human_agent"),
        ("instagram", "agent", 7 * DAY + 60, {}, {}, None),
        ("email", "agent", 70 * DAY, {}, {}, "open"),
    ],
)
def test_the_window_is_the_channels(
    outbox: Outbox,
    channel: str,
    sender: str,
    seconds: int,
    metadata: dict[str, object],
    configuration: dict[str, object],
    window: str | None,
) -> None:
    """Meta refuses what comes too late, and an account that tries too often."""
    conversation = outbox.hear(channel=channel)
    outbox.run(
        "update public.communication_channels set configuration = %s", json.dumps(configuration)
    )
    outbox.let_pass(seconds)
    outbox.reply(conversation, metadata=metadata)

    assert [row["send_window"] for row in outbox.take()] == ([window] if window else [])


def test_too_late_is_told_at_once(outbox: Outbox) -> None:
    """The agent who writes to a closed window sees it as they send, and what to do."""
    conversation = outbox.hear()
    outbox.let_pass(DAY + 1)
    message = outbox.reply(conversation)
    delivery = outbox.delivery(conversation)

    assert message["delivery_status"] == delivery["status"] == "failed"
    assert delivery["error_code"] == "window_closed"
    assert message["metadata"]["delivery_error"]["message"] == delivery["error"]
    assert "Send a template" in delivery["error"]
    events = [event["payload"] for event in outbox.events("inbox") if "failed" in event["event"]]
    assert [event["delivery_id"] for event in events] == [str(delivery["id"])]
    assert outbox.account()["failed_count"] == 0  # not the account's failure


def test_the_ais_answer_in_a_closed_window_does_not_undo_the_settle(outbox: Outbox) -> None:
    """An answer that cannot be sent is still an answer: the turn ends, and staff see why."""
    conversation = outbox.hear(channel="instagram")
    outbox.run("update public.ai_response_queue set deadline = deadline + interval '9 days'")
    (job,) = outbox.claim(lease=60)
    outbox.let_pass(DAY + 1)

    assert outbox.settle(job)["outcome"] == "replied"
    assert outbox.delivery(conversation)["error_code"] == "window_closed"


def test_a_customers_message_is_marked_as_read_while_the_ai_answers(outbox: Outbox) -> None:
    """The customer sees that somebody is there."""
    conversation = outbox.hear("one", id="wamid.one")
    outbox.hear("two", id="wamid.two")
    receipts = outbox.take(kind="receipt")

    assert [(row["reply_to"], row["is_typing"]) for row in receipts] == [("wamid.two", True)]
    outbox.tell(receipts[0])
    assert outbox.delivery(conversation, "receipt")["status"] == "sent"


def test_nobody_types_while_a_human_has_it_until_staff_read(outbox: Outbox) -> None:
    """Blue ticks are a promise that somebody looked."""
    conversation = outbox.hear("one")
    agent = outbox.user("agent")
    outbox.run("select public.take_over_conversation(%s)", conversation, by=agent)
    outbox.take()
    outbox.hear("two", id="wamid.two")
    outbox.hear("three", id="wamid.three")
    assert outbox.take(kind="receipt") == []

    outbox.run("select public.mark_conversation_read(%s)", conversation, by=agent)

    receipts = outbox.take(kind="receipt")
    assert [(row["reply_to"], row["is_typing"]) for row in receipts] == [("wamid.three", False)]


def test_a_receipt_is_sent_at_most_once_and_not_late(outbox: Outbox) -> None:
    """A tick an hour later tells nothing; a second call costs money."""
    conversation = outbox.hear()
    (receipt,) = outbox.take(kind="receipt", lease=1)
    outbox.let_pass(9)
    assert outbox.take(kind="receipt") == []
    outbox.let_pass(60)
    outbox.take()

    assert outbox.delivery(conversation, "receipt")["status"] == "failed"
    assert not [event for event in outbox.events("inbox") if event["event"] == "delivery.failed"]
    assert outbox.tell(receipt, "retry")["status"] == "failed"


def test_mail_has_no_receipts(outbox: Outbox) -> None:
    """There is nothing to send."""
    conversation = outbox.hear(channel="email")

    assert outbox.deliveries(conversation, "receipt") == []


def test_a_customers_files_are_fetched(outbox: Outbox) -> None:
    """Meta keeps them for minutes; the team needs them for longer."""
    media = [{"id": "media-1", "mime_type": "image/jpeg"}]
    conversation = outbox.hear("", type="image", media=media)
    (delivery,) = outbox.take(kind="media")
    assert delivery["media"] == media
    kept = [{"path": f"{conversation}/a.jpg", "mime_type": "image/jpeg", "size": 9, "name": None}]

    outbox.tell(delivery, media=kept)

    message = outbox.message(delivery)
    assert message["media_url"] == f"{conversation}/a.jpg"
    assert message["metadata"]["media"] == kept
    described = {"name": "a.jpg", "content_type": "image/jpeg", "size": 9}
    assert message["metadata"]["attachment"] == described
    assert outbox.events(f"conversation:{conversation}")[-1]["event"] == "message.updated"


def test_a_message_that_cannot_be_changed_ends_the_fetch_all_the_same(outbox: Outbox) -> None:
    """A trigger of the project's own made the settle fail, and the file was fetched for ever."""
    conversation = outbox.hear("", type="image", media=[{"id": "media-1"}])
    (delivery,) = outbox.take(kind="media")
    outbox.run(
        "create function public.refuse() returns trigger language plpgsql as"
        " $$ begin raise exception 'no'; end $$"
    )
    outbox.run(
        "create trigger refuse before update on public.messages"
        " for each row execute function public.refuse()"
    )

    told = outbox.tell(delivery, media=[{"path": f"{conversation}/a.jpg"}])
    assert (told["settled"], told["status"]) == (True, "sent")


def test_a_file_that_cannot_be_had_is_told_and_its_message_stays(outbox: Outbox) -> None:
    """The customer's message did not fail."""
    conversation = outbox.hear("", type="image", media=[{"id": "media-1"}])
    (delivery,) = outbox.take(kind="media")
    outbox.tell(delivery, "failed", error_code="gone", error="it is gone")

    assert outbox.message(delivery)["delivery_status"] == "sent"
    assert outbox.delivery(conversation, "media")["error_code"] == "gone"
    assert "delivery.failed" in {event["event"] for event in outbox.events("inbox")}


def test_a_file_of_another_conversation_is_not_sent(outbox: Outbox) -> None:
    """One customer's invoice would go to another."""
    other = outbox.hear(who="15550199")
    conversation = outbox.hear()
    attachment = {"attachment": {"name": "a.pdf", "content_type": "application/pdf", "size": 7}}
    outbox.reply(conversation, media_url=f"{conversation}/a.pdf", metadata=attachment)
    own = outbox.take_one()
    outbox.tell(own)
    outbox.reply(conversation, media_url=f"{other}/a.pdf", metadata=attachment)
    (others,) = outbox.take_one()["media"]

    assert own["media"] == [
        {
            "path": f"{conversation}/a.pdf",
            "name": "a.pdf",
            "mime_type": "application/pdf",
            "size": 7,
        }
    ]
    assert "path" not in others


def test_a_mail_answers_the_last_one_in_its_thread(outbox: Outbox) -> None:
    """The customer's program would show the answer as a new conversation."""
    thread = {"subject": "My order", "references": ["<first@example.com>"]}
    conversation = outbox.hear(channel="email", id="<second@example.com>", thread=thread)
    outbox.answer()
    delivery = outbox.take_one()

    assert delivery["recipient"] == "ada@example.com"
    assert delivery["reply_to"] == "<second@example.com>"
    assert delivery["thread"] == thread | {"reply_token": str(conversation)}


def test_a_pace_that_is_none_is_refused(outbox: Outbox) -> None:
    """An account would stand still because of a typing error."""
    outbox.hear()
    for pace in ('"fast"', "0", "-1", "100000", "null"):
        with pytest.raises(psycopg.errors.CheckViolation):
            outbox.run(
                "update public.communication_channels"
                " set configuration = jsonb_build_object('messages_per_second', %s::jsonb)",
                pace,
            )
