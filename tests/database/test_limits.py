"""What one customer can store is bounded, however the rows come."""

import psycopg
import pytest

from tests.database.inbox import Inbox


def refused(inbox: Inbox, statement: str, *values: object, by: str) -> tuple[str | None, ...]:
    """The SQLSTATE, the stable name and the message with which a statement is refused."""
    with pytest.raises(psycopg.Error) as refusal:
        inbox.run(statement, *values, by=by)
    diagnostics = refusal.value.diag
    return refusal.value.sqlstate, diagnostics.message_detail, diagnostics.message_primary


def test_one_request_with_many_messages_is_a_flood_too(inbox: Inbox) -> None:
    """PostgREST inserts an array in one statement: ten thousand messages were one request."""
    customer = inbox.user()
    inbox.run("update public.ai_settings set max_messages_per_minute = 3")
    conversation = inbox.open(customer)

    assert refused(
        inbox,
        "insert into public.messages (conversation_id, sender_type, content)"
        " select %s, 'user', 'x' from generate_series(1, 4)",
        conversation,
        by=customer,
    ) == (
        "PT429",
        "too_many_messages",
        "unable to store the message; the limit is 3 messages a minute",
    )
    assert inbox.messages(conversation) == []


def test_one_request_with_many_conversations_is_a_flood_too(inbox: Inbox) -> None:
    """Each could wake the workers, and each is a row in the inbox."""
    customer = inbox.user()
    inbox.run("update public.ai_settings set max_conversations_per_hour = 3")
    inbox.open(customer)

    assert refused(
        inbox,
        "insert into public.conversations (customer_id)"
        " select private.current_customer_id() from generate_series(1, 3)",
        by=customer,
    ) == (
        "PT429",
        "too_many_conversations",
        "unable to create a conversation; the limit is 3 an hour",
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("metadata", '{"x": "' + "y" * 100 + '"}'),
        ("media_url", "https://example.com/" + "y" * 100),
        ("media_caption", "y" * 101),
    ],
)
def test_what_comes_with_a_message_is_bounded_as_its_text(
    inbox: Inbox, column: str, value: str
) -> None:
    """A short text with megabytes beside it was stored, and sent to every screen."""
    customer = inbox.user()
    inbox.run("update public.ai_settings set max_message_chars = 100")
    conversation = inbox.open(customer)
    insert = (
        f"insert into public.messages (conversation_id, sender_type, content, {column})"
        " values (%s, 'user', 'x', %s)"
    )
    sqlstate, name, message = refused(inbox, insert, conversation, value, by=customer)

    assert (sqlstate, name) == ("PT413", "message_too_long")
    assert message is not None
    assert "the limit is 100" in message
    inbox.run(insert, conversation, value, by="service_role")  # a channel's is stored
    inbox.run(insert, conversation, value[:1] + value[-1:] if value[0] == "{" else "y", by=customer)


@pytest.mark.parametrize("who", ["customer", "agent", "service_role"])
@pytest.mark.parametrize("content", ["", "  ", "\n\t", "\u00a0\u2003"])
def test_a_message_of_nothing_is_refused(inbox: Inbox, who: str, content: str) -> None:
    """It opened a turn, was handed over, and a human found nothing to answer."""
    customer = inbox.user()
    by = {"customer": customer, "agent": inbox.user("agent")}.get(who, who)
    conversation = inbox.open(customer)
    sender = "user" if who == "customer" else "agent"
    insert = (
        "insert into public.messages (sender_type, conversation_id, content, media_url,"
        f" message_type) values ('{sender}', %s, %s, %s, %s)"
    )

    assert refused(inbox, insert, conversation, content, None, "text", by=by) == (
        "PT400",
        "message_empty",
        "unable to store the message; it is empty",
    )
    assert inbox.messages(conversation) == []
    inbox.run(insert, conversation, content, f"{conversation}/a.png", "image", by=by)
    inbox.run(insert, conversation, f"{content}a", None, "text", by=by)
    assert len(inbox.messages(conversation)) == 2
