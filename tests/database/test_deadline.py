"""Promise 1: the customer has an answer in time, though workers hang, die or are not there."""

from tests.database.inbox import Inbox


def test_a_turn_that_nobody_claimed_is_handed_over_before_its_deadline(inbox: Inbox) -> None:
    """With no worker at all the customer would wait for ever."""
    conversation = inbox.open(inbox.user(), "one")
    inbox.let_pass(4.3)
    assert inbox.sweep() == 0
    inbox.let_pass(0.3)

    assert inbox.sweep() == 1
    assert inbox.sweep() == 0
    answer = inbox.messages(conversation)[-1]
    assert answer["metadata"] == {"kind": "handover", "reason": "overdue"}
    assert inbox.conversation(conversation)["escalation_reason"] == "overdue"


def test_a_dead_workers_turn_is_handed_over_before_its_deadline(inbox: Inbox) -> None:
    """The only worker dies at 4 s: its lease ends, and nobody is there to rescue the job."""
    conversation = inbox.open(inbox.user(), "one")
    inbox.claim()
    inbox.let_pass(4.6)

    assert inbox.sweep() == 1
    assert inbox.messages(conversation)[-1]["metadata"]["kind"] == "handover"


def test_a_living_lease_has_until_the_deadline(inbox: Inbox) -> None:
    """A reply that takes 5 s is in time: it must not be overtaken by a hand-over."""
    conversation = inbox.open(inbox.user(), "one")
    inbox.let_pass(4)
    (job,) = inbox.claim(lease=2)
    inbox.let_pass(1)

    assert inbox.sweep() == 0
    assert inbox.settle(job)["outcome"] == "replied"
    assert len(inbox.messages(conversation)) == 2


def test_a_hanging_worker_is_fenced_off_at_the_deadline(inbox: Inbox) -> None:
    """The model answers after the hand-over: the customer would read both."""
    conversation = inbox.open(inbox.user(), "one")
    inbox.let_pass(4)
    (job,) = inbox.claim(lease=10)
    inbox.let_pass(1.6)

    assert inbox.sweep() == 1
    late = inbox.settle(job)
    assert (late["settled"], late["outcome"]) == (False, "escalated")
    assert [row["sender_type"] for row in inbox.messages(conversation)] == ["user", "ai"]


def test_two_overdue_turns_of_one_conversation_get_one_hand_over(inbox: Inbox) -> None:
    """The customer would be told twice that somebody comes."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    inbox.claim(lease=2)
    inbox.let_pass(2.1)
    inbox.say(conversation, "two", by=customer)
    inbox.let_pass(9)

    assert [inbox.sweep(), inbox.sweep()] == [1, 1]
    assert [row["outcome"] for row in inbox.jobs(conversation)] == ["escalated", "taken_over"]
    assert [row["sender_type"] for row in inbox.messages(conversation)] == ["user", "user", "ai"]


def test_a_turn_behind_a_live_one_waits_for_it(inbox: Inbox) -> None:
    """With a short `cap_ms` both near their deadline at once: every sweep and claim would fail."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    inbox.run("update public.ai_settings set cap_ms = 0")
    (running,) = inbox.claim(lease=10)
    inbox.say(conversation, "two", by=customer)
    inbox.let_pass(4.7)

    assert inbox.sweep() == 0
    assert inbox.settle(running)["outcome"] == "replied"
    assert inbox.sweep() == 1
    assert inbox.messages(conversation)[-1]["metadata"]["reason"] == "overdue"
