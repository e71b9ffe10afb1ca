"""Who gets which delivery: in order, at the account's rate, once while its lease runs."""

import json
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.database.outbox import Outbox, Row

DAY = 24 * 3600


def write(outbox: Outbox, *texts: str, **customer: Any) -> UUID:
    """Let agents write to a customer who has just written."""
    conversation = outbox.hear(**customer)
    for text in texts:
        outbox.reply(conversation, text)
    return conversation


def due(outbox: Outbox, **claim: Any) -> list[str]:
    return [row["content"] for row in outbox.take(**claim)]


def configure(outbox: Outbox, **configuration: Any) -> None:
    outbox.run(
        "update public.communication_channels set configuration = %s", json.dumps(configuration)
    )


def test_a_conversations_messages_go_out_one_after_the_other(outbox: Outbox) -> None:
    """The customer would read the answer before what it refers to."""
    write(outbox, "one", "two", "three")
    said = []
    while deliveries := outbox.take():
        assert len(deliveries) == 1
        said.append(deliveries[0]["content"])
        outbox.tell(deliveries[0], "failed" if len(said) == 2 else "sent")

    assert said == ["one", "two", "three"]


def test_what_waits_for_another_try_holds_up_its_own_conversation_alone(outbox: Outbox) -> None:
    """One customer's phone that is off would silence the account."""
    write(outbox, "one", "two", who="15550101")
    (first,) = outbox.take()
    outbox.tell(first, "retry", retry_after_seconds=600)
    write(outbox, "another's", who="15550102")

    (another,) = outbox.take()
    assert another["content"] == "another's"
    outbox.tell(another)
    outbox.let_pass(901)
    assert due(outbox) == ["one"]


def test_the_next_one_moves_up_when_a_message_is_deleted(outbox: Outbox) -> None:
    """The rest of the conversation would wait for ever."""
    conversation = write(outbox, "one", "two")
    (first, _) = outbox.deliveries(conversation)
    outbox.run("delete from public.messages where id = %s", first["message_id"])

    assert due(outbox) == ["two"]


def test_what_is_written_while_a_message_is_deleted_is_due_after_it(
    outbox: Outbox, fresh_db: str
) -> None:
    """It saw the delivery before it, which saw nothing behind it: both waited until it expired."""
    conversation = write(outbox, "one")
    (first,) = outbox.deliveries(conversation)
    with psycopg.connect(fresh_db) as other, ThreadPoolExecutor(1) as pool:
        other.execute("delete from public.messages where id = %s", [first["message_id"]])
        writing = pool.submit(lambda: write_beside(fresh_db, conversation))
        sleep(0.2)
        other.commit()
        writing.result(10)

    assert due(outbox) == ["two"]


def write_beside(url: str, conversation: UUID) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into public.messages (conversation_id, sender_type, content, channel_type)"
            " values (%s, 'agent', 'two', 'whatsapp')",
            [conversation],
        )


def test_messages_of_a_deleted_account_are_shown_as_failed(outbox: Outbox) -> None:
    """They would be pending for ever."""
    conversation = write(outbox, "one", "two")
    outbox.run("delete from public.communication_channels")

    states = [row["delivery_status"] for row in outbox.messages(conversation)]
    assert states == ["sent", "failed", "failed"]


def test_many_workers_claim_each_delivery_once(outbox: Outbox, fresh_db: str) -> None:
    """Two workers with one delivery send it twice."""
    outbox.hear()
    configure(outbox, messages_per_second=1000)
    for number in range(30):
        write(outbox, "one", who=f"155501{number:02}")

    def drain(worker: int) -> list[Row]:
        with Outbox(fresh_db) as own:
            claimed: list[Row] = []
            for _ in range(30):
                claimed += own.take(3, worker=f"worker {worker}")
            return claimed

    with ThreadPoolExecutor(3) as pool:
        rows = [row["delivery_id"] for rows in pool.map(drain, range(3)) for row in rows]
    rows += [row["delivery_id"] for row in outbox.take(100)]

    assert len(rows) == len(set(rows)) == 30


def test_a_claim_waits_for_nobody(outbox: Outbox, fresh_db: str) -> None:
    """One stuck transaction would stop every worker; what it holds is skipped, the rest is not."""
    held = write(outbox, "held", who="15550101", account="one")
    write(outbox, "free", who="15550102", account="one")
    write(outbox, "another account's", who="15550103", account="two")
    with psycopg.connect(fresh_db) as stuck:
        stuck.execute("select from public.conversations where id = %s for update", [held])
        assert sorted(due(outbox)) == ["another account's", "free"]
        stuck.execute("select from private.channel_rate_limits for update")
        write(outbox, "later", who="15550104", account="two")
        assert due(outbox) == []

    assert sorted(due(outbox)) == ["held", "later"]


