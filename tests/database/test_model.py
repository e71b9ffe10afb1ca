"""The promises, under random interleavings of everybody who takes part, crashes included."""

import itertools
import json
import os
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.database.clock import let_pass
from tests.database.history import check_history
from tests.database.sessions import Action, Row, Session, let_them_run
from tests.database.world import World

EXAMPLES = int(os.environ.get("ROMASHKA_MODEL_EXAMPLES", "20"))
"""How many random stories are played; each has up to 60 steps."""

Method = Callable[..., None]
_SWEEP = "select public.settle_overdue_ai_response_jobs()"
HOLDS = st.sampled_from([False, False, True])
PICK = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 5])
"""Counted from the newest."""

_ACTIONS: dict[str, tuple[int, dict[str, Any]]] = {}


def action(weight: int = 1, **arguments: Any) -> Callable[[Method], Method]:
    """Let stories contain this, as often as its weight says."""

    def register(method: Method) -> Method:
        _ACTIONS[method.__name__] = (weight, arguments)
        return method

    return register


class Inboxes(RuleBasedStateMachine):
    """Customers, workers, agents, sweeps and time, in any order, in transactions that overlap."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.world.clear()
        self.conversations: list[UUID] = []
        self.claimed: list[Row] = []
        self.stored: set[str] = set()
        self.settled_with: set[UUID] = set()
        self.numbers = itertools.count(1)

    @initialize(quiet=st.sampled_from([400, 0]), cap=st.sampled_from([2000, 0, 4000]))
    def an_inbox(self, quiet: int, cap: int) -> None:
        self.act(None, "update public.ai_settings set quiet_ms = %s, cap_ms = %s", quiet, cap)
        for customer in self.world.customers:
            self.act(customer, _OPEN, "website", None, then=self.opened)

    # ---- everybody

    def act(
        self, who: str | None, statement: str, *values: Any, hold: bool = False, **more: Any
    ) -> None:
        sessions = self.world.sessions
        if all(session.state != "free" for session in sessions):
            self.a_transaction_commits(0)
        free = [session for session in sessions if session.state == "free"]
        if free:
            free[0].start(Action(who, statement, values, **more), hold=hold)
            self.let_them_run()

    def let_them_run(self) -> None:
        let_them_run(self.world.sessions, self.world.admin)

    def pick(self, things: list[Any], number: int) -> Any:
        """Return one of the newest things."""
        return things[-1 - number % len(things)]

    # ---- customers

    @action(weight=5, conversation=PICK, hold=HOLDS)
    def a_customer_writes(self, conversation: int, hold: bool) -> None:
        text = f"message {next(self.numbers)}"
        self.act(
            "service_role",  # on behalf of whoever it is, as a channel does
            "insert into public.messages (conversation_id, sender_type, content)"
            " values (%s, 'user', %s)",
            self.pick(self.conversations, conversation),
            text,
            hold=hold,
            then=lambda rows: self.stored.add(text),
        )

    @action(customer=st.integers(0, 1), channel=st.sampled_from(["website", "email"]), hold=HOLDS)
    def a_customer_opens_a_conversation(self, customer: int, channel: str, hold: bool) -> None:
        who, text = self.world.customers[customer], f"message {next(self.numbers)}"

        def opened(rows: list[Row]) -> None:
            self.opened(rows)
            self.stored.add(text)

        self.act(who, _OPEN, channel, text, hold=hold, then=opened)

    def opened(self, rows: list[Row]) -> None:
        if rows[0]["id"] not in self.conversations:
            self.conversations.append(rows[0]["id"])

    @action(conversation=PICK, hold=HOLDS)
    def a_customer_rates_and_reads(self, conversation: int, hold: bool) -> None:
        chosen = self.pick(self.conversations, conversation)
        self.act(
            "service_role",
            "select public.rate_conversation(%s, 4), public.mark_conversation_read(%s)",
            chosen,
            chosen,
            hold=hold,
        )

    @action(conversation=PICK)
    def somebody_forges_an_answer(self, conversation: int) -> None:
        self.act(
            "service_role",
            "insert into public.messages (conversation_id, sender_type, content)"
            " values (%s, 'ai', 'forged')",
            self.pick(self.conversations, conversation),
            refusal="PT403",
        )

    # ---- workers: one that does not come back simply does nothing more

    @action(
        weight=5,
        worker=st.sampled_from(["one", "two"]),
        jobs=st.integers(1, 3),
        lease=st.sampled_from(["0.5", "2", "10"]),
        wait=st.sampled_from([0, 0, 0, 0, 0, 0, 0, 20]),
        hold=HOLDS,
    )
    def a_worker_claims(self, worker: str, jobs: int, lease: str, wait: int, hold: bool) -> None:
        self.act(
            "service_role",
            "select *, %s as worker from public.get_next_ai_response_job(%s, %s, %s, %s)",
            *(worker, worker, jobs, lease, wait),
            hold=hold,
            then=self.claimed.extend,
        )

    @action(weight=2, hold=HOLDS)
    def the_original_claims(self, hold: bool) -> None:
        self.act(
            "service_role",
            "select *, null as worker from public.get_next_ai_response_job()",
            hold=hold,
            then=self.claimed.extend,
        )

    @action(weight=2, first=PICK, second=PICK, lease=st.sampled_from(["0", "2"]), hold=HOLDS)
    def a_worker_beats(self, first: int, second: int, lease: str, hold: bool) -> None:
        if not self.claimed:
            return
        jobs = [self.pick(self.claimed, first), self.pick(self.claimed, second)]
        self.act(
            "service_role",
            "select * from public.extend_ai_response_leases(%s, %s, %s)",
            jobs[0]["worker"],
            json.dumps([_named(job) for job in jobs]),
            lease,
            hold=hold,
        )

    @action(
        weight=5,
        first=PICK,
        second=PICK,
        action=st.sampled_from(["reply", "reply", "none", "ai_failure", "human_requested"]),
        hold=HOLDS,
    )
    def a_worker_settles(self, first: int, second: int, action: str, hold: bool) -> None:
        """Also twice, and long after its lease: a zombie."""
        if not self.claimed:
            return
        jobs = [self.pick(self.claimed, first), self.pick(self.claimed, second)]
        results = [self.result(job, action) for job in jobs]
        self.act(
            "service_role",
            "select * from public.complete_ai_response_jobs(%s)",
            json.dumps(results),
            hold=hold,
            then=self.settled,
        )

    def result(self, job: Row, action: str) -> dict[str, Any]:
        if action == "none":
            return _named(job) | {"action": action}
        if action != "reply":
            return _named(job) | {"action": "escalate", "reason": action}
        text = f"reply {next(self.numbers)} of attempt {job['attempt']}"
        return _named(job) | {"action": action, "ai_response": text}

    def settled(self, rows: list[Row]) -> None:
        for row in rows:
            if row["settled"]:
                assert row["outcome"] in ("replied", "escalated", "not_needed")
                assert (row["message_id"] is None) == (row["outcome"] == "not_needed")
                if row["message_id"]:
                    self.settled_with.add(row["message_id"])

    @action(weight=2, job=PICK, fails=st.booleans(), requires_human=st.booleans(), hold=HOLDS)
    def the_original_settles(self, job: int, fails: bool, requires_human: bool, hold: bool) -> None:
        if not self.claimed:
            return
        job_id = self.pick(self.claimed, job)["job_id"]
        if fails:
            self.act(
                "service_role",
                "select public.fail_ai_response_job(%s, 'broken')",
                job_id,
                hold=hold,
            )
        else:
            self.act(
                "service_role",
                "select public.complete_ai_response_job(%s, 'the original''s', 0.9, 100, %s)",
                job_id,
                requires_human,
                hold=hold,
            )

    # ---- what chance alone seldom brings together

    @action(
        weight=3,
        conversation=PICK,
        lease=st.sampled_from(["10", "2"]),
        seconds=st.sampled_from([0.0, 2.1, 4.6]),
    )
    def a_customer_writes_while_a_worker_answers(
        self, conversation: int, lease: str, seconds: float
    ) -> None:
        self.a_customer_writes(conversation, hold=False)
        self.a_worker_claims("one", 3, lease, 0, hold=False)
        self.a_customer_writes(conversation, hold=False)
        self.time_passes(seconds)

    @action(weight=3, conversation=PICK, zombie=PICK, hold=HOLDS)
    def a_worker_is_late(self, conversation: int, zombie: int, hold: bool) -> None:
        """It lost its lease to another, and does not know."""
        self.a_customer_writes(conversation, hold=False)
        self.a_worker_claims("one", 3, "0.5", 0, hold=False)
        self.time_passes(0.6)
        self.a_worker_claims("two", 3, "10", 0, hold=hold)
        self.a_worker_settles(zombie, zombie, "reply", hold=False)

    # ---- agents

    @action(conversation=PICK, hold=HOLDS)
    def an_agent_writes(self, conversation: int, hold: bool) -> None:
        self.act(
            self.world.agent,
            "insert into public.messages (conversation_id, sender_type, content)"
            " values (%s, 'agent', 'I am here.')",
            self.pick(self.conversations, conversation),
            hold=hold,
        )

    @action(
        weight=2,
        conversation=PICK,
        call=st.sampled_from(
            ["return_conversation_to_ai", "take_over_conversation", "resolve_conversation"]
        ),
        hold=HOLDS,
    )
    def an_agent_calls(self, conversation: int, call: str, hold: bool) -> None:
        chosen = self.pick(self.conversations, conversation)
        self.act(self.world.agent, f"select public.{call}(%s)", chosen, hold=hold)

    @action(
        conversation=PICK,
        change=st.sampled_from(
            [
                "requires_human = true",
                "requires_human = false",
                "requires_human = null",
                "status = 'active'",
                "status = 'escalated'",
                "status = 'closed'",
                "status = 'resolved', requires_human = true",
            ]
        ),
        hold=HOLDS,
    )
    def an_agent_updates_the_row(self, conversation: int, change: str, hold: bool) -> None:
        self.act(
            self.world.agent,
            f"update public.conversations set {change} where id = %s",
            self.pick(self.conversations, conversation),
            hold=hold,
        )

    # ---- time, and what it brings

    @action(
        weight=4, seconds=st.sampled_from([0.5, 0.5, 0.1, 1.0, 1.0, 2.1, 4.6, 6.0, 60.0, 1000.0])
    )
    def time_passes(self, seconds: float) -> None:
        let_pass(self.world.admin, seconds)
        self.let_them_run()

    @action(weight=2, hold=HOLDS)
    def a_sweep(self, hold: bool) -> None:
        now, is_alone = self.world.now(), not any(map(_sweeps, self.world.sessions))
        self.act(None, _SWEEP, hold=hold)
        if not hold and is_alone:
            assert self.world.overdue(now) == [], "an overdue turn was left"

    # ---- what becomes of the transactions that are open

    @action(weight=6, number=PICK)
    def a_transaction_commits(self, number: int) -> None:
        held = [session for session in self.world.sessions if session.state == "held"]
        if held:
            self.pick(held, number).commit()
            self.let_them_run()

    @action(weight=2, number=PICK)
    def a_connection_breaks(self, number: int) -> None:
        busy = [session for session in self.world.sessions if session.state != "free"]
        if busy:
            self.pick(busy, number).crash(self.world.admin)
            self.let_them_run()

    # ---- what always holds

    @rule(step=st.deferred(lambda: STEPS))
    def somebody(self, step: tuple[str, dict[str, Any]]) -> None:
        """Do one thing. One rule, since Hypothesis would leave out whole rules in most stories."""
        name, arguments = step
        getattr(self, name)(**arguments)

    @invariant()
    def what_is_committed_is_consistent(self) -> None:
        for row in self.world.conversations():
            assert row["positions"] == list(range(1, row["message_count"] + 1))
            assert row["open"] in ([], ["pending"], ["processing"], ["pending", "processing"])
            assert not (row["is_silent"] and row["open"])

    @invariant()
    def nobody_waits_for_a_claim_that_waits(self) -> None:
        running = [session.pid for session in self.world.sessions if session.state == "running"]
        if running:
            held_up = self.world.held_up_by_a_sleeper(running)
            assert held_up == [], "a claim keeps a conversation locked while it waits for work"

    def teardown(self) -> None:
        """Everybody goes, time passes, cron sweeps: then each message has got what it was due."""
        try:
            self.everybody_goes()
            let_pass(self.world.admin, 6)
            self.act(None, _SWEEP)
            self.act(None, _SWEEP)  # what waited behind a turn that was late
            check_history(self.world.admin)
            self.check_what_was_acknowledged()
        finally:
            self.everybody_goes()

    def everybody_goes(self) -> None:
        for session in self.world.sessions:
            if session.state != "free":
                session.crash(self.world.admin)
                self.let_them_run()

    def check_what_was_acknowledged(self) -> None:
        """Whoever was told that something is stored finds it, and nothing else is there."""
        rows = self.world.admin.execute("select * from public.messages").fetchall()
        assert sorted(self.stored) == sorted(
            r["content"] for r in rows if r["sender_type"] == "user"
        )
        replied = {r["id"] for r in rows if r["content"].startswith("reply")}
        automatic = {r["id"] for r in rows if r["sender_type"] == "ai"}
        assert replied <= self.settled_with <= automatic, "what a worker heard is not what is there"


def _sweeps(session: Session) -> bool:
    """One sweeps at a time: another one leaves the work to it."""
    return session.state != "free" and session.statement == _SWEEP


STEPS = st.sampled_from(
    [name for name, (weight, _) in _ACTIONS.items() for _ in range(weight)]
).flatmap(lambda name: st.tuples(st.just(name), st.fixed_dictionaries(_ACTIONS[name][1])))

_OPEN = "select public.create_conversation('', %s, %s) as id"


def _named(job: Row) -> dict[str, Any]:
    return {"job_id": str(job["job_id"]), "attempt": job["attempt"]}


@pytest.mark.timeout(max(180, EXAMPLES * 10))
def test_the_promises_hold_whatever_happens_in_which_order(fresh_db: str, cluster: Any) -> None:
    """A customer would meet what no single test thought of: two answers, none, one too late."""
    world = World(fresh_db, cluster.url(database=fresh_db.rpartition("/")[2]))
    profile = settings(
        max_examples=EXAMPLES,
        stateful_step_count=60,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(type("Story", (Inboxes,), {"world": world}), settings=profile)
    finally:
        world.close()
