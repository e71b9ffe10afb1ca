"""What a team does with a conversation besides writing: assign, note, rate, mark as read."""

from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.database.inbox import Inbox

NOTE = (
    "insert into public.conversation_notes (conversation_id, content) values (%s, %s) returning *"
)


def test_notes_are_for_staff(inbox: Inbox) -> None:
    """A customer would read what the team says about them."""
    customer, agent, colleague = inbox.user(), inbox.user("agent"), inbox.user("agent")
    conversation = inbox.open(customer, "one")
    note = inbox.one(NOTE, conversation, "Pays late.", by=agent)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        inbox.run(NOTE, conversation, "I am nice.", by=customer)

    assert note["author_id"] == UUID(agent)
    assert len(inbox.run("select * from public.conversation_notes", by=colleague)) == 1
    assert inbox.run("select * from public.conversation_notes", by=customer) == []
    remove = "delete from public.conversation_notes returning id"
    assert inbox.run(remove, by=colleague) == []
    assert len(inbox.run(remove, by=agent)) == 1


def test_assigning_leaves_the_ai_at_work(inbox: Inbox) -> None:
    """Routing a conversation to somebody's list is not yet answering it."""
    customer, agent, admin = inbox.user(), inbox.user("agent"), inbox.user("admin")
    conversation = inbox.open(customer, "one")
    assign = "select public.assign_conversation(%s, %s)"
    inbox.run(assign, conversation, agent, by=admin)

    assert inbox.conversation(conversation)["assigned_agent_id"] == UUID(agent)
    assert len(inbox.claim()) == 1
    inbox.run(assign, conversation, None, by=agent)
    assert inbox.conversation(conversation)["assigned_agent_id"] is None


@pytest.mark.parametrize(
    ("by", "to", "name"),
    [("agent", "customer", "bad_agent"), ("customer", "agent", "staff_only")],
)
def test_conversations_are_assigned_by_staff_to_staff(
    inbox: Inbox, by: str, to: str, name: str
) -> None:
    """A customer would assign their conversation, or an agent would assign it to a customer."""
    people = {"customer": inbox.user(), "agent": inbox.user("agent")}
    conversation = inbox.open(people["customer"], "one")

    with pytest.raises(psycopg.Error) as refusal:
        inbox.run(
            "select public.assign_conversation(%s, %s)", conversation, people[to], by=people[by]
        )

    assert refusal.value.diag.message_detail == name


def test_customers_rate_their_own_conversation(inbox: Inbox) -> None:
    """The rating column exists, but the original let everybody write it."""
    customer, stranger = inbox.user(), inbox.user()
    conversation = inbox.open(customer, "one")
    rate = "select public.rate_conversation(%s, %s)"
    inbox.run(rate, conversation, 4, by=customer)
    refusals = []
    for who, rating in ((stranger, 1), (customer, 6), (customer, None)):
        with pytest.raises(psycopg.Error) as refusal:
            inbox.run(rate, conversation, rating, by=who)
        refusals.append(refusal.value.diag.message_detail)

    profile = inbox.one("select * from public.customer_profiles")

    assert refusals == ["conversation_not_found", "bad_rating", "bad_rating"]
    assert inbox.conversation(conversation)["satisfaction_rating"] == 4
    assert (profile["satisfaction_rating"], profile["avg_satisfaction"]) == (4, 4)


def test_each_side_marks_the_others_messages_as_read(inbox: Inbox) -> None:
    """Unread counts and delivery icons would never change."""
    customer, agent = inbox.user(), inbox.user("agent")
    conversation = inbox.open(customer, "one")
    inbox.say(conversation, "two", by=agent, sender="agent")
    inbox.say(conversation, "three", by=agent, sender="agent")
    mark = "select public.mark_conversation_read(%s, %s)"
    inbox.run(mark, conversation, 2, by=customer)

    assert [row["delivery_status"] for row in inbox.messages(conversation)] == [
        "sent", "read", "sent",
    ]  # fmt: skip
    inbox.run("select public.mark_conversation_read(%s)", conversation, by=agent)
    inbox.run(mark, conversation, 1, by=customer)  # marks do not go back
    row = inbox.conversation(conversation)
    assert (row["customer_read_position"], row["agent_read_position"]) == (2, 3)
    assert inbox.messages(conversation)[0]["delivery_status"] == "read"
    inbox.run(mark, conversation, 99, by=customer)  # nor beyond what is there
    assert inbox.conversation(conversation)["customer_read_position"] == 3


def test_a_stranger_marks_nothing(inbox: Inbox) -> None:
    """A stranger could make an agent believe that the customer has read the answer."""
    conversation = inbox.open(inbox.user(), "one")

    with pytest.raises(psycopg.Error) as refusal:
        inbox.run("select public.mark_conversation_read(%s)", conversation, by=inbox.user())

    assert refusal.value.diag.message_detail == "conversation_not_found"
    assert inbox.conversation(conversation)["customer_read_position"] == 0


def test_tags_are_added_and_removed_whoever_tags_besides(inbox: Inbox) -> None:
    """Who writes the whole list takes away what a colleague has just added."""
    agent = inbox.user("agent")
    conversation = inbox.open(inbox.user())

    def tag(add: list[str], remove: list[str], by: str = agent) -> Any:
        statement = "select public.tag_conversation(%s, %s, %s) as tags"
        return inbox.one(statement, conversation, add, remove, by=by)["tags"]

    assert tag(["vip", "refund"], []) == ["vip", "refund"]
    assert tag(["refund", "late"], ["vip"]) == ["refund", "late"]
    assert tag([], ["refund", "late", "nothing"]) == []
    for wrong in ([""], ["x" * 101], [f"{n}" for n in range(51)]):
        with pytest.raises(psycopg.Error) as refusal:
            tag(wrong, [])
        assert refusal.value.diag.message_detail == "bad_tags"
    with pytest.raises(psycopg.Error) as refusal:
        tag(["x"], [], by=inbox.user())
    assert refusal.value.diag.message_detail == "staff_only"