@pytest.mark.parametrize(("channel", "grace"), [("whatsapp", 20), ("instagram", 20), ("email", 0)])
def test_a_lease_that_ran_out_comes_back_when_the_channel_had_time_to_confirm(
    outbox: Outbox, channel: str, grace: int
) -> None:
    """A status on its way says that the message is out: sending at once would send it twice."""
    write(outbox, "one", channel=channel)
    first = outbox.take_one(lease=30)
    outbox.let_pass(29.5 + grace)
    assert outbox.take() == []
    outbox.let_pass(1)
    again = outbox.take_one()

    assert (first["attempt"], again["attempt"]) == (1, 2)


def test_a_message_that_kills_its_workers_is_given_up(outbox: Outbox) -> None:
    """Each of them may have sent it: a customer would get it until the day is over."""
    conversation = write(outbox, "poison")
    copies = 0
    while outbox.take(lease=1):
        copies += 1
        outbox.let_pass(2 + min(20 * 3 ** (copies - 1), 14_580))

    assert copies == 8
    assert outbox.delivery(conversation)["error_code"] == "unconfirmed"


def test_an_account_sends_at_its_rate(outbox: Outbox) -> None:
    """Meta blocks who sends too fast. The rest of the messages wait, and no receipt does."""
    for number in range(30):
        write(outbox, "one", who=f"155501{number:02}")
    assert len(outbox.take(100)) == 20
    assert outbox.take(100) == []
    outbox.let_pass(0.26)
    assert len(outbox.take(100)) == 5
    configure(outbox, messages_per_second=0.5)
    outbox.let_pass(60)
    assert len(outbox.take(100)) == 1  # slower than one a second is one at a time
    outbox.let_pass(1.9)
    assert outbox.take(100) == []
    outbox.hear("question", who="15550199")
    assert len(outbox.take(100, kind="receipt")) == 1


def test_no_account_is_starved_by_anothers_flood(outbox: Outbox) -> None:
    """A newsletter on one number would hold up the answers of all others."""
    outbox.hear(account="flood")
    configure(outbox, messages_per_second=1000)
    for number in range(12):
        write(outbox, "flood", who=f"155501{number:02}", account="flood")
    write(outbox, "small", who="15550199", account="small")

    assert "small" in due(outbox, count=5) + due(outbox, count=5)


def test_a_paused_account_rests_and_the_others_go_on(outbox: Outbox) -> None:
    """A rate limit is about the account, not about the message that met it."""
    write(outbox, "one", who="15550101")
    write(outbox, "two", who="15550102")
    write(outbox, "mail", channel="email")
    (mail, one, *_) = sorted(outbox.take(), key=lambda row: row["channel_type"])
    outbox.tell(one, "retry", pause_seconds=60, error_code="rate_limited")
    outbox.tell(mail, "released")
    write(outbox, "three", who="15550103")

    assert due(outbox) == ["mail"]
    outbox.let_pass(61)
    assert "three" in due(outbox)


def test_a_refused_secret_is_tried_once_a_minute_until_it_works(outbox: Outbox) -> None:
    """All that waits would be burnt on a token that has expired."""
    for number in range(3):
        write(outbox, "one", who=f"1555010{number}")
    outbox.tell(outbox.take_one(count=1), "retry", error_code="unauthorized", error="expired token")
    shown = outbox.account()
    assert (shown["status"], shown["last_error"]) == ("error", "expired token")
    outbox.let_pass(30)
    assert outbox.take() == []
    outbox.hear("The number still receives.")  # which says nothing about what it may send
    assert outbox.take() == []
    outbox.let_pass(31)

    probe = outbox.take_one()
    assert outbox.take() == []
    outbox.tell(probe, external_ids=["wamid.probe"])

    assert outbox.account()["status"] == "active"
    outbox.let_pass(5)
    assert len(outbox.take()) == 2


def test_a_disabled_account_sends_nothing(outbox: Outbox) -> None:
    """It is switched off; what waited too long is shown, though nobody sent it."""
    conversation = write(outbox, "one")
    outbox.run("update public.communication_channels set status = 'disabled'")
    assert outbox.take() == []
    outbox.let_pass(DAY + 1)
    assert outbox.take() == []

    assert outbox.delivery(conversation)["error_code"] == "expired"
    assert outbox.messages(conversation)[-1]["delivery_status"] == "failed"


