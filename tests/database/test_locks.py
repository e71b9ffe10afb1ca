"""Nobody's lock is anybody else's wait: it is skipped and said, or waited for a moment."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest

from tests.database.inbox import Inbox, Row
from tests.database.outbox import Outbox
from tests.support.databases import as_user


@contextmanager
def _locked(url: str, conversation: UUID) -> Iterator[None]:
    """Hold a conversation as a console, a slow report or a bulk update does."""
    with psycopg.connect(url) as other:
        other.execute(
            "update public.conversations set tags = '{vip}' where id = %s", [conversation]
        )
        yield
        other.rollback()


def _settle_all(inbox: Inbox, jobs: list[Row]) -> dict[UUID, tuple[bool, str | None]]:
    results = [
        {"job_id": str(job["job_id"]), "attempt": job["attempt"], "action": "reply",
         "ai_response": "Hello!"}
        for job in jobs
    ]  # fmt: skip
    rows = inbox.run(
        "select * from public.complete_ai_response_jobs(%s)", json.dumps(results), by="service_role"
    )
    by_job = {job["job_id"]: job["conversation_id"] for job in jobs}
    return {by_job[row["job_id"]]: (row["settled"], row["outcome"]) for row in rows}


def test_a_locked_conversation_does_not_delay_the_others_of_its_batch(
    inbox: Inbox, fresh_db: str
) -> None:
    """Twenty of forty customers once waited for a lock that was not theirs."""
    conversations = sorted(inbox.open(inbox.user(), "one") for _ in range(10))
    jobs = inbox.claim(max_jobs=100)
    locked = conversations[4]
    with _locked(fresh_db, locked):
        told = _settle_all(inbox, jobs)
        again = _settle_all(inbox, [job for job in jobs if job["conversation_id"] == locked])
    at_last = _settle_all(inbox, [job for job in jobs if job["conversation_id"] == locked])

    assert told.pop(locked) == (False, "not_now")
    assert set(told.values()) == {(True, "replied")}
    assert again == {locked: (False, "not_now")}
    assert at_last == {locked: (True, "replied")}
    assert all(len(inbox.messages(conversation)) == 2 for conversation in conversations)


def test_staff_change_everything_while_turns_are_settled(inbox: Inbox, fresh_db: str) -> None:
    """An update of all conversations takes their locks in an order of its own, and ends jobs."""
    agent = inbox.user("agent")
    conversations = [inbox.open(inbox.user(), "one") for _ in range(30)]
    jobs = inbox.claim(max_jobs=100)

    def change_all() -> None:
        with Inbox(fresh_db) as staff:
            for number in range(10):
                staff.run("update public.conversations set tags = %s", [str(number)], by=agent)
            staff.run("update public.conversations set priority = 'high'", by=agent)

    waiting = {job["job_id"]: job for job in jobs}
    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(change_all)
        while waiting:
            told = _settle_all(inbox, list(waiting.values()))
            waiting = {
                job_id: job
                for job_id, job in waiting.items()
                if told[job["conversation_id"]][1] == "not_now"
            }
        changing.result(30)

    assert all(len(inbox.messages(conversation)) == 2 for conversation in conversations)


def test_what_is_lost_is_not_said_to_be_locked(inbox: Inbox, fresh_db: str) -> None:
    """A worker would try for ever what another attempt has settled."""
    conversation = inbox.open(inbox.user(), "one")
    [job] = inbox.claim()
    inbox.settle(job, "Hello!")
    with _locked(fresh_db, conversation):
        assert _settle_all(inbox, [job | {"attempt": 9}]) == {conversation: (False, "replied")}


def test_a_customer_waits_for_a_lock_a_moment_and_is_told_to_come_again(
    inbox: Inbox, fresh_db: str
) -> None:
    """Forty inserts that waited for one lock emptied the API's pool, for everybody."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    with _locked(fresh_db, conversation), pytest.raises(psycopg.Error) as refused:
        inbox.say(conversation, "two", by=customer)
    said = inbox.say(conversation, "two", by=customer)

    assert refused.value.sqlstate == "PT503"
    assert refused.value.diag.message_detail == "conversation_busy"
    assert said["position"] == 2


@pytest.mark.parametrize(
    "call", ["public.rate_conversation(%s, 5)", "public.mark_conversation_read(%s)"]
)
def test_nobody_waits_long_for_a_rating_or_a_read_mark(
    inbox: Inbox, fresh_db: str, call: str
) -> None:
    """What customers may call empties the pool as well as what they may insert."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    with _locked(fresh_db, conversation), pytest.raises(psycopg.Error) as refused:
        inbox.run(f"select {call}", conversation, by=customer)

    assert refused.value.sqlstate == "PT503"
    assert refused.value.diag.message_detail == "conversation_busy"


@pytest.mark.from_postgres(17)  # before it a transaction cannot be given a time
@pytest.mark.timeout(60)
def test_a_customer_holds_a_conversation_for_three_seconds_at_most(
    inbox: Inbox, fresh_db: str
) -> None:
    """An insert may ask for a deep tree of rows, and hold its lock until that is read."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    started_at = time.monotonic()
    with psycopg.connect(fresh_db) as attacker:
        as_user(attacker, customer)
        with pytest.raises(psycopg.Error):
            attacker.execute(
                "with stored as ("
                "  insert into public.messages (conversation_id, sender_type, content)"
                "  values (%s, 'user', 'two') returning *)"
                " select pg_sleep(20) from stored",
                [conversation],
            )

    assert time.monotonic() - started_at < 15
    assert len(inbox.messages(conversation)) == 1


