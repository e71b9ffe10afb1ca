"""A channel's message: once, its customer's, in the right conversation, and what follows."""

import json
from typing import Any

import pytest

from tests.database.channels import Channel, at, mail, message
from tests.database.inbox import Inbox, Row


@pytest.fixture
def channel(passing_inbox: Inbox) -> Channel:
    return Channel(passing_inbox)


@pytest.fixture
def letters(passing_inbox: Inbox) -> Channel:
    return Channel(passing_inbox, "email")


def test_a_message_opens_a_turn_in_its_customers_conversation(channel: Channel) -> None:
    """A stranger writes for the first time, and is answered."""
    event = message(1, type="image", reply_to="wamid.0", media=[{"id": "7", "mime_type": "a/b"}])
    stored = channel.store(event)
    conversation = channel.inbox.conversation(stored["conversation_id"])
    (job,) = channel.inbox.jobs(stored["conversation_id"])

    assert (stored["sender_type"], stored["content"]) == ("user", "message 1")
    assert (stored["message_type"], stored["media_caption"]) == ("image", "message 1")
    assert (stored["channel_type"], stored["external_message_id"]) == ("whatsapp", "wamid.1")
    assert stored["metadata"] == {
        "sent_at": at(1),
        "reply_to": "wamid.0",
        "media": [{"id": "7", "mime_type": "a/b"}],
    }
    assert conversation["channel_id"] == channel.account()["id"]
    assert conversation["customer_social_id"] == "15550100"
    assert (conversation["customer_name"], conversation["last_message"]) == ("Buyer", "message 1")
    assert channel.customer_of(conversation["id"])["phone"] == "+15550100"
    assert (job["status"], job["user_message"]) == ("pending", "message 1")


def test_the_same_event_any_number_of_times_is_one_message(channel: Channel) -> None:
    """Meta sends again what it has not heard of, for days."""
    stored = channel.store(message(1))
    results = channel.receive(message(1), message(1, content="forged"), message(2), message(2))

    assert [result["outcome"] for result in results] == ["duplicate"] * 2 + ["stored", "duplicate"]
    assert results[1]["message_id"] == str(stored["id"])
    assert results[2] | {"outcome": "duplicate", "place": 4} == results[3]
    assert channel.outcomes(message(1, account="105")) == ["stored"]  # another account's id
    contents = [row["content"] for row in channel.inbox.messages(stored["conversation_id"])]
    assert contents == ["message 1", "message 2"]


def test_positions_are_in_the_order_of_sending_within_a_call(channel: Channel) -> None:
    """Three messages while the webhook was away come in one call, in any order."""
    results = channel.receive(message(3), message(1), message(4, at=None), message(2))
    positions = [channel.message(result["message_id"])["position"] for result in results]

    assert positions == [3, 1, 4, 2]


def test_an_id_may_be_longer_than_an_index_takes(letters: Channel) -> None:
    """Message-IDs are bounded by the length of a line alone."""
    ids = [f"<{'ü' * 3000}{number}@example.com>" for number in range(2)]
    stored = [letters.store(mail(number, id=name)) for number, name in enumerate(ids)]
    again = letters.receive(*(mail(number, id=name) for number, name in enumerate(ids)))

    assert [result["message_id"] for result in again] == [str(row["id"]) for row in stored]
    assert stored[0]["external_message_id"] == ids[0][:255]


def test_a_message_is_stored_however_long(channel: Channel) -> None:
    """The limits are for what customers insert themselves."""
    channel.inbox.run(
        "update public.ai_settings set max_message_chars = 1000, max_messages_per_minute = 1"
    )
    results = channel.receive(message(1, content="x" * 100_000), message(2), message(3))

    assert [result["outcome"] for result in results] == ["stored"] * 3


@pytest.mark.parametrize(
    ("kind", "column", "known", "event"),
    [
        ("whatsapp", "phone", "49 (30) 90-1820", {"id": "4930901820", "phone": "+4930901820"}),
        ("email", "email", "Ada@Example.com", {"id": "ada@example.com"}),
    ],
)
def test_a_customer_that_the_team_knows_is_found(
    passing_inbox: Inbox, kind: str, column: str, known: str, event: Row
) -> None:
    """One person, one profile, whichever way their number was typed in."""
    inbox = passing_inbox
    customer = inbox.one(
        f"insert into public.customer_profiles ({column}) values (%s) returning id", known
    )
    channel = Channel(inbox, kind)
    stored = channel.store(message(1, customer=event | {"name": "Ada"}))

    found = channel.customer_of(stored["conversation_id"])
    assert (found["id"], found[column], found["name"]) == (customer["id"], known, "Ada")


