"""Who passes for somebody else on a channel: nobody, by whatever they say, know or own."""

import json
from collections.abc import Iterator

import pytest

from tests.database.channels import Channel, about, mail, message
from tests.database.inbox import Row
from tests.database.outbox import Outbox


@pytest.fixture
def outbox(inbox_url: str) -> Iterator[Outbox]:
    with Outbox(inbox_url) as opened, opened.connection.transaction(force_rollback=True):
        yield opened


@pytest.mark.parametrize(
    ("channel", "event", "column", "claimed"),
    [
        ("email", mail(1), "email", "Buyer@example.com"),
        ("whatsapp", message(1), "phone", "+1 555 0100"),
    ],
)
def test_what_staff_note_of_a_visitor_opens_nobodys_messages(
    outbox: Outbox, channel: str, event: Row, column: str, claimed: str
) -> None:
    """A visitor claims another's address, an agent notes it: they would read their mail."""
    visitor, agent = outbox.user(), outbox.user("agent")
    conversation = outbox.open(visitor, "I am the buyer, write to me there.")
    outbox.run(
        f"update public.customer_profiles set {column} = %s where id ="
        " (select customer_id from public.conversations where id = %s)",
        claimed,
        conversation,
        by=agent,
    )
    stored = Channel(outbox, channel).store(event)

    seen = outbox.run("select id from public.conversations", by=visitor)
    assert [row["id"] for row in seen] == [conversation]
    assert outbox.conversation(stored["conversation_id"])["user_email"] == (
        "buyer@example.com" if channel == "email" else None
    )
    outbox.reply(stored["conversation_id"])
    assert outbox.take_one()["recipient"] in ("buyer@example.com", "15550100")


def test_who_signed_in_with_an_address_is_the_one_who_writes_from_it(outbox: Outbox) -> None:
    """It is confirmed: their mails and what they write on the website are one customer's."""
    visitor, agent = outbox.user(), outbox.user("agent")
    conversation = outbox.open(visitor)
    outbox.run(
        "update public.customer_profiles set email = %s where user_id = %s",
        "buyer@example.com",
        visitor,
        by=agent,
    )
    outbox.run(
        "update auth.users set email = 'buyer@example.com', email_confirmed_at = now(),"
        " confirmation_sent_at = now() where id = %s",
        visitor,
    )
    stored = Channel(outbox, "email").store(mail(1))

    customers = [
        outbox.conversation(one)["customer_id"] for one in (conversation, stored["conversation_id"])
    ]
    assert customers[0] == customers[1]


def test_an_address_that_no_mail_was_sent_to_proves_nothing(outbox: Outbox) -> None:
    """Where a project asks for no confirmation, whoever signs up first has anybody's address."""
    visitor, agent = outbox.user(), outbox.user("agent")
    conversation = outbox.open(visitor)
    outbox.run(
        "update public.customer_profiles set email = %s where user_id = %s",
        "buyer@example.com",
        visitor,
        by=agent,
    )
    outbox.run(
        "update auth.users set email = 'buyer@example.com', email_confirmed_at = now(),"
        """ raw_app_meta_data = '{"provider": "email"}' where id = %s""",
        visitor,
    )
    stored = Channel(outbox, "email").store(mail(1))

    customers = [
        outbox.conversation(one)["customer_id"] for one in (conversation, stored["conversation_id"])
    ]
    assert customers[0] != customers[1]


def test_who_knows_the_id_of_a_mail_neither_keeps_it_out_nor_takes_its_place(
    outbox: Outbox,
) -> None:
    """Whoever got a copy of it, and was quicker, would make the customer's own a duplicate."""
    letters = Channel(outbox, "email")
    forged = letters.store(mail(1, sender="stranger@example.net"))
    (stored,) = letters.receive(mail(1))
    again = letters.receive(mail(1), mail(1, sender="stranger@example.net"))

    assert stored["outcome"] == "stored"
    assert stored["conversation_id"] != str(forged["conversation_id"])
    assert [one["outcome"] for one in again] == ["duplicate"] * 2
    assert [one["message_id"] for one in again] == [stored["message_id"], str(forged["id"])]


def test_a_reference_is_good_for_its_own_account_alone(outbox: Outbox) -> None:
    """Whoever owns another account could have our messages count as sent that never went out."""
    outbox.reply(outbox.hear())
    delivery = outbox.take_one()
    told = outbox.status(
        "wamid.1", "sent", reference=f"{delivery['delivery_id']}:0", account="another"
    )

    assert (told["outcome"], told["message_id"]) == ("waiting", None)
    assert outbox.delivery(delivery["conversation_id"])["parts_sent"] == 0


def test_the_echo_of_our_file_is_no_agents_message(outbox: Outbox) -> None:
    """Instagram tells of what we send before its answer is read: staff would see it twice."""
    conversation = outbox.hear(channel="instagram")
    url = "https://files.example.com/a.png"
    outbox.reply(conversation, "", media_url=url, channel_type="instagram")
    delivery = outbox.take_one()
    echo = {
        "kind": "echo",
        "account": "account",
        "id": "mid.file",
        "customer": {"id": delivery["recipient"]},
        "type": "image",
        "content": "[Image]",  # as the function writes it
        "media": [{"url": "https://cdn.example.com/1"}],
    }
    row = outbox.one(
        "select public.receive_channel_webhook('instagram', 'echo', %s) as told",
        json.dumps([echo]),
        by="service_role",
    )
    (told,) = row["told"]["results"]

    assert told["outcome"] == "duplicate"
    assert told["message_id"] == str(delivery["message_id"])


@pytest.mark.parametrize("is_early", [False, True])
@pytest.mark.parametrize("kind", ["edit", "deletion"])
def test_a_customer_rewrites_no_word_of_the_teams(
    outbox: Outbox, kind: str, is_early: bool
) -> None:
    """They know its id, and their program may say anything: the team would have promised it."""
    channel = Channel(outbox)
    customer = {"customer": {"id": "15550100"}, "content": "It is free."}
    theirs = about(2, kind, **customer)
    if is_early:
        channel.receive(theirs)
    echo = channel.store(message(2, kind="echo", content="It is 20."))
    asked = channel.store(message(1))
    channel.receive(theirs, about(1, kind, **customer))

    assert channel.message(echo["id"])["content"] == "It is 20."
    assert channel.message(asked["id"])["content"] == ("" if kind == "deletion" else "It is free.")
    channel.receive(about(2, kind, content="It is 10."))  # the team itself, in the app
    assert channel.message(echo["id"])["content"] == ("" if kind == "deletion" else "It is 10.")


def test_an_absence_note_after_many_answers_escalates_nothing(outbox: Outbox) -> None:
    """It is no loop: a program said that it is one, and is not answered."""
    letters = Channel(outbox, "email")
    for number in range(1, 11):
        letters.store(mail(number))
        outbox.answer()
    noted = letters.store(mail(11, is_automatic=True))
    asked = letters.store(mail(12))

    conversation = outbox.conversation(noted["conversation_id"])
    assert (conversation["requires_human"], conversation["handed_over_at"]) == (False, None)
    assert outbox.conversation(asked["conversation_id"])["requires_human"]


def test_an_event_that_makes_no_sense_keeps_none_of_the_others_out(outbox: Outbox) -> None:
    """An adapter of one's own says too much: the customer's message is there all the same."""
    strange = about(1, "status", status="sent", thread={"references": "<1@example.com>"})

    assert Channel(outbox).outcomes(strange, message(1)) == ["updated", "stored"]
