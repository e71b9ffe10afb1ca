"""How a job ends: one transaction decides, whatever its worker thinks."""

import json
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.database.inbox import Inbox


def test_a_reply_is_stored_with_what_the_responder_found(inbox: Inbox) -> None:
    """Frontends show these columns; the next answer builds on them."""
    conversation = inbox.open(inbox.user(), "Wo ist mein Paket?")
    (job,) = inbox.claim()
    settled = inbox.settle(
        job,
        "Unterwegs.",
        confidence=0.85,
        response_time_ms=420,
        intent="delivery",
        sentiment="neutral",
        language="de",
        knowledge_sources=["a", "b"],
        tokens_used=12,
    )

    answer = inbox.messages(conversation)[-1]
    row = inbox.conversation(conversation)
    (stored,) = inbox.jobs(conversation)

    assert settled["message_id"] == answer["id"]
    assert answer["sender_type"] == "ai"
    assert answer["content"] == stored["ai_response"] == "Unterwegs."
    assert answer["turn_id"] == job["turn_id"]
    assert float(answer["confidence_score"]) == 0.85
    assert (answer["processing_time_ms"], answer["tokens_used"]) == (420, 12)
    assert answer["knowledge_sources"] == ["a", "b"]
    assert (row["intent"], row["sentiment"], row["language"]) == ("delivery", "neutral", "de")
    assert row["message_count"] == 2
    assert row["requires_human"] is False
    assert (stored["status"], stored["outcome"]) == ("completed", "replied")


def test_a_repeated_settle_finds_its_own_result(inbox: Inbox) -> None:
    """A worker whose connection broke after the commit would think its reply lost."""
    conversation = inbox.open(inbox.user(), "one")
    (job,) = inbox.claim()

    assert inbox.settle(job) == inbox.settle(job)
    assert len(inbox.messages(conversation)) == 2


def test_an_escalation_writes_the_hand_over_in_the_customers_language(inbox: Inbox) -> None:
    """The customer would wait in silence, or read a language that is not theirs."""
    conversation = inbox.open(inbox.user(), "Ich möchte mit einem Menschen sprechen")
    (job,) = inbox.claim()
    settled = inbox.settle(job, None, action="escalate", reason="human_requested", language="de-AT")

    answer = inbox.messages(conversation)[-1]
    row = inbox.conversation(conversation)

    assert settled["outcome"] == "escalated"
    assert "Menschen" in answer["content"]
    assert answer["metadata"]["kind"] == "handover"
    assert answer["turn_id"] == job["turn_id"]
    assert row["requires_human"] is True
    assert (row["status"], row["escalation_reason"]) == ("escalated", "human_requested")
    assert row["handed_over_at"] == answer["created_at"]
    assert inbox.jobs(conversation)[0]["status"] == "completed"


@pytest.mark.parametrize("asked", [{"asked": "Und wann?"}, {}])
def test_a_hand_over_of_what_is_left_open_says_what_is_known(
    inbox: Inbox, asked: dict[str, str]
) -> None:
    """The customer reads the answer, and that somebody comes for the rest, in the team's words."""
    conversation = inbox.open(inbox.user(), "Was kostet es? Und wann?")
    (job,) = inbox.claim()
    inbox.settle(
        *(job, "Es kostet nichts. "),
        **{"action": "escalate", "reason": "low_confidence", "language": "de"} | asked,
    )
    *_, told = inbox.messages(conversation)
    known, *somebody_comes = told["content"].split("\n\n")

    assert known == "Es kostet nichts."
    assert len(somebody_comes) == len(asked)
    assert told["metadata"]["kind"] == "handover"
    assert inbox.conversation(conversation)["requires_human"]


def test_an_escalation_ends_the_turn_that_waits_behind_it(inbox: Inbox) -> None:
    """An automatic answer would follow after the customer was told that a human comes."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    (job,) = inbox.claim(lease=5)
    inbox.let_pass(2.1)
    inbox.say(conversation, "two", by=customer)
    inbox.settle(job, None, action="escalate", reason="human_requested")

    outcomes = [row["outcome"] for row in inbox.jobs(conversation)]

    assert outcomes == ["escalated", "taken_over"]
    assert [row["sender_type"] for row in inbox.messages(conversation)] == ["user", "user", "ai"]


def test_subscribers_hear_of_the_answer(inbox: Inbox) -> None:
    """A screen would show the answer when it is reloaded."""
    conversation = inbox.open(inbox.user(), "one")
    (job,) = inbox.claim()
    inbox.settle(job, "Here.")

    events = inbox.events(f"conversation:{conversation}")

    assert [row["event"] for row in events] == ["message.created", "message.created"]
    assert events[1]["payload"]["message"]["content"] == "Here."
    assert events[1]["payload"]["message"]["turn_id"] == str(job["turn_id"])
    assert {row["event"] for row in inbox.events("inbox")} == {"conversation.changed"}


@pytest.mark.parametrize("who", ["customer", "agent"])
def test_subscribers_hear_that_no_reply_comes_of_a_running_job(inbox: Inbox, who: str) -> None:
    """A screen would go on showing half of a reply that was never sent."""
    people = {"customer": inbox.user(), "agent": inbox.user("agent")}
    conversation = inbox.open(people["customer"], "one")
    (job,) = inbox.claim()
    inbox.say(conversation, "two", by=people[who], sender="user" if who == "customer" else who)

    (settled,) = [
        row["payload"]
        for row in inbox.events(f"conversation:{conversation}")
        if row["event"] == "reply.settled"
    ]

    assert settled["turn_id"] == str(job["turn_id"])
    assert settled["outcome"] == {"customer": "superseded", "agent": "taken_over"}[who]
    assert settled["message_id"] is None


@pytest.mark.parametrize("role", ["service_role", "agent", "customer"])
def test_an_ai_row_from_outside_is_refused(inbox: Inbox, role: str) -> None:
    """The original's clients insert the answer once more; the customer would read it twice."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    who = {"service_role": "service_role", "agent": inbox.user("agent"), "customer": customer}[role]

    with pytest.raises(psycopg.Error) as refusal:
        inbox.say(conversation, "An answer.", by=who, sender="ai")

    assert refusal.value.sqlstate == "PT403"
    assert refusal.value.diag.message_detail == "ai_message_refused"


