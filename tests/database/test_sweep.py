"""The sweep hands over what nobody answers; one bad row stops it for nobody else."""

import json
from uuid import UUID

import psycopg
import pytest

from tests.database.inbox import Inbox
from tests.database.outbox import Outbox

_FAILURES = {
    "exception": "raise exception 'no % for Ada', tg_table_name",
    "assert": "assert false",
    "lock": "raise exception 'busy' using errcode = '55P03'",
}
_REFUSING = """
create function public.refuse_ada() returns trigger language plpgsql as $$
begin
  if {condition} then
    {failure};
  end if;
  return new;
end $$;
create trigger refuse_ada before {event} on public.{table}
  for each row execute function public.refuse_ada();
"""


def _refuse(
    inbox: Inbox,
    ada: UUID,
    *,
    table: str = "messages",
    only: str = "true",
    failure: str = "exception",
) -> None:
    """Give the project a trigger of its own that raises for one conversation."""
    column, event = {"messages": ("conversation_id", "insert"), "conversations": ("id", "update")}[
        table
    ]
    inbox.connection.execute(
        _REFUSING.format(  # type: ignore[arg-type]  # from constants of this file
            table=table,
            event=event,
            condition=f"new.{column} = '{ada}' and {only}",
            failure=_FAILURES[failure],
        )
    )


def _senders(inbox: Inbox, conversation: UUID) -> list[str]:
    return [message["sender_type"] for message in inbox.messages(conversation)]


def test_a_claim_does_nothing_but_claim(inbox: Inbox) -> None:
    """A hand-over that fails would stop all workers, if each claim came by it."""
    conversation = inbox.open(inbox.user(), "one")
    inbox.let_pass(5)

    assert inbox.claim() == []
    assert _senders(inbox, conversation) == ["user"]
    assert inbox.sweep() == 1
    assert inbox.messages(conversation)[-1]["metadata"]["kind"] == "handover"


def test_one_sweeps_at_a_time(inbox: Inbox, fresh_db: str) -> None:
    """Every worker's timer and cron would do the same work, and wait for the same rows."""
    conversation = inbox.open(inbox.user(), "one")
    inbox.let_pass(6)
    with psycopg.connect(fresh_db) as first:
        swept = first.execute("select public.settle_overdue_ai_response_jobs()").fetchone()
        assert inbox.sweep() == 0
        first.commit()

    assert swept == (1,)
    assert _senders(inbox, conversation) == ["user", "ai"]


@pytest.mark.parametrize("table", ["messages", "conversations"])
def test_a_hand_over_that_is_refused_is_put_aside_and_costs_nobody_else_theirs(
    inbox: Inbox, table: str
) -> None:
    """A project's own trigger that raised for one customer once silenced all of them."""
    ada, *others = (inbox.open(inbox.user(), "one") for _ in range(5))
    _refuse(inbox, ada, table=table)
    inbox.let_pass(6)
    assert inbox.sweep() == 5

    assert [_senders(inbox, other) for other in others] == [["user", "ai"]] * 4
    [job] = inbox.jobs(ada)
    assert inbox.sweep() == 0, "not four times a second, for ever"
    if table == "messages":  # staff get it without a message
        assert job["outcome"] == "taken_over"
        assert inbox.conversation(ada)["requires_human"]
        return
    assert job["status"] == "processing"
    assert job["error_message"] == "the database refused it (P0001)", "customers may read it"
    [told] = inbox.run("select reason from private.set_aside_reasons")
    assert told["reason"] == f"no {table} for Ada"
    assert inbox.claim() == []
    told = inbox.one("select public.get_romashka_installation() as told", by="service_role")["told"]
    assert told["set_aside"] == 1
    report = inbox.run("select * from public.get_messaging_slo()", by="service_role")[-1]
    assert (report["channel_type"], report["set_aside"]) == ("all", 1)


