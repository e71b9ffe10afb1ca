"""A hand-over that nobody has taken yet is no silence: the AI answers on what it is sure of."""

from uuid import UUID

import pytest

from tests.database.inbox import Inbox, Row

DOUBTS = ["low_confidence", "ai_failure", "overdue", "out_of_scope", "ungrounded"]
SILENCING = ["human_requested", "negative_sentiment", "legal", "safety", "repeated_failure"]


@pytest.fixture
def agent(inbox: Inbox) -> str:
    return inbox.user("agent")


@pytest.fixture
def customer(inbox: Inbox) -> str:
    return inbox.user()


def escalate(inbox: Inbox, job: Row, reason: str = "low_confidence") -> Row:
    return inbox.settle(job, None, action="escalate", reason=reason)


def waiting(inbox: Inbox, customer: str, reason: str = "low_confidence") -> UUID:
    """Let a customer wait for a human."""
    conversation = inbox.open(customer, "one")
    [job] = inbox.claim()
    escalate(inbox, job, reason)
    return conversation


def ask(inbox: Inbox, conversation: UUID, customer: str, text: str = "two") -> list[Row]:
    inbox.say(conversation, text, by=customer)
    return inbox.claim()


def said(inbox: Inbox, conversation: UUID) -> list[str]:
    """What the AI has sent: `reply`, `handover`, and `while waiting`."""
    kinds = [row["metadata"] for row in inbox.messages(conversation) if row["sender_type"] == "ai"]
    return [
        "while waiting" if kind.get("while_waiting") else kind.get("kind", "reply")
        for kind in kinds
    ]


@pytest.mark.parametrize("reason", DOUBTS)
def test_what_the_ai_is_sure_of_it_answers(inbox: Inbox, customer: str, reason: str) -> None:
    """One question that it could not answer silenced it for all that followed."""
    conversation = waiting(inbox, customer, reason)
    [job] = ask(inbox, conversation, customer)
    before = inbox.conversation(conversation)
    settled = inbox.settle(job)
    after = inbox.conversation(conversation)

    assert settled["outcome"] == "replied"
    assert said(inbox, conversation) == ["handover", "while waiting"]
    for name in ("requires_human", "status", "escalation_reason", "handed_over_at"):
        assert after[name] == before[name], "the customer goes on waiting"
    assert (after["status"], after["requires_human"]) == ("escalated", True)


@pytest.mark.parametrize("reason", SILENCING)
def test_after_other_reasons_it_is_silent(inbox: Inbox, customer: str, reason: str) -> None:
    """Whoever wants a human is not talked to by a machine."""
    conversation = waiting(inbox, customer, reason)

    assert ask(inbox, conversation, customer) == []
    assert said(inbox, conversation) == ["handover"]


def test_what_it_is_not_sure_of_gets_no_second_hand_over(inbox: Inbox, customer: str) -> None:
    """The customer knows that a human comes; screens learn that no reply does."""
    conversation = waiting(inbox, customer)
    [job] = ask(inbox, conversation, customer)
    settled = escalate(inbox, job)
    events = inbox.events(f"conversation:{conversation}")

    assert (settled["settled"], settled["outcome"]) == (False, "taken_over")
    assert said(inbox, conversation) == ["handover"]
    assert events[-1]["event"] == "reply.settled"
    assert events[-1]["payload"]["turn_id"] == str(job["turn_id"])
    assert [inbox.settle(job)["outcome"] for job in ask(inbox, conversation, customer, "3")] == [
        "replied"
    ]


def test_whoever_waits_long_is_told_again(inbox: Inbox, customer: str) -> None:
    """As before, once in a quarter of an hour, and only where the AI has no answer."""
    conversation = waiting(inbox, customer)
    inbox.let_pass(16 * 60)
    [job] = ask(inbox, conversation, customer)
    assert said(inbox, conversation) == ["handover"]
    escalate(inbox, job)
    assert said(inbox, conversation) == ["handover", "handover"]
    [job] = ask(inbox, conversation, customer, "three")
    escalate(inbox, job)
    assert said(inbox, conversation) == ["handover", "handover"]


def test_a_wish_for_a_human_silences_it_from_then_on(inbox: Inbox, customer: str) -> None:
    """The reason is the newer one, and the team sees it."""
    conversation = waiting(inbox, customer)
    [job] = ask(inbox, conversation, customer)
    escalate(inbox, job, "human_requested")

    assert inbox.conversation(conversation)["escalation_reason"] == "human_requested"
    assert ask(inbox, conversation, customer, "three") == []
    assert said(inbox, conversation) == ["handover"]


@pytest.mark.parametrize("how", ["write", "take over", "update", "resolve"])
def test_humans_win_over_what_is_being_written(
    inbox: Inbox, customer: str, agent: str, how: str
) -> None:
    """Promise 3, also where the conversation needed a human before."""
    conversation = waiting(inbox, customer)
    [job] = ask(inbox, conversation, customer)
    if how == "write":
        inbox.say(conversation, "Grace here.", by=agent, sender="agent")
    elif how == "take over":
        inbox.run("select public.take_over_conversation(%s)", conversation, by=agent)
    elif how == "update":
        inbox.run(
            "update public.conversations set requires_human = true where id = %s",
            conversation,
            by=agent,
        )
    else:
        inbox.run("select public.resolve_conversation(%s)", conversation, by=agent)

    assert inbox.settle(job)["outcome"] == "taken_over"
    assert said(inbox, conversation) == ["handover"]
    if how != "resolve":
        assert ask(inbox, conversation, customer, "three") == []


def test_what_waits_behind_a_doubt_goes_on(inbox: Inbox, customer: str) -> None:
    """It is another question."""
    conversation = inbox.open(customer, "one")
    [job] = inbox.claim()
    inbox.let_pass(3)
    inbox.say(conversation, "two", by=customer)
    escalate(inbox, job)
    [behind] = inbox.claim()

    assert inbox.settle(behind)["outcome"] == "replied"
    assert said(inbox, conversation) == ["handover", "while waiting"]


def test_nobody_who_is_late_is_handed_over_twice(inbox: Inbox, customer: str) -> None:
    """The sweep is as quiet as a worker."""
    conversation = waiting(inbox, customer)
    inbox.say(conversation, "two", by=customer)
    inbox.let_pass(7)

    assert inbox.sweep() == 1
    assert said(inbox, conversation) == ["handover"]
    assert [job["outcome"] for job in inbox.jobs(conversation)] == ["escalated", "taken_over"]


def test_a_team_may_want_silence(inbox: Inbox, customer: str) -> None:
    """A setting."""
    inbox.run("update public.ai_settings set answers_while_waiting = false")
    conversation = waiting(inbox, customer)

    assert ask(inbox, conversation, customer) == []


def test_a_return_after_a_wish_for_a_human_leaves_the_ai_answering(
    inbox: Inbox, customer: str, agent: str
) -> None:
    """The wish itself is not answered better the second time, but what comes next may be."""
    conversation = waiting(inbox, customer, "human_requested")
    inbox.run("select public.return_conversation_to_ai(%s)", conversation, by=agent)
    [returned] = inbox.claim()
    escalate(inbox, returned)
    [job] = ask(inbox, conversation, customer)

    assert inbox.settle(job)["outcome"] == "replied"
    assert said(inbox, conversation) == ["handover", "handover", "while waiting"]
