"""Traces of turns: stored beside the job, read with it, gone with it."""

import json
from typing import Any
from uuid import UUID, uuid4

from tests.database.inbox import Inbox, Row


def record(inbox: Inbox, *traces: Row) -> int:
    row = inbox.one(
        "select public.record_ai_response_traces(%s) as count",
        json.dumps(traces, default=str),
        by="service_role",
    )
    return int(row["count"])


def read(inbox: Inbox, job_id: UUID) -> list[Row]:
    return inbox.run("select * from public.get_ai_response_trace(%s)", job_id, by="service_role")


def trace_of(job: Row, **facts: Any) -> Row:
    return {"job_id": job["job_id"], "attempt": job["attempt"], "trace": facts}


def test_a_trace_is_read_with_what_its_turn_was_given(inbox: Inbox) -> None:
    """A replay answers the same messages as the worker did, not the newest ones."""
    customer = inbox.user()
    conversation = inbox.open(customer, "first")
    (job,) = inbox.claim()
    inbox.settle(job, None, action="escalate", reason="legal")
    assert record(inbox, trace_of(job, outcome="escalated")) == 1
    inbox.say(conversation, "later", by=customer)

    (told,) = read(inbox, job["job_id"])

    assert told["traces"] == [{"outcome": "escalated", "attempt": 1}]
    assert (told["outcome"], told["reason"]) == ("escalated", "legal")
    assert told["user_message"] == "first"
    assert told["customer_profile"] == job["customer_profile"]
    recent = told["conversation_context"]["recent_messages"]
    assert [message["content"] for message in recent] == ["first"]


def test_a_repeated_trace_and_one_of_no_job_change_nothing(inbox: Inbox) -> None:
    """A worker repeats a batch whose answer got lost; a job may be gone meanwhile."""
    inbox.open(inbox.user(), "one")
    (job,) = inbox.claim()
    record(inbox, trace_of(job, a=1))
    stranger = {"job_id": uuid4(), "attempt": 1, "trace": {}}

    assert record(inbox, trace_of(job, a=2), stranger) == 0
    assert read(inbox, job["job_id"])[0]["traces"] == [{"a": 1, "attempt": 1}]
    assert read(inbox, uuid4()) == []


def test_a_trace_goes_with_its_job(inbox: Inbox) -> None:
    """What is kept of a customer must not outlive the row that the clean-up looks for."""
    inbox.open(inbox.user(), "one")
    (job,) = inbox.claim()
    inbox.settle(job)
    record(inbox, trace_of(job))
    inbox.run("update public.ai_response_queue set completed_at = now() - interval '31 days'")
    inbox.run("select public.prune()")

    assert inbox.one("select count(*) from private.job_traces")["count"] == 0