def test_a_window_that_closes_while_a_message_waits_fails_it(outbox: Outbox) -> None:
    """Sent in vain, it would only cost the account's good name."""
    conversation = write(outbox, "one", "two", channel="instagram")
    outbox.run("update public.channel_deliveries set expires_at = expires_at + interval '30 days'")
    outbox.let_pass(7 * DAY)

    assert outbox.take() == []
    assert outbox.take() == []
    assert {row["error_code"] for row in outbox.deliveries(conversation)} == {"window_closed"}


def test_what_is_too_late_is_given_up_without_a_worker_too(outbox: Outbox) -> None:
    """A team whose worker is down would never learn that nothing went out."""
    conversation = write(outbox, "one", "two")
    outbox.let_pass(DAY + 1)
    outbox.run("select public.prune()")

    assert {row["status"] for row in outbox.deliveries(conversation)} == {"failed"}
    assert outbox.account()["failed_count"] == 2


def test_old_deliveries_go(outbox: Outbox) -> None:
    """Nobody looks at them any more; what is open stays."""
    conversation = write(outbox, "one", "two")
    outbox.tell(outbox.take_one())
    outbox.run(
        "update public.channel_deliveries"
        " set created_at = now() - interval '91 days', expires_at = now() + interval '9 days'"
    )
    outbox.run("select public.prune()")

    assert [row["status"] for row in outbox.deliveries(conversation)] == ["pending"]
    assert outbox.deliveries(conversation, "receipt") == []


CLAIM_PLANS = {
    "channel_deliveries_claimable": """
        select deliveries.id from public.channel_deliveries as deliveries
        join public.conversations as conversations on conversations.id = deliveries.conversation_id
        where deliveries.channel_id = (select id from public.communication_channels)
          and deliveries.kind = 'message' and deliveries.settled_at is null
          and deliveries.process_after <= now() and deliveries.expires_at > now()
        order by deliveries.process_after limit 10
        for no key update of conversations, deliveries skip locked
    """,
    "channel_deliveries_expiring": """
        select deliveries.id from public.channel_deliveries as deliveries
        where deliveries.settled_at is null and deliveries.expires_at <= now()
        order by deliveries.expires_at limit 100
    """,
    "channel_deliveries_in_order": """
        select waiting.id from public.channel_deliveries as waiting
        where waiting.conversation_id = (select id from public.conversations limit 1)
          and waiting.kind = 'message' and waiting.settled_at is null
        order by waiting.position limit 1
    """,
}


@pytest.fixture
def old_outbox(outbox: Outbox) -> Outbox:
    """With 10,000 deliveries that have ended."""
    conversation = write(outbox, "one")
    outbox.run("alter table public.messages disable trigger user")
    outbox.run(
        """
        with said as (
          insert into public.messages
            (conversation_id, sender_type, content, position, external_message_id)
          select %s, 'agent', 'old', 10 + number, 'old' from generate_series(1, 10000) as number
          returning id, position
        )
        insert into public.channel_deliveries
          (channel_id, conversation_id, message_id, position, status, settled_at, expires_at)
        select channels.id, %s, said.id, said.position, 'sent', now(), now()
        from said, public.communication_channels as channels
        """,
        conversation,
        conversation,
    )
    outbox.run("alter table public.messages enable trigger user")
    outbox.run("analyze public.channel_deliveries")
    return outbox


def test_a_claim_does_not_read_the_history(old_outbox: Outbox) -> None:
    """It would grow slower with every message that was ever sent."""
    for index, statement in CLAIM_PLANS.items():
        plan = json.dumps(old_outbox.one(f"explain (format json) {statement}"))
        assert index in plan, statement
    assert due(old_outbox) == ["one"]


def test_a_claim_out_of_range_is_refused(outbox: Outbox) -> None:
    """`limit null` would be no limit."""
    for arguments in ("''", "null", "'w', 0", "'w', 101", "'w', null", "'w', 1, 0", "'w', 1, null"):
        with pytest.raises(psycopg.Error, match="max_deliveries is 1 to 100") as refusal:
            outbox.run(f"select public.claim_channel_deliveries({arguments})", by="service_role")
        assert refusal.value.diag.message_detail == "bad_claim"
