"""The service level that the team is shown."""

from uuid import UUID

import psycopg
import pytest

from tests.database.inbox import Inbox, Row


def answer(inbox: Inbox, *, after: float = 0, reason: str | None = None) -> tuple[str, UUID]:
    """One customer's turn, answered or escalated `after` that many seconds."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    (job,) = inbox.claim(lease=10)
    inbox.let_pass(after)
    if reason:
        inbox.settle(job, None, action="escalate", reason=reason)
    else:
        inbox.settle(job)
    return customer, conversation


def report(inbox: Inbox, channel: str = "all") -> Row:
    rows = inbox.run("select * from public.get_messaging_slo()", by="service_role")
    return next(row for row in rows if row["channel_type"] == channel)


def test_turns_are_timed_from_the_message_to_the_answer(inbox: Inbox) -> None:
    """Percentiles of something else would look better than what customers saw."""
    for seconds in (1, 2, 3, 7):
        answer(inbox, after=seconds)

    row = report(inbox)

    assert row["turns"] == 4
    assert 2_500 <= row["p50_ms"] < 2_700
    assert 6_500 <= row["p99_ms"] < 7_300
    assert row["within_6s"] == pytest.approx(0.75)
    assert row["delivered"] == 1
    assert report(inbox, "website") == row | {"channel_type": "website"}


def test_resolved_by_the_ai_is_counted_honestly(inbox: Inbox) -> None:
    """A hand-over, an agent who had to step in, a customer who came back: none was resolved."""
    agent = inbox.user("agent")
    answer(inbox)
    answer(inbox, reason="low_confidence")
    _, stepped_in = answer(inbox)
    inbox.say(stepped_in, "Let me correct that.", by=agent, sender="agent")
    customer, came_back = answer(inbox)
    inbox.run("select public.resolve_conversation(%s)", came_back, by=agent)
    assert report(inbox)["resolved_by_ai"] == pytest.approx(0.5)

    inbox.say(came_back, "It is not solved.", by=customer)

    row = report(inbox)
    assert row["resolved_by_ai"] == pytest.approx(0.25)
    assert row["escalations"] == {"low_confidence": 1}


def test_the_queue_is_measured_now(inbox: Inbox) -> None:
    """A queue that grows is seen before its turns have ended."""
    inbox.open(inbox.user(), "one")
    inbox.let_pass(3)

    row = report(inbox)

    assert (row["turns"], row["queue_depth"]) == (0, 1)
    assert 3_000 <= row["oldest_waiting_ms"] < 4_000
    assert row["p50_ms"] is row["resolved_by_ai"] is None


@pytest.mark.parametrize(
    ("call", "by", "name"),
    [
        ("get_messaging_slo(0)", "service_role", "bad_window"),
        ("get_messaging_slo()", "customer", "staff_only"),
    ],
)
def test_what_cannot_be_reported_is_said(inbox: Inbox, call: str, by: str, name: str) -> None:
    """An empty report would look like a quiet day."""
    who = inbox.user() if by == "customer" else by

    with pytest.raises(psycopg.Error) as refusal:
        inbox.run(f"select * from public.{call}", by=who)

    assert refusal.value.diag.message_detail == name
