"""Who answers in a conversation, as an inbox hears it and reads it: without one event more."""

import json
from typing import Any
from uuid import UUID

import pytest

from tests.database.inbox import Inbox, Row


def heard(inbox: Inbox, conversation: UUID) -> Row:
    """Return the conversation as the last event of the inbox has it."""
    events = [event["payload"] for event in inbox.events("inbox")]
    rows = [
        row for event in events for row in event.get("conversations") or [event["conversation"]]
    ]
    return next(row for row in reversed(rows) if row["id"] == str(conversation))


def read(inbox: Inbox, conversation: UUID, by: str | None = None) -> Any:
    statement = "select public.turn(conversations) as turn from public.conversations where id = %s"
    return inbox.one(statement, conversation, by=by)["turn"]


def test_each_state_is_heard_and_read_alike(inbox: Inbox) -> None:
    """A list that shows one thing after a reload and another before is believed by nobody."""
    customer, agent = inbox.user(), inbox.user("agent")
    conversation = inbox.open(customer)
    seen = []

    def look() -> None:
        turn = heard(inbox, conversation)["turn"]
        assert turn == read(inbox, conversation, agent)
        seen.append(turn and (turn["status"], turn["outcome"]))

    look()
    inbox.say(conversation, "one", by=customer)
    look()
    inbox.settle(inbox.claim()[0])
    look()
    inbox.say(conversation, "two", by=customer)
    inbox.run("select public.take_over_conversation(%s)", conversation, by=agent)
    look()
    inbox.say(conversation, "three", by=customer)
    inbox.run("select public.return_conversation_to_ai(%s)", conversation, by=agent)
    look()
    inbox.settle(inbox.claim()[0], None, action="escalate", reason="legal")
    look()

    assert seen == [
        None,
        ("pending", None),
        ("completed", "replied"),
        ("failed", "taken_over"),
        ("pending", None),
        ("completed", "escalated"),
    ]


def test_a_turn_says_until_when_and_since(inbox: Inbox) -> None:
    """A countdown needs its beginning and its end, by the server's clock."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    [job] = inbox.jobs(conversation)
    turn = heard(inbox, conversation)["turn"]
    columns = inbox.one(
        "select jsonb_build_object('job_id', id, 'turn_id', turn_id, 'started_at', turn_started_at,"
        " 'process_after', process_after, 'deadline', deadline) as of from public.ai_response_queue"
    )["of"]

    assert turn == columns | {"status": "pending", "outcome": None, "ended_at": None}
    inbox.claim()
    assert read(inbox, conversation) == turn | {"status": "processing"}
    assert read(inbox, conversation, customer)["job_id"] == str(job["id"])


def test_of_two_open_turns_the_one_that_is_being_answered_is_told(inbox: Inbox) -> None:
    """The one behind it has a later deadline: a list would show too much time."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    inbox.claim(lease=10)
    inbox.let_pass(2.5)
    inbox.say(conversation, "two", by=customer)
    first, second = inbox.jobs(conversation)
    turn = heard(inbox, conversation)["turn"]

    assert (first["status"], second["status"]) == ("processing", "pending")
    assert turn["job_id"] == str(first["id"])


def test_a_worker_hears_of_open_turns_alone(inbox: Inbox) -> None:
    """A turn that has ended is nothing to be claimed."""
    inbox.open(inbox.user(), "one")
    [_, opened] = inbox.events("inbox")
    inbox.settle(inbox.claim()[0])
    ended = inbox.events("inbox")[-1]

    assert opened["payload"]["turn"] == opened["payload"]["conversation"]["turn"]
    assert ended["payload"]["turn"] is None
    assert ended["payload"]["conversation"]["turn"]["outcome"] == "replied"


def test_many_conversations_in_one_event_have_each_its_turn(inbox: Inbox) -> None:
    """A batch of answers is one event: without their turns, lists would have to read them."""
    opened = [inbox.open(inbox.user(), "one") for _ in range(3)]
    results = [
        {"job_id": str(job["job_id"]), "attempt": 1, "action": "reply", "ai_response": "Hello!"}
        for job in inbox.claim()
    ]
    inbox.run("select public.complete_ai_response_jobs(%s)", json.dumps(results), by="service_role")
    event = inbox.events("inbox")[-1]

    assert event["event"] == "conversations.changed"
    assert {heard(inbox, each)["turn"]["outcome"] for each in opened} == {"replied"}


def test_since_when_a_customer_waits_is_the_first_hand_over(inbox: Inbox) -> None:
    """A hand-over that is repeated is no new one: the row would say "1 minute" for an hour."""
    customer, agent = inbox.user(), inbox.user("agent")
    conversation = inbox.open(customer, "one")
    inbox.settle(inbox.claim()[0], None, action="escalate", reason="legal")
    handed_over = inbox.conversation(conversation)
    inbox.let_pass(3600)
    inbox.say(conversation, "two", by=customer)
    repeated = inbox.conversation(conversation)
    inbox.run("select public.take_over_conversation(%s)", conversation, by=agent)

    assert handed_over["waiting_since"] == handed_over["handed_over_at"]
    assert repeated["handed_over_at"] > handed_over["handed_over_at"]
    assert repeated["waiting_since"] == handed_over["waiting_since"]
    assert inbox.conversation(conversation)["waiting_since"] is None


@pytest.mark.parametrize("change", ["requires_human = true", "requires_human = false"])
def test_who_comes_or_gives_it_back_ends_the_wait(inbox: Inbox, change: str) -> None:
    """Existing inboxes write the column, and call no function."""
    agent = inbox.user("agent")
    conversation = inbox.open(inbox.user(), "one")
    inbox.settle(inbox.claim()[0], None, action="escalate", reason="legal")
    inbox.run(f"update public.conversations set {change}", by=agent)

    assert inbox.conversation(conversation)["waiting_since"] is None


def test_strangers_read_no_turn(inbox: Inbox) -> None:
    """The function is told a conversation: whoever asks with another's id learns nothing."""
    conversation = inbox.open(inbox.user(), "one")
    told = inbox.one(
        "select public.turn(jsonb_populate_record(null::public.conversations, %s)) as turn",
        json.dumps({"id": str(conversation)}),
        by=inbox.user(),
    )

    assert told["turn"] is None
