"""Why the AI answered: for staff, as long as the message is there, without anybody's words."""

import json
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database.inbox import Inbox, Row
from tests.database.test_traces import record, trace_of


def explain(inbox: Inbox, message: UUID, by: str) -> Any:
    return inbox.one("select public.explain_ai_response(%s) as why", message, by=by)["why"]


def facts(**more: Any) -> Row:
    """Return what a worker notes, with words that nobody may find in an explanation."""
    return {
        "outcome": "replied",
        "responder": "openai",
        "signals": {"legal": 0.12},
        "prompt": [{"role": "user", "content": "SECRET"}],
        "anything": "SECRET",
        "decided": {"action": "reply", "confidence": 0.9, "model": "m", "text": "SECRET"},
        "milliseconds": {"wait": 12.5, "draft": 900, "total": 1400},
    } | more


def test_an_answer_is_explained_after_its_traces_are_gone(inbox: Inbox) -> None:
    """Somebody asks after months why that was said."""
    agent, customer = inbox.user("agent"), inbox.user()
    items = [
        inbox.one(
            "insert into public.knowledge_items (title, content) values (%s, 'x') returning id",
            title,
        )["id"]
        for title in ("Returns", "Shipping")
    ]
    conversation = inbox.open(customer, "one")
    [first] = inbox.claim("worker-1")
    inbox.say(conversation, "two", by=customer)  # the draft of the first is given up
    record(inbox, trace_of(first, **facts(outcome="superseded")))
    inbox.let_pass(1)
    [job] = inbox.claim("worker-2")
    settled = inbox.settle(
        job, knowledge_sources=[str(items[0])], confidence=0.9, model="m", intent="returns"
    )
    found = {str(items[0]): 0.9, str(items[1]): 0.4}
    record(inbox, trace_of(job, **facts(knowledge=found, ungrounded={"price": 1})))
    now = explain(inbox, settled["message_id"], agent)
    inbox.run("update public.ai_response_queue set completed_at = now() - interval '31 days'")
    inbox.run("select public.prune()")
    inbox.run("update public.knowledge_items set title = 'Sending back' where title = 'Returns'")
    inbox.run("delete from public.knowledge_items where title = 'Shipping'")
    later = explain(inbox, settled["message_id"], agent)

    assert inbox.one("select count(*) from private.job_traces")["count"] == 0
    assert [(each["title"], each["score"], each["is_cited"]) for each in now["sources"]] == [
        ("Returns", 0.9, True),
        ("Shipping", 0.4, False),
    ]
    assert [each["title"] for each in later["sources"]] == ["Sending back", None]
    assert later | {"sources": now["sources"]} == now
    assert [(each["worker"], each["outcome"]) for each in now["attempts"]] == [
        ("worker-1", "superseded"),
        ("worker-2", "replied"),
    ]
    assert now["attempts"][1]["probabilities"] == {"legal": 0.12}
    assert now["attempts"][1]["milliseconds"] == {"wait": 12.5, "draft": 900, "total": 1400}
    assert now["attempts"][1]["ungrounded"] == {"price": 1}
    assert (now["outcome"], now["jobs"], now["kind"]) == ("replied", 2, "reply")
    assert (now["confidence"], now["model"], now["intent"]) == (0.9, "m", "returns")
    assert now["thresholds"]["min_confidence"] == 0.6
    assert 1_000 <= now["answer_ms"] < 2_000
    assert "SECRET" not in json.dumps(now) + json.dumps(later)


def test_a_hand_over_that_no_worker_wrote_is_explained(inbox: Inbox) -> None:
    """Nobody has a trace of a turn that nobody answered."""
    agent = inbox.user("agent")
    conversation = inbox.open(inbox.user(), "one")
    inbox.let_pass(6)
    inbox.sweep()
    why = explain(inbox, inbox.messages(conversation)[-1]["id"], agent)

    assert (why["kind"], why["reason"], why["outcome"]) == ("handover", "overdue", "escalated")
    assert (why["attempts"], why["sources"]) == ([], [])
    inbox.run("delete from public.ai_response_queue")
    assert explain(inbox, inbox.messages(conversation)[-1]["id"], agent)["reason"] == "overdue"


def test_an_explanation_goes_with_its_message(inbox: Inbox) -> None:
    """What is kept of a customer must not outlive what they asked to erase."""
    inbox.open(inbox.user(), "one")
    [job] = inbox.claim()
    inbox.settle(job)
    record(inbox, trace_of(job, **facts()))
    count = "select count(*) from private.answer_explanations"
    assert inbox.one(count)["count"] == 1
    inbox.run("delete from public.customer_profiles")

    assert inbox.one(count)["count"] == 0


@pytest.mark.parametrize(
    ("who", "name"), [("customer", "staff_only"), ("agent", "answer_not_found")]
)
def test_what_is_not_explained_is_refused(inbox: Inbox, who: str, name: str) -> None:
    """To the customer it would say what the team thinks of them; an agent's message has no why."""
    customer, agent = inbox.user(), inbox.user("agent")
    conversation = inbox.open(customer, "one")
    inbox.settle(inbox.claim()[0])
    question, answer = inbox.messages(conversation)
    asked = [answer["id"]] if who == "customer" else [question["id"], uuid4()]
    for message in asked:
        with pytest.raises(psycopg.Error) as refusal:
            explain(inbox, message, {"customer": customer, "agent": agent}[who])
        assert refusal.value.diag.message_detail == name