def test_what_another_channel_claims_finds_nobody(passing_inbox: Inbox) -> None:
    """Instagram vouches for no phone and no address: they would open another's conversation."""
    inbox = passing_inbox
    inbox.run(
        "insert into public.customer_profiles (email, phone) values ('a@b.example', '+15550100')"
    )
    channel = Channel(inbox, "instagram")
    stranger = {"id": "17", "phone": "+15550100", "email": "a@b.example"}
    stored = channel.store(message(1, customer=stranger))

    found = channel.customer_of(stored["conversation_id"])
    assert (found["email"], found["phone"]) == (None, None)


def test_a_customer_of_several_ids_is_one(channel: Channel) -> None:
    """WhatsApp's users may hide their number, and then have an id for each business."""
    number = {"id": "15550100", "phone": "+15550100"}
    results = channel.receive(
        message(1, customer=number | {"other_ids": ["US.1"]}),
        message(2, customer={"id": "US.1", "username": "buyer"}),
        message(3, customer={"id": "US.2", "username": "hidden"}),
        message(4, customer={"id": "15550101", "phone": "+15550101", "other_ids": ["US.2"]}),
        message(5, customer={"id": "15550101", "phone": "+15550101"}),
    )
    conversations = [result["conversation_id"] for result in results]

    assert conversations == [conversations[0]] * 2 + [conversations[2]] * 3
    assert conversations[0] != conversations[2]
    shown = channel.inbox.conversation(conversations[2])
    assert (shown["customer_name"], shown["customer_social_id"]) == ("@hidden", "15550101")
    assert channel.customer_of(conversations[2])["phone"] == "+15550101"


def test_a_resolved_conversation_goes_on_and_a_closed_one_does_not(channel: Channel) -> None:
    """Staff close what is over for good; resolved is until the customer writes again."""
    first = channel.store(message(1))["conversation_id"]
    change = "update public.conversations set status = %s where id = %s"
    channel.inbox.run(change, "resolved", first)
    second = channel.store(message(2))["conversation_id"]
    reopened = channel.inbox.conversation(first)["status"]
    channel.inbox.run(change, "closed", first)
    third = channel.store(message(3))["conversation_id"]
    elsewhere = channel.store(message(4, account="105"))["conversation_id"]

    assert (second, reopened) == (first, "active")
    assert len({first, third, elsewhere}) == 3
    assert channel.inbox.conversation(first)["status"] == "closed"


@pytest.mark.parametrize("reason", ["automatic", "blocked"])
def test_what_expects_no_answer_is_stored_and_nothing_more(channel: Channel, reason: str) -> None:
    """An absence note that is answered is answered by an absence note, without end."""
    inbox = channel.inbox
    conversation = channel.store(message(1))["conversation_id"]
    (job,) = inbox.claim()
    inbox.settle(job, None, action="escalate", reason="human_requested")
    inbox.run("update public.ai_settings set handover_repeat_minutes = 1")
    inbox.let_pass(3600)
    if reason == "blocked":
        inbox.run("update public.customer_profiles set status = 'blocked'")
    is_automatic = reason == "automatic"
    channel.store(message(2, is_automatic=is_automatic))
    inbox.run("update public.conversations set status = 'resolved'")
    channel.store(message(3, is_automatic=is_automatic))

    senders = [row["sender_type"] for row in inbox.messages(conversation)]
    assert senders == ["user", "ai", "user", "user"]
    shown = inbox.conversation(conversation)
    assert (shown["status"], shown["last_message"]) == ("resolved", "message 3")
    assert len(inbox.jobs(conversation)) == 1


def test_nobody_calls_their_own_message_automatic(passing_inbox: Inbox) -> None:
    """A customer who inserts one would be heard by nobody, and bound by nothing."""
    inbox = passing_inbox
    customer = inbox.user()
    conversation = inbox.open(customer)
    inbox.run(
        "insert into public.messages (conversation_id, sender_type, content, metadata)"
        """ values (%s, 'user', 'hello', '{"is_automatic": true, "deleted_at": "x"}')""",
        conversation,
        by=customer,
    )

    assert [job["status"] for job in inbox.jobs(conversation)] == ["pending"]


