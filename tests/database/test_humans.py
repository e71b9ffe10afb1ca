"""Promise 3: once a human has a conversation, nothing automatic follows."""

from uuid import UUID

import psycopg
import pytest

from tests.database.inbox import Inbox


def test_an_agents_message_stops_what_is_pending_and_what_is_running(inbox: Inbox) -> None:
    """The AI would talk over the agent."""
    customer, agent = inbox.user(), inbox.user("agent")
    conversation = inbox.open(customer, "one")
    (running,) = inbox.claim(lease=5)
    inbox.let_pass(2.1)
    inbox.say(conversation, "two", by=customer)
    said = inbox.say(conversation, "I am here.", by=agent, sender="agent")

    late = inbox.settle(running)
    row = inbox.conversation(conversation)

    assert said["sender_id"] == UUID(agent)
    assert (late["settled"], late["outcome"]) == (False, "taken_over")
    assert [job["outcome"] for job in inbox.jobs(conversation)] == ["taken_over", "taken_over"]
    assert row["requires_human"] is True
    assert str(row["assigned_agent_id"]) == agent
    assert inbox.messages(conversation)[-1]["id"] == said["id"]


def test_after_a_takeover_messages_make_no_job_until_the_conversation_is_returned(
    inbox: Inbox,
) -> None:
    """An agent in the middle of a case would be interrupted by the AI."""
    customer, agent = inbox.user(), inbox.user("agent")
    conversation = inbox.open(customer, "one")
    inbox.run("select public.take_over_conversation(%s)", conversation, by=agent)
    inbox.say(conversation, "two", by=customer)
    assert inbox.claim() == []

    inbox.say(conversation, "Done.", by=agent, sender="agent")
    inbox.run("select public.return_conversation_to_ai(%s)", conversation, by=agent)
    inbox.say(conversation, "three", by=customer)
    (job,) = inbox.claim()
    assert job["user_message"] == "three"
    assert inbox.settle(job)["outcome"] == "replied"


def test_a_frontend_that_updates_the_row_takes_over_too(inbox: Inbox) -> None:
    """Existing inboxes know no function for it: they set the column."""
    customer, agent = inbox.user(), inbox.user("agent")
    conversation = inbox.open(customer, "one")
    (job,) = inbox.claim()
    inbox.run(
        "update public.conversations set requires_human = true where id = %s",
        conversation,
        by=agent,
    )

    assert inbox.settle(job)["outcome"] == "taken_over"


def test_resolving_ends_the_open_turn(inbox: Inbox) -> None:
    """An answer would reopen what an agent has just closed."""
    customer, agent = inbox.user(), inbox.user("agent")
    conversation = inbox.open(customer, "one")
    (job,) = inbox.claim()
    inbox.run("select public.resolve_conversation(%s)", conversation, by=agent)

    assert inbox.settle(job)["outcome"] == "taken_over"
    assert inbox.conversation(conversation)["status"] == "resolved"


def test_the_hand_over_is_repeated_once_in_a_while_until_an_agent_writes(inbox: Inbox) -> None:
    """A customer who waits would either hear nothing, or the same line after every message."""
    customer, agent = inbox.user(), inbox.user("agent")
    conversation = inbox.open(customer, "one")
    (job,) = inbox.claim()
    inbox.settle(job, None, action="escalate", reason="human_requested")

    inbox.say(conversation, "still there?", by=customer)
    assert len(inbox.messages(conversation)) == 3

    inbox.run("update public.conversations set handed_over_at = handed_over_at - interval '1 hour'")
    asked = inbox.say(conversation, "hello?", by=customer)
    repeated = inbox.messages(conversation)[-1]
    assert repeated["metadata"] == {"kind": "handover", "repeated": True}
    assert repeated["turn_id"] == asked["id"]

    inbox.say(conversation, "hello??", by=customer)
    assert inbox.messages(conversation)[-1]["content"] == "hello??"

    inbox.say(conversation, "Here I am.", by=agent, sender="agent")
    inbox.run("update public.conversations set handed_over_at = handed_over_at - interval '1 hour'")
    inbox.say(conversation, "thanks", by=customer)
    assert inbox.messages(conversation)[-1]["content"] == "thanks"


@pytest.mark.parametrize(
    "function", ["take_over_conversation", "return_conversation_to_ai", "resolve_conversation"]
)
def test_only_staff_change_who_has_a_conversation(inbox: Inbox, function: str) -> None:
    """A customer would resolve their own complaint, or fetch the AI back."""
    customer, agent = inbox.user(), inbox.user("agent")
    conversation = inbox.open(customer, "one")

    with pytest.raises(psycopg.Error) as refusal:
        inbox.run(f"select public.{function}(%s)", conversation, by=customer)
    with pytest.raises(psycopg.Error) as unknown:
        inbox.run(f"select public.{function}(gen_random_uuid())", by=agent)

    assert (refusal.value.sqlstate, refusal.value.diag.message_detail) == ("PT403", "staff_only")
    assert (unknown.value.sqlstate, unknown.value.diag.message_detail) == (
        "PT404",
        "conversation_not_found",
    )
