"""What the original's chat widget and inbox write, in their form: taken, and nothing more."""

from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database.inbox import Inbox, Row

# As PostgREST writes `upsert({id, status})`, and an insert with `select()`.
_UPSERT = (
    "insert into public.conversations (id, status) values (%s, %s)"
    " on conflict (id) do update set id = excluded.id, status = excluded.status"
)
_WRITE = (
    "insert into public.messages (conversation_id, sender_type, content, message_type, status)"
    " values (%s, 'user', %s, 'text', 'sent') returning *"
)


def _conversation(inbox: Inbox, conversation: UUID) -> Row:
    return inbox.one("select * from public.conversations where id = %s", conversation)


def test_a_visitors_first_message_opens_their_conversation(inbox: Inbox) -> None:
    """Refused, the widget showed "sent" and stored nothing."""
    visitor, conversation = inbox.user(), uuid4()
    inbox.run(_UPSERT, conversation, "active", by=visitor)
    [stored] = inbox.run(_WRITE, conversation, "Hello?", by=visitor)
    found = inbox.one(
        "select user_id from public.customer_profiles where id = %s",
        _conversation(inbox, conversation)["customer_id"],
    )

    assert str(found["user_id"]) == visitor
    assert stored["status"] == "sent"
    assert [job["user_message"] for job in inbox.claim()] == ["Hello?"]


def test_an_upsert_of_what_is_there_changes_nothing(inbox: Inbox) -> None:
    """Two quick messages upsert twice; a conversation that is resolved stays so."""
    visitor, conversation = inbox.user(), uuid4()
    inbox.run(_UPSERT, conversation, "active", by=visitor)
    before = _conversation(inbox, conversation)
    inbox.run(_UPSERT, conversation, "resolved", by=visitor)

    assert _conversation(inbox, conversation) == before


def test_a_strangers_upsert_is_refused(inbox: Inbox) -> None:
    """The id of somebody's conversation opens it for nobody else."""
    conversation = uuid4()
    inbox.run(_UPSERT, conversation, "active", by=inbox.user())

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        inbox.run(_UPSERT, conversation, "active", by=inbox.user())


def test_a_customers_update_finds_no_row(inbox: Inbox) -> None:
    """Only an insert of the same id lets the update pass, and then it changes nothing."""
    visitor = inbox.user()
    conversation = inbox.open(visitor)
    for columns in ("status = 'resolved'", "requires_human = true", "customer_id = null"):
        try:
            changed = inbox.run(
                f"update public.conversations set {columns} where id = %s returning id",
                conversation,
                by=visitor,
            )
        except psycopg.errors.InsufficientPrivilege:
            changed = []
        assert changed == []


@pytest.mark.parametrize("status", ["escalated", "resolved", "x" * 60])
def test_a_customer_decides_no_status(inbox: Inbox, status: str) -> None:
    """It would jump the queue, or hide from the team."""
    visitor, conversation = inbox.user(), uuid4()
    try:
        inbox.run(_UPSERT, conversation, status, by=visitor)
    except psycopg.errors.StringDataRightTruncation:
        return
    assert _conversation(inbox, conversation)["status"] == "active"


def test_a_conversation_with_somebody_elses_customer_is_refused(inbox: Inbox) -> None:
    """The customer row is made on the way, never taken."""
    other = inbox.one("select customer_id from public.conversations where id = %s",
                      inbox.open(inbox.user()))  # fmt: skip
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        inbox.run(
            "insert into public.conversations (customer_id) values (%s)",
            other["customer_id"],
            by=inbox.user(),
        )


def test_status_says_what_delivery_status_says(inbox: Inbox) -> None:
    """The widget reads it, and staff's frontends may write it."""
    agent, conversation = inbox.user("agent"), inbox.open(inbox.user(), "one")
    inbox.run("update public.messages set status = 'read'", by=agent)
    [read] = inbox.messages(conversation)
    inbox.run("update public.messages set delivery_status = 'delivered'", by=agent)
    [delivered] = inbox.messages(conversation)

    assert (read["status"], read["delivery_status"]) == ("read", "read")
    assert (delivered["status"], delivered["delivery_status"]) == ("delivered", "delivered")


def test_an_inbox_that_sends_the_last_message_along_changes_it_not(inbox: Inbox) -> None:
    """The original's conversations page does so after each message."""
    agent, conversation = inbox.user("agent"), inbox.open(inbox.user(), "one")
    [changed] = inbox.run(
        "update public.conversations set last_message = 'forged', updated_at = '2020-01-01',"
        " message_count = 99, priority = 'high' where id = %s returning *",
        conversation,
        by=agent,
    )

    assert (changed["last_message"], changed["message_count"]) == ("one", 1)
    assert changed["priority"] == "high"
    assert changed["updated_at"].year > 2020
