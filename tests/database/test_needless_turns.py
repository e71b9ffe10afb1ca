"""A turn that needs no answer ("thanks!") ends without one, and changes nothing else."""

import json
from uuid import UUID

import pytest

from tests.database.inbox import Inbox, Row
from tests.database.test_slo import report


@pytest.fixture
def customer(inbox: Inbox) -> str:
    return inbox.user()


def thanked(inbox: Inbox, customer: str) -> tuple[UUID, Row]:
    """Let a customer thank for an answer; return the claimed turn."""
    conversation = inbox.open(customer, "How long does it take?")
    inbox.settle(inbox.claim()[0], intent="delivery")
    inbox.say(conversation, "thanks!", by=customer)
    [job] = inbox.claim()
    return conversation, job


def state(inbox: Inbox, conversation: UUID) -> Row:
    """Return a conversation without its clocks."""
    clocks = ("updated_at", "last_human_at")
    return {k: v for k, v in inbox.conversation(conversation).items() if k not in clocks}


def end(inbox: Inbox, job: Row) -> Row:
    return inbox.settle(job, None, action="none")


def test_it_ends_without_a_message_and_the_conversation_stays(inbox: Inbox, customer: str) -> None:
    """A hand-over after "thanks!" silenced the AI for good; a reply to each "ok" never ends."""
    conversation, job = thanked(inbox, customer)
    before = state(inbox, conversation)
    settled = end(inbox, job)
    after = state(inbox, conversation)

    assert (settled["settled"], settled["outcome"], settled["message_id"]) == (
        True,
        "not_needed",
        None,
    )
    ended = inbox.jobs(conversation)[-1]
    assert (ended["status"], ended["ai_response"]) == ("completed", None)
    assert len(inbox.messages(conversation)) == 3
    assert after == before
    assert end(inbox, job) == settled, "told twice, it ends once"


def test_screens_and_inboxes_hear_of_it(inbox: Inbox, customer: str) -> None:
    """A screen would show for ever that somebody writes, an inbox that the AI is at it."""
    conversation, job = thanked(inbox, customer)
    end(inbox, job)

    told = inbox.events(f"conversation:{conversation}")[-1]
    assert (told["event"], told["payload"]["outcome"]) == ("reply.settled", "not_needed")
    assert told["payload"]["turn_id"] == str(job["turn_id"])
    told = inbox.events("inbox")[-1]
    assert told["event"] == "conversation.changed"
    assert told["payload"]["turn"] is None


def test_the_next_message_opens_the_next_turn(inbox: Inbox, customer: str) -> None:
    conversation, job = thanked(inbox, customer)
    end(inbox, job)
    inbox.say(conversation, "And to Norway?", by=customer)

    [following] = inbox.claim()
    assert following["user_message"] == "And to Norway?"
    assert inbox.settle(following)["outcome"] == "replied"


def test_what_was_written_meanwhile_is_answered(inbox: Inbox, customer: str) -> None:
    """ "thanks!", and then "but it does not work": one turn, which needs an answer."""
    conversation, job = thanked(inbox, customer)
    inbox.say(conversation, "but it does not work", by=customer)

    assert end(inbox, job)["outcome"] == "superseded"
    inbox.let_pass(1)
    [whole] = inbox.claim()
    assert whole["user_message"] == "thanks!\nbut it does not work"


def test_it_is_no_turn_of_the_service_level(inbox: Inbox, customer: str) -> None:
    """It was neither answered nor missed, and what was resolved stays resolved."""
    _, job = thanked(inbox, customer)
    before = report(inbox)
    end(inbox, job)

    assert report(inbox) == before | {"queue_depth": 0, "oldest_waiting_ms": 0}
    assert before["turns"] == before["resolved_by_ai"] == 1


def test_a_customer_who_waits_goes_on_waiting(inbox: Inbox, customer: str) -> None:
    """ "ok" is no reason to be told again that somebody comes, nor to be forgotten."""
    conversation = inbox.open(customer, "one")
    inbox.settle(inbox.claim()[0], None, action="escalate", reason="low_confidence")
    inbox.say(conversation, "ok", by=customer)
    [job] = inbox.claim()
    assert job["conversation_context"]["requires_human"] is True
    before = state(inbox, conversation)

    assert end(inbox, job)["outcome"] == "not_needed"
    assert state(inbox, conversation) == before
    inbox.run("select public.return_conversation_to_ai(%s)", conversation, by=inbox.user("agent"))
    assert inbox.claim()[0]["user_message"] == "one\nok", "the question is still open"


def test_a_batch_may_have_both(inbox: Inbox, customer: str) -> None:
    _, job = thanked(inbox, customer)
    inbox.open(inbox.user(), "one")
    [other] = inbox.claim()
    results = [
        {"job_id": str(job["job_id"]), "attempt": 1, "action": "none"},
        {"job_id": str(other["job_id"]), "attempt": 1, "action": "reply", "ai_response": "Yes."},
    ]
    told = inbox.run(
        "select * from public.complete_ai_response_jobs(%s)", json.dumps(results), by="service_role"
    )

    assert [row["outcome"] for row in told] == ["not_needed", "replied"]