def test_two_claims_wait_at_most_in_the_whole_database(inbox: Inbox, fresh_db: str) -> None:
    """Each that waits holds a connection of the API's pool, which hosted projects have ten of."""
    claim = "select * from public.get_next_ai_response_job('{}', 10, 2, 5)"
    with psycopg.connect(fresh_db) as one, psycopg.connect(fresh_db) as two:
        for waiting in (one, two):  # as they do in the middle of a claim that waits
            row = waiting.execute("select private.find_place_to_wait()").fetchone()
            assert row == (True,)
        started_at = time.monotonic()
        assert inbox.run(claim.format("third"), by="service_role") == []
        answered_after = time.monotonic() - started_at
        conversation = inbox.open(inbox.user(), "one")
        [job] = inbox.run(claim.format("third"), by="service_role")

    assert answered_after < 4, "it did not wait for its five seconds"
    assert job["conversation_id"] == conversation, "and it is given what there is"


def test_rating_and_a_message_of_the_channel_do_not_wait_for_one_another(
    inbox: Inbox, fresh_db: str
) -> None:
    """They took customer and conversation in opposite orders: one of them ended with 40P01."""
    conversation = inbox.open(inbox.user(), "one")
    with psycopg.connect(fresh_db) as channel:
        channel.execute(
            "update public.customer_profiles set name = 'Ada' where id ="
            " (select customer_id from public.conversations where id = %s)",
            [conversation],
        )
        with psycopg.connect(fresh_db) as rater:
            as_user(rater, "service_role")
            rater.execute("set local lock_timeout = '200ms'")
            with pytest.raises(psycopg.Error, match="it is busy"):
                rater.execute("select public.rate_conversation(%s, 5)", [conversation])
        # The one who rates waited for the customer, and had not taken the conversation.
        channel.execute(
            "select from public.conversations where id = %s for no key update nowait",
            [conversation],
        )


def test_a_heartbeat_writes_no_index(inbox: Inbox) -> None:
    """Each of a worker's jobs is prolonged twice a second."""
    inbox.open(inbox.user(), "one")
    [job] = inbox.claim()
    inbox.run(
        "select * from public.extend_ai_response_leases('worker', %s)",
        json.dumps([{"job_id": str(job["job_id"]), "attempt": 1}]),
        by="service_role",
    )
    indexed = inbox.run(
        "select indexdef from pg_indexes where tablename = 'ai_response_queue'"
        " and indexdef ~ 'leased_until'"
    )

    assert indexed == []


def test_a_locked_conversation_does_not_delay_the_deliveries_of_others(
    outbox: Outbox, fresh_db: str
) -> None:
    """A settle that waited outlived its leases: mails were claimed and sent once more."""
    locked, other = outbox.hear(who="15550101"), outbox.hear(who="15550102")
    _connect(outbox)
    for conversation in (locked, other):
        outbox.reply(conversation)
    deliveries = {row["conversation_id"]: row for row in outbox.take()}
    sent = [(row, {"outcome": "sent", "external_ids": [f"out-{n}"]})
            for n, row in enumerate(deliveries.values())]  # fmt: skip
    with _locked(fresh_db, locked):
        told = {row["delivery_id"]: row for row in outbox.tell_all(sent)}
    again = outbox.tell_all(
        [pair for pair in sent if pair[0]["delivery_id"] == deliveries[locked]["delivery_id"]]
    )

    assert told[deliveries[locked]["delivery_id"]]["status"] == "not_now"
    assert told[deliveries[locked]["delivery_id"]]["settled"] is False
    assert told[deliveries[other]["delivery_id"]]["settled"] is True
    assert [(row["settled"], row["status"]) for row in again] == [(True, "sent")]


def test_a_message_that_cannot_be_changed_keeps_no_other_from_being_told(outbox: Outbox) -> None:
    """A project's own trigger on messages made the whole batch fail, and be sent again."""
    ada, other = outbox.hear(who="15550101"), outbox.hear(who="15550102")
    _connect(outbox)
    for conversation in (ada, other):
        outbox.reply(conversation)
    outbox.run(
        "create function public.refuse() returns trigger language plpgsql as $$ begin"
        f" if new.conversation_id = '{ada}' then raise exception 'no'; end if; return new; end $$"
    )
    outbox.run(
        "create trigger refuse before update on public.messages"
        " for each row execute function public.refuse()"
    )
    outbox.tell_all(
        [(row, {"outcome": "sent", "external_ids": [f"out-{row['conversation_id']}"]})
         for row in outbox.take()]
    )  # fmt: skip

    assert outbox.message(outbox.delivery(other))["delivery_status"] == "sent"
    assert outbox.delivery(ada)["status"] == "sent"
    assert "its message could not be changed (P0001): no" in outbox.delivery(ada)["error"]
    assert outbox.take() == []
    outbox.reply(ada, "The next one")
    assert [row["content"] for row in outbox.take()] == ["The next one"]


def _connect(outbox: Outbox) -> None:
    """The account has heard a webhook: messages go out by it."""
    outbox.run("update public.communication_channels set connected_at = now()")
