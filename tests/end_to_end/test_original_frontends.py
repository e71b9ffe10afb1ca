"""Frontends written for the original keep working: their calls, through supabase-js."""

import json
import subprocess
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from supabase import create_client

from tests.support.javascript import SCRIPTS, find_node
from tests.support.stacks import RunningStack

Seen = dict[str, Any]


@pytest.fixture(scope="module")
def visit(stack: RunningStack) -> Seen:
    """What one visit of a customer, an agent, a stranger and the original's worker gave."""
    email, password = f"{uuid4()}@example.com", "correct horse"
    signed_up = create_client(stack.api_url, stack.anon_key).auth.sign_up(
        {"email": email, "password": password}
    )
    assert signed_up.user is not None
    with psycopg.connect(stack.db_url) as connection:
        connection.execute(
            "update public.profiles set role = 'agent' where id = %s", [signed_up.user.id]
        )
    script = SCRIPTS / "original_frontend.mjs"
    keys = [stack.api_url, stack.anon_key, stack.service_role_key]
    command = [find_node(), script, *keys, email, password]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)  # type: ignore[no-any-return]  # the script prints one object


def test_a_customer_writes_and_polls_for_the_answer(visit: Seen) -> None:
    """The widget inserts a row, then looks at the queue until the job is completed."""
    seen = visit["seen"]

    assert seen["create"]["data"] == visit["id"]
    assert seen["send"]["status"] == 201
    assert seen["send"]["data"]["position"] == 1
    (job,) = seen["poll"]["data"]
    assert (job["status"], job["ai_response"]) == ("completed", "An answer.")


def test_the_originals_worker_functions_work_by_both_callers_names(visit: Seen) -> None:
    """All of them raised, or had other parameters than their callers."""
    seen = visit["seen"]
    (job,) = seen["claim"]["data"]

    assert job["user_message"] == "three"
    assert set(job) >= {
        "job_id", "conversation_id", "message_id", "user_message", "conversation_context",
        "customer_profile", "priority",
    }  # fmt: skip
    assert set(job["conversation_context"]) >= {
        "channel_type", "language", "priority", "department", "intent", "sentiment",
        "message_count", "recent_messages",
    }  # fmt: skip
    assert seen["complete"]["data"] is True
    assert seen["complete by the worker"]["data"] is True
    assert seen["fail"]["data"] is True


def test_the_second_copy_of_an_answer_is_refused(visit: Seen) -> None:
    """The original's client inserted the answer once more, and ignores the error."""
    assert visit["seen"]["second copy"]["status"] == 403
    assert visit["seen"]["second copy"]["details"] == "ai_message_refused"


def test_subscribers_see_each_message_once(visit: Seen) -> None:
    """The original's hook listens to the tables."""
    assert visit["inserted"][:6] == [
        ["user", "one"], ["ai", "An answer."], ["user", "two"], ["ai", "Another."],
        ["user", "three"], ["agent", "Hello."],
    ]  # fmt: skip
    assert {event for event, _ in visit["changed"]} == {"UPDATE"}
    assert max(count for _, count in visit["changed"]) == 6


def test_an_agent_reads_the_inbox_with_its_customers(visit: Seen) -> None:
    """UnifiedInbox embeds the customer, orders, limits, and reads one."""
    seen = visit["seen"]
    (row,) = seen["inbox"]["data"]

    assert row == seen["one"]["data"]
    assert set(row["customer_profiles"]) == {
        "id", "name", "email", "phone", "preferences", "satisfaction_rating",
    }  # fmt: skip
    assert row["user_email"] == "ada@example.com"
    assert [each["content"] for each in seen["messages"]["data"]] == [
        "one", "An answer.", "two", "Another.", "three",
    ]  # fmt: skip


def test_an_agent_writes_and_updates(visit: Seen) -> None:
    """The inbox inserts and updates the tables directly."""
    seen = visit["seen"]

    assert seen["agent writes"]["status"] == 201
    assert {each["delivery_status"] for each in seen["read"]["data"]} == {"read"}
    assert seen["assign"]["data"]["priority"] == "high"
    assert seen["assign"]["data"]["requires_human"] is True
    assert seen["resolve"]["data"]["status"] == "resolved"
    assert seen["resolve"]["data"]["requires_human"] is False


def test_the_read_functions_give_what_frontends_show(visit: Seen) -> None:
    """Both raised in the original; the counts were doubled."""
    seen = visit["seen"]
    whole = seen["with messages"]["data"]
    (figures,) = seen["performance"]["data"]

    assert whole["conversation_data"]["id"] == visit["id"]
    assert [each["content"] for each in whole["messages_data"]] == ["Another.", "three", "Hello."]
    assert figures["total_messages"] == 6
    assert (figures["ai_messages"], figures["human_messages"]) == (2, 1)
    assert {row["metric_name"] for row in seen["metrics"]["data"]} >= {
        "message_received", "ai_response_generated",
    }  # fmt: skip
    for name in (
        "cleanup_ai_response_queue",
        "cleanup_realtime_metrics",
        "cleanup_expired_metrics",
    ):
        assert seen[name]["data"] >= 0


def test_what_the_original_allowed_strangers_is_over(visit: Seen) -> None:
    """Any signed-in user could read everything, write everywhere and become an admin."""
    seen = visit["seen"]
    theirs = seen["same e-mail"]["data"]

    assert theirs != visit["id"]
    assert {row["conversation_id"] for row in seen["read all"]["data"]} == {theirs}
    assert seen["write there"]["code"] == "42501"
    assert seen["own role"]["code"] == "42501"
    assert seen["work the queue"]["data"] == []


def test_without_a_session_a_frontend_is_told_to_sign_in(visit: Seen) -> None:
    """An old frontend that has no session must say why it does not work any more."""
    refusal = visit["seen"]["without a session"]

    assert refusal["status"] == 401
    assert refusal["details"] == "session_required"
    assert "signInAnonymously" in refusal["hint"]
