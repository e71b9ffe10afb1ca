"""How jobs are leased, and what becomes of them when their worker dies."""

import json
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.database.inbox import Inbox, Row
from tests.support.waiting import eventually


def open_turns(inbox: Inbox, count: int) -> None:
    for number in range(count):
        inbox.open(inbox.user(), f"question {number}")


def test_two_workers_never_lease_the_same_job(inbox: Inbox, fresh_db: str) -> None:
    """While one claim is uncommitted, the second worker is given the next job."""
    open_turns(inbox, 2)
    claim = "select job_id from public.get_next_ai_response_job(%s, 1, 2)"
    with psycopg.connect(fresh_db) as one, psycopg.connect(fresh_db) as two:
        first = one.execute(claim, ["one"]).fetchall()
        second = two.execute(claim, ["two"]).fetchall()

    assert len(first) == len(second) == 1
    assert first != second


def test_many_workers_claim_each_job_once(inbox: Inbox, fresh_db: str) -> None:
    """Two workers with one job would both write to the customer."""
    open_turns(inbox, 40)

    def drain(worker: int) -> list[Row]:
        with Inbox(fresh_db) as own:
            claimed: list[Row] = []
            while batch := own.claim(f"worker {worker}", 3, 30):
                claimed += batch
            return claimed

    with ThreadPoolExecutor(4) as pool:
        claimed = [job["job_id"] for jobs in pool.map(drain, range(4)) for job in jobs]

    assert len(claimed) == len(set(claimed)) == 40


def test_a_turn_that_commits_during_a_claim_is_claimed_whole(inbox: Inbox, fresh_db: str) -> None:
    """A job that was leased, but not returned, would wait two seconds for its lease to run out."""
    inbox.run("alter function private.claim_jobs rename to claim_jobs_at_once")
    inbox.run("""
        create function private.claim_jobs(integer, integer, interval)
        returns uuid[] language plpgsql as $$
        begin
          perform pg_advisory_xact_lock(1);
          return private.claim_jobs_at_once($1, $2, $3);
        end $$
    """)
    waiting = "select pid from pg_locks where locktype = 'advisory' and not granted"
    inbox.run("select pg_advisory_lock(1)")
    with ThreadPoolExecutor(1) as pool, Inbox(fresh_db) as worker:
        claiming = pool.submit(worker.claim)
        eventually(lambda: inbox.run(waiting))
        conversation = inbox.open(inbox.user(), "one")
        inbox.run("select pg_advisory_unlock(1)")
        (job,) = claiming.result(30)

    assert job["conversation_id"] == conversation


def test_urgent_conversations_come_first(inbox: Inbox) -> None:
    """Otherwise `priority` would be a label without a meaning."""
    open_turns(inbox, 2)
    urgent = inbox.open(inbox.user())
    inbox.run("update public.conversations set priority = 'urgent' where id = %s", urgent)
    inbox.say(urgent, "fire", by="service_role")

    (job,) = inbox.claim(max_jobs=1)

    assert job["conversation_id"] == urgent
    assert job["priority"] == 1


def test_an_expired_lease_is_claimed_again_as_the_next_attempt(inbox: Inbox) -> None:
    """A worker that was killed would take its customer's answer with it."""
    open_turns(inbox, 1)
    (first,) = inbox.claim("killed")
    assert inbox.claim("second") == []
    inbox.let_pass(2.1)

    (again,) = inbox.claim("second")

    assert again["job_id"] == first["job_id"]
    assert (first["attempt"], again["attempt"]) == (1, 2)
    assert again["budget_ms"] < 3_500


def test_an_expired_lease_is_rescued_though_the_next_turn_waits(inbox: Inbox) -> None:
    """The dead worker's turn would block the conversation until its deadline."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    inbox.claim("killed")
    inbox.let_pass(2.1)
    inbox.say(conversation, "two", by=customer)

    (rescued,) = inbox.claim("second")

    assert rescued["user_message"] == "one"
    assert inbox.settle(rescued)["outcome"] == "replied"


def test_a_zombies_late_result_changes_nothing(inbox: Inbox) -> None:
    """A worker that was only paused would answer a second time."""
    conversation = inbox.open(inbox.user(), "one")
    (zombie,) = inbox.claim("zombie")
    inbox.let_pass(2.1)
    (job,) = inbox.claim("second")

    early = inbox.settle(zombie, "from the zombie")
    settled = inbox.settle(job, "from the second")
    late = inbox.settle(zombie, "from the zombie")

    assert (early["settled"], early["outcome"]) == (False, None)
    assert (settled["settled"], settled["outcome"]) == (True, "replied")
    assert (late["settled"], late["outcome"]) == (False, "replied")
    assert [row["content"] for row in inbox.messages(conversation)] == ["one", "from the second"]


def test_a_job_that_kills_its_workers_is_handed_over(inbox: Inbox) -> None:
    """One poisonous message would kill worker after worker until the customer gave up."""
    conversation = inbox.open(inbox.user(), "poison")
    for attempt in (1, 2, 3):
        (job,) = inbox.claim(f"victim {attempt}", lease=0.1)
        inbox.let_pass(0.2)
        assert job["attempt"] == attempt

    assert inbox.claim("survivor") == []
    assert inbox.sweep() == 1
    assert inbox.conversation(conversation)["escalation_reason"] == "ai_failure"
    assert inbox.messages(conversation)[-1]["metadata"]["kind"] == "handover"


def test_workers_share_the_budget_of_streamed_text(inbox: Inbox) -> None:
    """A hosted project closes its channels when all workers together broadcast too much."""
    open_turns(inbox, 4)
    inbox.run("update public.ai_response_queue set deadline = deadline + interval '1 hour'")
    budgets = [
        inbox.claim(worker, 1, lease=60)[0]["settings"]["stream_budget_per_second"]
        for worker in ("one", "two", "two", "three")
    ]

    assert budgets == [50, 25, 25, 16]


def beat(inbox: Inbox, jobs: list[Row], lease: float = 2) -> list[bool]:
    asked = [{"job_id": str(job["job_id"]), "attempt": job["attempt"]} for job in jobs]
    statement = "select * from public.extend_ai_response_leases('worker', %s, %s)"
    rows = inbox.run(statement, json.dumps(asked), str(lease), by="service_role")
    held = {row["job_id"]: row["is_held"] for row in rows}
    return [held[job["job_id"]] for job in jobs]


def test_a_heartbeat_keeps_a_lease(inbox: Inbox) -> None:
    """A long answer would be given to a second worker."""
    open_turns(inbox, 2)
    jobs = inbox.claim("worker")
    inbox.let_pass(1.2)

    assert beat(inbox, jobs) == [True, True]
    inbox.let_pass(1.2)
    assert inbox.claim("second") == []


def test_a_heartbeat_tells_what_was_lost(inbox: Inbox) -> None:
    """A worker would go on writing what nobody will read."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    inbox.open(inbox.user(), "another's")
    jobs = inbox.claim("worker")
    inbox.say(conversation, "two", by=customer)

    assert beat(inbox, jobs) == [job["conversation_id"] != conversation for job in jobs]