@pytest.mark.parametrize("failure", _FAILURES)
def test_no_way_to_fail_stops_the_hand_overs_of_others(inbox: Inbox, failure: str) -> None:
    """`when others` does not catch an ASSERT; a refused lock looks like one that may pass."""
    ada, other = inbox.open(inbox.user(), "one"), inbox.open(inbox.user(), "one")
    _refuse(inbox, ada, failure=failure)
    inbox.let_pass(6)
    inbox.sweep()

    assert _senders(inbox, other) == ["user", "ai"]


def test_what_a_project_defers_to_the_commit_is_refused_before_it(inbox: Inbox) -> None:
    """A constraint trigger that fails at the commit would take the whole sweep with it."""
    ada, other = inbox.open(inbox.user(), "one"), inbox.open(inbox.user(), "one")
    _refuse(inbox, ada)
    inbox.run("drop trigger refuse_ada on public.messages")
    inbox.run(
        "create constraint trigger refuse_ada after insert on public.messages"
        " deferrable initially deferred for each row execute function public.refuse_ada()"
    )
    inbox.let_pass(6)
    inbox.sweep()

    assert _senders(inbox, other) == ["user", "ai"]


def test_a_lock_on_the_account_of_one_delays_no_hand_over_of_another(
    outbox: Outbox, fresh_db: str
) -> None:
    """Whoever deletes an account holds its row; answers by it refer to it."""
    customer, other = outbox.hear(), outbox.open(outbox.user(), "one")
    outbox.run("update public.communication_channels set connected_at = now()")
    outbox.let_pass(6)
    with psycopg.connect(fresh_db) as operator:
        operator.execute("select from public.communication_channels for update")
        outbox.sweep()
    assert _senders(outbox, other) == ["user", "ai"]
    assert _senders(outbox, customer) == ["user"]

    outbox.sweep()
    assert _senders(outbox, customer) == ["user", "ai"]


def test_whoever_writes_after_an_outage_is_told_that_somebody_comes(inbox: Inbox) -> None:
    """The first question got no message; the second one must not meet silence, too."""
    customer = inbox.user()
    conversation = inbox.open(customer, "old")
    _age(inbox, conversation, "2 hours")
    inbox.sweep()
    inbox.say(conversation, "Hello?", by=customer)
    inbox.let_pass(6)
    inbox.sweep()

    assert _senders(inbox, conversation) == ["user", "user", "ai"]


def test_what_was_put_aside_is_tried_again_less_and_less_often(inbox: Inbox) -> None:
    """When the trigger is mended nobody has to remember the customer."""
    ada = inbox.open(inbox.user(), "one")
    _refuse(inbox, ada, table="conversations")
    inbox.let_pass(6)
    swept = []
    for seconds in (0, 59, 2, 61, 60):
        inbox.let_pass(seconds)
        swept.append(inbox.sweep())
    inbox.run("drop trigger refuse_ada on public.conversations")
    inbox.let_pass(241)
    swept.append(inbox.sweep())

    assert swept == [1, 0, 1, 0, 1, 1]
    assert _senders(inbox, ada) == ["user", "ai"]
    assert inbox.jobs(ada)[0]["set_aside_until"] is None


def test_a_reply_that_is_refused_becomes_a_hand_over(inbox: Inbox) -> None:
    """A check of the project's own, on texts say, must not leave the customer waiting."""
    ada, other = inbox.open(inbox.user(), "one"), inbox.open(inbox.user(), "one")
    _refuse(inbox, ada, only="new.metadata ->> 'kind' is distinct from 'handover'")
    results = [
        {"job_id": str(job["job_id"]), "attempt": 1, "action": "reply", "ai_response": "Hello!"}
        for job in inbox.claim()
    ]
    told = inbox.run(
        "select * from public.complete_ai_response_jobs(%s)",
        json.dumps(results),
        by="service_role",
    )

    assert sorted((row["settled"], row["outcome"]) for row in told) == [
        (True, "escalated"),
        (True, "replied"),
    ]
    assert inbox.messages(other)[-1]["content"] == "Hello!"
    assert inbox.messages(ada)[-1]["metadata"]["reason"] == "ai_failure"