def test_files_that_came_along_have_their_path(letters: Channel) -> None:
    """The function stores them under the conversation that it is told."""
    files = [
        {"file": "a-1.pdf", "name": "a.pdf", "path": "elsewhere/x"},
        {"file": "../../x", "url": "https://files.example/x"},
    ]
    stored = letters.store(mail(1, content="", media=files, type="document"))
    first, second = stored["metadata"]["media"]

    path = f"{stored['conversation_id']}/a-1.pdf"
    assert (stored["media_url"], first["path"], "path" in second) == (path, path, False)
    assert (stored["content"], stored["message_type"]) == ("", "document")


def test_an_echo_is_an_agents_message_that_takes_over(channel: Channel) -> None:
    """Somebody of the team answers from their phone: no reply of the AI may follow."""
    conversation = channel.store(message(1))["conversation_id"]
    (job,) = channel.inbox.claim()
    echo = channel.store(message(2, kind="echo", content="I am on it."))
    settled = channel.inbox.settle(job)
    again = channel.outcomes(message(2, kind="echo", content="I am on it."))
    shown = channel.inbox.conversation(conversation)

    assert (echo["sender_type"], echo["sender_id"]) == ("agent", None)
    assert (echo["conversation_id"], echo["delivery_status"]) == (conversation, "sent")
    assert (settled["settled"], settled["outcome"]) == (False, "taken_over")
    assert again == ["duplicate"]
    assert (shown["requires_human"], shown["message_count"]) == (True, 2)


def test_a_mail_goes_on_where_what_it_answers_is(letters: Channel) -> None:
    """A mail is a thread's, and a new mail is a new one."""
    first = letters.store(mail(1))
    answer = letters.store(mail(2, thread={"references": ["<0@x>", "<1@example.com>"]}))
    new = letters.store(mail(3))
    token = str(first["conversation_id"]).upper()
    by_address = letters.store(mail(4, thread={"reply_token": token, "subject": "Re"}))
    beside = letters.store(mail(5, thread={"references": ["<0@x>"], "reply_token": "nonsense"}))

    conversations = [row["conversation_id"] for row in (first, answer, new, by_address, beside)]
    assert [conversations.index(one) for one in conversations] == [0, 0, 2, 0, 0]
    shown = letters.inbox.conversation(first["conversation_id"])
    assert shown["business_context"] == {"subject": "An order"}
    assert letters.account()["external_account_id"] == "help@team.example"


def test_a_thread_is_another_customers_only_for_staff(letters: Channel) -> None:
    """Whoever was sent a copy of a mail answers in a conversation of their own."""
    first = letters.store(mail(1))
    thread = {"references": ["<1@example.com>"], "reply_token": str(first["conversation_id"])}
    other = letters.store(mail(2, sender="copied@example.com", thread=thread))
    letters.inbox.run("update public.conversations set status = 'closed'")
    late = letters.store(mail(3, thread=thread))

    for row in (other, late):
        context = letters.inbox.conversation(row["conversation_id"])["business_context"]
        assert context == {"related_conversation_id": str(first["conversation_id"])}


def test_a_mail_that_comes_after_its_answers_joins_them(letters: Channel) -> None:
    """Servers deliver in no order; a thread is one conversation all the same."""
    refer: Any = {"references": ["<1@example.com>"]}
    conversations = {
        letters.store(event)["conversation_id"]
        for event in (
            mail(3, thread={"references": ["<1@example.com>", "<2@example.com>"]}),
            mail(4, thread=refer),
            mail(1),
            mail(2, thread=refer),
        )
    }
    stranger = letters.store(mail(5, sender="copied@example.com", thread=refer))

    assert len(conversations) == 1
    assert stranger["conversation_id"] not in conversations


def test_one_message_is_ingested_without_a_webhook(passing_inbox: Inbox) -> None:
    """A channel of one's own is a script that calls one function."""
    inbox = passing_inbox
    ingest = "select public.ingest_channel_message('sms', %s) as result"
    event = {name: value for name, value in message(1).items() if name != "kind"}
    first, again = (
        inbox.one(ingest, json.dumps(event), by="service_role")["result"] for _ in range(2)
    )

    assert (first["outcome"], again["outcome"]) == ("stored", "duplicate")
    assert Channel(inbox, "sms").customer_of(first["conversation_id"])["phone"] == "+15550100"
    for wrong in ([event], event | {"kind": "echo"}, event | {"content": ""}):
        with pytest.raises(Exception, match="unable to take the message"):
            inbox.run(ingest, json.dumps(wrong), by="service_role")