def test_a_worker_gives_jobs_back_with_a_lease_of_nothing(inbox: Inbox) -> None:
    """A deployment would cost every running turn its lease's time."""
    open_turns(inbox, 1)
    jobs = inbox.claim("worker")
    beat(inbox, jobs, lease=0)

    (again,) = inbox.claim("second")

    assert again["job_id"] == jobs[0]["job_id"]
    assert again["attempt"] == 2


def test_the_bare_call_claims_one_job_to_its_deadline(inbox: Inbox) -> None:
    """The original's clients name no worker and send no heartbeat."""
    open_turns(inbox, 2)
    rows = inbox.run("select * from public.get_next_ai_response_job()", by="service_role")
    (job,) = rows
    row = inbox.one("select * from public.ai_response_queue where id = %s", job["job_id"])

    assert row["leased_until"] == row["deadline"]
    assert row["leased_to"] is None


def test_a_long_poll_returns_when_there_is_work(inbox: Inbox, fresh_db: str) -> None:
    """A worker without Realtime would answer after its poll, not after the message."""

    def wait_for_job() -> list[Row]:
        with Inbox(fresh_db) as own:
            jobs: list[Row] = []
            while not jobs:  # the clock, which no test moves here, now and then counts as a write
                jobs = own.run("select * from public.get_next_ai_response_job('poller', 1, 2, 10)")
            return jobs

    with ThreadPoolExecutor(1) as pool:
        polling = pool.submit(wait_for_job)
        conversation = inbox.open(inbox.user(), "one")
        (job,) = polling.result(timeout=60)

    assert job["conversation_id"] == conversation


def test_a_long_poll_that_came_too_late_does_not_stay_in_the_way(
    inbox: Inbox, fresh_db: str
) -> None:
    """The customer could not write for as long as the poll goes on."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    (job,) = inbox.claim()
    inbox.let_pass(2.1)

    def wait_for_job() -> list[Row]:
        with Inbox(fresh_db) as own:
            return own.run("select * from public.get_next_ai_response_job('poller', 1, 2, 25)")

    with ThreadPoolExecutor(1) as pool, Inbox(fresh_db) as worker:
        with worker.connection.transaction():
            beat(worker, [job])

            # It found the lease expired, locked the conversation, and could not have the job.
            assert pool.submit(wait_for_job).result(timeout=20) == []
        inbox.say(conversation, "two", by=customer)


def test_a_claim_reads_the_partial_index_and_not_the_history(inbox: Inbox) -> None:
    """The queue would become slower with every job that it ever had."""
    conversation = inbox.open(inbox.user(), "one")
    inbox.run(
        """
        insert into public.ai_response_queue
          (conversation_id, message_id, user_message, status, outcome)
        select %s, id, 'old', 'completed', 'replied' from public.messages, generate_series(1, 5000)
        """,
        conversation,
    )
    inbox.run("analyze public.ai_response_queue")
    plan = inbox.one(
        """
        explain (format json)
        select jobs.conversation_id from public.ai_response_queue as jobs
        where jobs.status = 'pending' and jobs.process_after <= now() and not exists (
          select from public.ai_response_queue as running
          where running.conversation_id = jobs.conversation_id and running.status = 'processing'
        )
        order by jobs.priority, jobs.process_after limit 3
        """
    )

    assert "ai_response_queue_claimable" in json.dumps(plan)
    assert "Seq Scan" not in json.dumps(plan)


@pytest.mark.parametrize(
    "arguments",
    [
        "max_jobs => 0",
        "max_jobs => null",
        "lease_seconds => 90",
        "wait_seconds => 26",
        "wait_seconds => null",
    ],
)
def test_a_claim_out_of_range_is_refused_with_the_range(inbox: Inbox, arguments: str) -> None:
    """`limit null` would be no limit."""
    with pytest.raises(psycopg.Error, match="max_jobs is 1 to 100") as refusal:
        inbox.run(f"select * from public.get_next_ai_response_job({arguments})", by="service_role")

    assert refusal.value.sqlstate == "PT400"
    assert refusal.value.diag.message_detail == "bad_claim"