def _age(inbox: Inbox, conversation: UUID, interval: str) -> None:
    columns = ("turn_started_at", "deadline", "process_after", "created_at")
    changes = ", ".join(f"{column} = {column} - interval '{interval}'" for column in columns)
    inbox.run(
        f"update public.ai_response_queue set {changes} where conversation_id = %s", conversation
    )


@pytest.mark.parametrize("age", ["25 days", "300 years"])
def test_a_turn_of_long_ago_stops_nothing(inbox: Inbox, age: str) -> None:
    """A stack slept for a month: that is more milliseconds than an integer has."""
    old, fresh = inbox.open(inbox.user(), "old"), inbox.open(inbox.user(), "fresh")
    _age(inbox, old, age)
    inbox.run("select * from public.get_messaging_slo(44640)", by="service_role")

    assert inbox.sweep() == 1
    [job] = inbox.claim()
    assert job["conversation_id"] == fresh
    inbox.settle(job)
    assert _senders(inbox, fresh) == ["user", "ai"]


def test_a_reply_to_a_turn_of_long_ago_is_measured_with_what_the_column_holds(
    inbox: Inbox,
) -> None:
    """The original's bare claim holds a job to its deadline, however late that is."""
    conversation = inbox.open(inbox.user(), "one")
    [job] = inbox.claim()
    inbox.run("update public.ai_response_queue set turn_started_at = now() - interval '9 years'")
    inbox.settle(job)

    assert inbox.jobs(conversation)[0]["response_time_ms"] == 2**31 - 1


def test_old_questions_of_a_restored_backup_go_to_staff_without_a_message(inbox: Inbox) -> None:
    """Nobody is told today that a human will come about a question of last month."""
    conversation = inbox.open(inbox.user(), "old")
    _age(inbox, conversation, "2 hours")
    assert inbox.sweep() == 1

    row = inbox.conversation(conversation)
    assert (row["requires_human"], row["escalation_reason"]) == (True, "overdue")
    assert _senders(inbox, conversation) == ["user"]
    assert inbox.jobs(conversation)[0]["outcome"] == "taken_over"
    assert inbox.sweep() == 0


def test_a_message_that_is_sent_again_with_the_id_of_an_answered_one_is_answered(
    inbox: Inbox,
) -> None:
    """Its turn's key was taken: the job could never be ended, and its conversation was silent."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    inbox.settle(inbox.claim()[0], "An answer.")
    first = inbox.messages(conversation)[0]
    inbox.run("delete from public.messages where id = %s", first["id"])
    inbox.run(
        "insert into public.messages (id, conversation_id, sender_type, content)"
        " values (%s, %s, 'user', 'once more')",
        first["id"],
        conversation,
        by="service_role",
    )
    [job] = inbox.claim()
    inbox.settle(job, "Another answer.")

    said = [message["content"] for message in inbox.messages(conversation)]
    assert said == ["An answer.", "once more", "Another answer."]


def test_a_job_whose_turn_has_an_answer_is_ended(inbox: Inbox) -> None:
    """By hand, or by an edition of before: it was taken by each sweep, for ever."""
    conversation = inbox.open(inbox.user(), "one")
    inbox.settle(inbox.claim()[0], "An answer.")
    inbox.run(
        "insert into public.ai_response_queue"
        " (conversation_id, message_id, user_message, turn_id, turn_started_at, deadline)"
        " select conversation_id, message_id, user_message, turn_id, turn_started_at, deadline"
        " from public.ai_response_queue"
    )
    inbox.let_pass(6)
    swept = [inbox.sweep(), inbox.sweep()]

    assert swept == [1, 0]
    assert inbox.jobs(conversation)[-1]["outcome"] == "superseded"
    assert _senders(inbox, conversation) == ["user", "ai"]
