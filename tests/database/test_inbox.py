"""What frontends call, as the original's frontends call it."""

from uuid import UUID

import psycopg
import pytest

from tests.database.inbox import Inbox


@pytest.mark.parametrize(
    ("identifier", "column", "value"),
    [
        ("Ada@Example.com", "email", "ada@example.com"),
        ("+49 30 1234567", "phone", "+49301234567"),
        ("crm-4711", "external_id", "crm-4711"),
    ],
)
def test_staff_find_a_customer_by_identifier(
    inbox: Inbox, identifier: str, column: str, value: str
) -> None:
    """The same person would be a new customer each time."""
    agent = inbox.user("agent")
    create = "select public.create_conversation(%s, 'email', 'hello') as id"
    first = inbox.one(create, identifier, by=agent)["id"]
    second = inbox.one(create, identifier, by=agent)["id"]

    (customer,) = inbox.run("select * from public.customer_profiles")

    assert first == second
    assert customer[column] == value
    assert [row["content"] for row in inbox.messages(first)] == ["hello", "hello"]


def test_an_existing_conversation_keeps_its_new_message(inbox: Inbox) -> None:
    """The original dropped the message when the conversation existed."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")

    assert inbox.open(customer, "two") == conversation
    assert [row["content"] for row in inbox.messages(conversation)] == ["one", "two"]


def test_no_message_is_no_message(inbox: Inbox) -> None:
    """Frontends pass an empty string when the customer has not written yet."""
    customer = inbox.user()
    conversation = inbox.open(customer, "")

    assert inbox.open(customer) == conversation
    assert inbox.messages(conversation) == []
    assert inbox.claim() == []


def test_each_channel_has_its_conversation(inbox: Inbox) -> None:
    """An e-mail would be answered on WhatsApp."""
    create = "select public.create_conversation('a@example.com', %s) as id"
    ids = {inbox.one(create, channel, by="service_role")["id"] for channel in ("email", "sms")}

    assert len(ids) == 2


@pytest.mark.parametrize(
    ("arguments", "name"),
    [(("", "email"), "bad_identifier"), (("a@example.com", "fax"), "bad_channel")],
)
def test_wrong_arguments_are_named(inbox: Inbox, arguments: tuple[str, str], name: str) -> None:
    """A typo in a channel would open a conversation that no delivery ever serves."""
    with pytest.raises(psycopg.Error) as refusal:
        inbox.run("select public.create_conversation(%s, %s)", *arguments, by="service_role")

    assert (refusal.value.sqlstate, refusal.value.diag.message_detail) == ("PT400", name)


def test_a_conversation_is_read_with_its_newest_messages_oldest_first(inbox: Inbox) -> None:
    """The original's function raised."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    for text in ("two", "three"):
        inbox.say(conversation, text, by=customer)

    row = inbox.one(
        "select * from public.get_conversation_with_messages(%s, 2)", conversation, by=customer
    )

    assert row["conversation_data"]["id"] == str(conversation)
    assert UUID(row["conversation_data"]["customer_profiles"]["user_id"]) == UUID(customer)
    assert [message["content"] for message in row["messages_data"]] == ["two", "three"]


def test_the_figures_of_a_conversation_are_counted_once(inbox: Inbox) -> None:
    """The original counted every message twice."""
    customer, agent = inbox.user(), inbox.user("agent")
    conversation = inbox.open(customer, "one")
    (job,) = inbox.claim()
    inbox.settle(job, confidence=0.8, response_time_ms=100)
    inbox.say(conversation, "two", by=customer)
    (job,) = inbox.claim()
    inbox.settle(job, None, action="escalate", reason="low_confidence", confidence=0.2)
    inbox.say(conversation, "Hello.", by=agent, sender="agent")

    figures = inbox.one(
        "select * from public.get_conversation_performance_metrics(%s)", conversation, by=agent
    )
    totals = inbox.run("select * from public.get_realtime_messaging_metrics()", by=agent)

    assert (figures["total_messages"], figures["ai_messages"], figures["human_messages"]) == (
        5,
        2,
        1,
    )
    assert figures["escalation_count"] == 1
    assert float(figures["ai_confidence_avg"]) == 0.5
    assert inbox.conversation(conversation)["message_count"] == 5
    assert {row["metric_name"]: row["count"] for row in totals} == {
        "message_received": 2, "ai_response_generated": 2,
    }  # fmt: skip


def test_knowledge_is_found_by_the_words_that_tell_items_apart(inbox: Inbox) -> None:
    """Words that every item has would find any item for any question."""
    inbox.run(
        """
        insert into public.knowledge_items (title, content, language, status) values
          ('What does Romashka cost?', 'Romashka is free.', 'en', 'active'),
          ('Does Romashka need Docker?', 'No. Romashka runs without Docker.', 'en', 'active'),
          ('Was kostet Romashka?', 'Romashka ist kostenlos.', 'de', 'active'),
          ('What did Romashka cost?', 'A draft.', 'en', 'draft')
        """
    )
    search = "select title, score from public.search_knowledge(%s, %s)"

    def best(query: str, language: str | None) -> tuple[str, float]:
        row = inbox.run(search, query, language, by="service_role")[0]
        return row["title"], float(row["score"])

    assert best("what does it cost", "en") == ("What does Romashka cost?", 1.0)
    assert best("Kostet das etwas?", None)[0] == "Was kostet Romashka?"
    assert best("is there a Docker image of Romashka", "en")[0] == "Does Romashka need Docker?"
    assert best("where is the Romashka office in Paris", "en")[1] < 0.3
    assert inbox.run(search, "weather", "en", by="service_role") == []
    assert inbox.run(search, "", None, by="service_role") == []