def test_a_turn_has_one_answer_whoever_writes_it(inbox: Inbox) -> None:
    """The last line of defence of the promise, below every function."""
    conversation = inbox.open(inbox.user(), "one")
    (job,) = inbox.claim()
    inbox.settle(job)

    with pytest.raises(psycopg.errors.UniqueViolation):
        inbox.run(
            "insert into public.messages (conversation_id, sender_type, content, turn_id)"
            " values (%s, 'ai', 'again', %s)",
            conversation,
            job["turn_id"],
        )


@pytest.mark.parametrize(
    "names",
    [
        {"confidence": Decimal("0.9"), "response_time_ms": 300, "requires_human": False},
        {
            "confidence_score": Decimal("0.9"),
            "requires_human": False,
            "processing_time_ms": 300,
            "intent_detected": "greeting",
            "sentiment_detected": "positive",
            "knowledge_sources": '["a"]',
        },
    ],
    ids=["the service's", "the worker's"],
)
def test_both_of_the_originals_callers_complete_a_bare_claim(
    inbox: Inbox, names: dict[str, Any]
) -> None:
    """The original's worker called its own function with parameters that it did not have."""
    conversation = inbox.open(inbox.user(), "one")
    (job,) = inbox.run("select * from public.get_next_ai_response_job()", by="service_role")
    arguments = {"job_id": job["job_id"], "ai_response": "Here."} | names
    call = ", ".join(f"{name} => %s" for name in arguments)

    (first,) = inbox.run(
        f"select public.complete_ai_response_job({call}) as effect",
        *arguments.values(),
        by="service_role",
    )
    (second,) = inbox.run(
        f"select public.complete_ai_response_job({call}) as effect",
        *arguments.values(),
        by="service_role",
    )
    answer = inbox.messages(conversation)[-1]

    assert (first["effect"], second["effect"]) == (True, False)
    assert answer["content"] == "Here."
    assert answer["processing_time_ms"] == 300
    assert float(answer["confidence_score"]) == 0.9


def test_the_originals_forms_do_not_reach_a_named_workers_job(inbox: Inbox) -> None:
    """A browser tab with the old worker would settle what a worker is answering."""
    inbox.open(inbox.user(), "one")
    (job,) = inbox.claim("worker")

    completed = inbox.one(
        "select public.complete_ai_response_job(%s, 'x', 1, 1) as effect",
        job["job_id"],
        by="service_role",
    )
    failed = inbox.one(
        "select public.fail_ai_response_job(%s, 'x') as effect", job["job_id"], by="service_role"
    )

    assert completed["effect"] is failed["effect"] is False


def test_a_failed_bare_claim_is_tried_again_and_then_handed_over(inbox: Inbox) -> None:
    """The original left a failed job in `processing` for ever."""
    conversation = inbox.open(inbox.user(), "one")
    for attempt in (1, 2, 3):
        (job,) = inbox.run("select * from public.get_next_ai_response_job()", by="service_role")
        assert job["attempt"] == attempt
        inbox.run(
            "select public.fail_ai_response_job(%s, 'no model')", job["job_id"], by="service_role"
        )

    row = inbox.conversation(conversation)

    assert row["escalation_reason"] == "ai_failure"
    assert inbox.messages(conversation)[-1]["metadata"]["kind"] == "handover"
    assert inbox.jobs(conversation)[0]["error_message"] == "no model"


@pytest.mark.parametrize(
    "change",
    [
        {"job_id": "nobody"},
        {"attempt": None},
        {"action": "shout"},
        {"ai_response": "  "},
        {"confidence": 7},
        {"confidence": "high"},
        {"confidence": "1e-99999"},
        {"sentiment": "angry"},
        {"language": "a language name"},
        {"action": "escalate", "reason": "mood"},
    ],
    ids=str,
)
def test_a_bad_result_is_refused_and_nothing_of_its_batch_is_settled(
    inbox: Inbox, change: dict[str, Any]
) -> None:
    """Half a batch would be settled, and the worker would not know which half."""
    conversation = inbox.open(inbox.user(), "one")
    (job,) = inbox.claim()
    good = {"job_id": str(job["job_id"]), "attempt": 1, "action": "reply", "ai_response": "Here."}

    with pytest.raises(psycopg.Error) as refusal:
        inbox.run(
            "select * from public.complete_ai_response_jobs(%s)",
            json.dumps([good, good | change]),
            by="service_role",
        )

    assert refusal.value.sqlstate == "PT400"
    assert refusal.value.diag.message_detail == "bad_results"
    assert len(inbox.messages(conversation)) == 1
