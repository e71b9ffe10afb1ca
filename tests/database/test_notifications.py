"""Who is told of what: rules, their hours, and what becomes of each delivery."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.database.clock import let_pass
from tests.database.inbox import Inbox, Row

_WEBHOOK = "https://example.com/romashka"


def _rule(inbox: Inbox, *events: str, by: str | None = None, **values: Any) -> str:
    row = {"kind": "webhook", "target": _WEBHOOK, "events": list(events)} | values
    if "hours" in row:
        row["hours"] = json.dumps(row["hours"])
    columns, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    statement = f"insert into public.notification_rules ({columns}) values ({marks}) returning id"
    return str(inbox.one(statement, *row.values(), by=by)["id"])


def _claim(inbox: Inbox, count: int = 10) -> list[Row]:
    statement = "select * from public.claim_notification_deliveries('w', %s)"
    return inbox.run(statement, count, by="service_role")


def _settle(inbox: Inbox, delivery: Row, outcome: str, **more: Any) -> bool:
    result = {"delivery_id": str(delivery["delivery_id"]), "attempt": delivery["attempt"]}
    settle = "select settled from public.settle_notification_deliveries(%s)"
    told = json.dumps([result | {"outcome": outcome} | more])
    return bool(inbox.one(settle, told, by="service_role")["settled"])


def _deliveries(inbox: Inbox) -> list[Row]:
    return inbox.run("select * from public.notification_deliveries order by created_at, event")


def _hand_over(inbox: Inbox, reason: str = "low_confidence") -> UUID:
    conversation = inbox.open(inbox.user(), "Where is my order?")
    [job] = inbox.claim()
    result = {"job_id": str(job["job_id"]), "attempt": job["attempt"], "action": "escalate"}
    results = json.dumps([result | {"reason": reason}])
    inbox.run("select public.complete_ai_response_jobs(%s)", results, by="service_role")
    return conversation


def test_whoever_is_to_come_is_told_of_a_hand_over(inbox: Inbox) -> None:
    """A customer was told that a human is coming, and no human was told."""
    mail = _rule(inbox, "conversation.escalated", kind="email", target="team@example.com")
    inbox.run("update public.ai_settings set conversation_url = 'https://x.de/c/{conversation_id}'")
    conversation = _hand_over(inbox)
    [delivery] = _claim(inbox)
    body = delivery["body"]

    assert (str(delivery["rule_id"]), delivery["kind"]) == (mail, "email")
    assert body["event"] == "conversation.escalated"
    assert body["conversation"]["escalation_reason"] == "low_confidence"
    assert body["link"] == f"https://x.de/c/{conversation}"
    assert delivery["secret"] is None
    assert _settle(inbox, delivery, "sent")
    assert [row["status"] for row in _deliveries(inbox)] == ["sent"]


def test_a_rule_names_its_reasons(inbox: Inbox) -> None:
    """Who takes refunds need not hear of every doubt."""
    refunds = _rule(inbox, "conversation.escalated", reasons=["out_of_scope"])
    everything = _rule(inbox, "conversation.escalated")
    _hand_over(inbox)
    _hand_over(inbox, "out_of_scope")

    assert sorted(str(row["rule_id"]) for row in _deliveries(inbox)) == sorted(
        [refunds, everything, everything]
    )


def test_every_event_of_a_turn_comes_once(inbox: Inbox) -> None:
    """A project's own code follows the inbox without a poll."""
    _rule(inbox, "message.created", "turn.settled", "conversation.escalated")
    conversation = _hand_over(inbox)
    claimed = _claim(inbox)
    events = [row["body"]["event"] for row in claimed]
    turn = next(row["body"]["turn"] for row in claimed if row["body"]["event"] == "turn.settled")
    said = [row["body"]["message"] for row in claimed if row["body"]["message"]]

    assert sorted(events) == [
        "conversation.escalated", "message.created", "message.created", "turn.settled"
    ]  # fmt: skip
    assert (turn["outcome"], turn["reason"]) == ("escalated", "low_confidence")
    assert [message["sender_type"] for message in said] == ["user", "ai"]
    assert {row["body"]["conversation"]["id"] for row in claimed} == {str(conversation)}
    assert all(row["secret"].startswith("whsec_") for row in claimed)
    assert len({row["body"]["id"] for row in claimed}) == 4, "an id tells a repeat"


def test_changes_of_a_conversation_are_told(inbox: Inbox) -> None:
    """A CRM beside it shows who has it."""
    agent, conversation = inbox.user("agent"), inbox.open(inbox.user())
    _rule(inbox, "conversation.changed")
    inbox.run("select public.take_over_conversation(%s)", conversation, by=agent)
    [told] = _claim(inbox)

    assert told["body"]["conversation"]["assigned_agent_id"] == agent


def test_without_a_rule_nothing_is_kept(inbox: Inbox) -> None:
    """Most projects have none."""
    _rule(inbox, "message.created", is_enabled=False)
    _hand_over(inbox)

    assert _deliveries(inbox) == []


def test_whoever_waits_too_long_is_told_of_once(inbox: Inbox) -> None:
    """The first notice may have been overlooked."""
    _rule(inbox, "conversation.waiting", kind="slack", wait_minutes=10)
    _hand_over(inbox)
    inbox.run("select public.prune()")
    early = _deliveries(inbox)
    let_pass(inbox.connection, 11 * 60)
    inbox.run("select public.prune()")
    inbox.run("select public.prune()")

    assert early == []
    assert [row["event"] for row in _deliveries(inbox)] == ["conversation.waiting"]


def test_who_has_been_helped_is_not_told_of_but_to_programs(inbox: Inbox) -> None:
    """In the morning the team would hear of what the night shift did."""
    people = _rule(inbox, "conversation.escalated", kind="slack")
    program = _rule(inbox, "conversation.escalated")
    conversation = _hand_over(inbox)
    agent = inbox.user("agent")
    inbox.run("select public.take_over_conversation(%s)", conversation, by=agent)
    claimed = [str(row["rule_id"]) for row in _claim(inbox)]
    statuses = {str(row["rule_id"]): row["status"] for row in _deliveries(inbox)}

    assert claimed == [program]
    assert statuses[people] == "skipped"


@pytest.mark.parametrize(
    ("hours", "at", "then"),
    [
        (("09:00", "18:00", [1, 2, 3, 4, 5]), "2026-11-27 12:00", "2026-11-27 12:00"),
        (("09:00", "18:00", [1, 2, 3, 4, 5]), "2026-11-27 07:59", "2026-11-27 08:00"),
        (("09:00", "18:00", [1, 2, 3, 4, 5]), "2026-11-27 17:00", "2026-11-30 08:00"),
        (("22:00", "06:00", [5]), "2026-11-28 02:00", "2026-11-28 02:00"),
        (("22:00", "06:00", [5]), "2026-11-28 05:00", "2026-12-04 21:00"),
        (("00:00", "24:00", [7]), "2026-11-30 08:00", "2026-12-05 23:00"),
        # Clocks go forward: there is no half past two, and the hours begin all the same.
        (("02:30", "04:00", [7]), "2027-03-28 00:00", "2027-03-28 01:30"),
        (None, "2026-11-28 02:00", "2026-11-28 02:00"),
    ],
)
def test_what_comes_at_night_waits_for_the_morning(
    inbox: Inbox, hours: tuple[str, str, list[int]] | None, at: str, then: str
) -> None:
    """All in Berlin: an hour ahead, in summer two."""
    given = hours and {
        "timezone": "Europe/Berlin",
        "from": hours[0],
        "to": hours[1],
        "days": hours[2],
    }
    found = inbox.one(
        "select private.next_hours(%s, (%s || '+00')::timestamptz) as at",
        given and json.dumps(given),
        at,
    )["at"]

    assert found == datetime.fromisoformat(then).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "hours",
    [
        [],
        {},
        {"timezone": "Berlin", "days": [1], "from": "09:00", "to": "18:00"},
        {"timezone": "Europe/Berlin", "days": [], "from": "09:00", "to": "18:00"},
        {"timezone": "Europe/Berlin", "days": [0], "from": "09:00", "to": "18:00"},
        {"timezone": "Europe/Berlin", "days": ["1"], "from": "09:00", "to": "18:00"},
        {"timezone": "Europe/Berlin", "days": [1], "from": "9", "to": "18:00"},
        {"timezone": "Europe/Berlin", "days": [1], "from": "09:00", "to": "25:00"},
        {"timezone": "Europe/Berlin", "days": [1], "from": "09:00", "to": "09:00"},
        {"days": [1], "from": "09:00", "to": "18:00"},
    ],
)
def test_hours_that_cannot_be_read_are_refused(inbox: Inbox, hours: Any) -> None:
    """Nobody would be told, and nobody would notice."""
    with pytest.raises(psycopg.Error) as refusal:
        _rule(inbox, "conversation.escalated", hours=hours)

    assert (refusal.value.sqlstate, refusal.value.diag.message_detail) == ("PT400", "bad_hours")


@pytest.mark.parametrize(
    "values",
    [
        {"target": "ftp://example.com"},
        {"target": "https://user:word@example.com/"},
        {"target": "team@example.com"},
        {"kind": "email", "target": "https://example.com"},
        {"kind": "email", "target": "Team <team@example.com>"},
        {"events": ["conversation.closed"]},
        {"events": []},
        {"events": ["conversation.waiting"]},
        {"wait_minutes": 5},
        {"kind": "pager"},
    ],
)
def test_a_rule_that_could_never_work_is_refused(inbox: Inbox, values: Row) -> None:
    """It would be found out when it is needed."""
    with pytest.raises(psycopg.errors.CheckViolation):
        _rule(inbox, "conversation.escalated", **values)


def test_what_is_not_taken_is_tried_again_for_a_day(inbox: Inbox) -> None:
    """A deployment of the receiver is no lost event."""
    rule = _rule(inbox, "message.created")
    inbox.open(inbox.user(), "one")
    [first] = _claim(inbox)
    trouble = {"error_code": "500", "error": "the server answered 500"}
    _settle(inbox, first, "retry", **trouble)
    [waiting] = _deliveries(inbox)
    too_early = _claim(inbox)
    let_pass(inbox.connection, 10)
    [second] = _claim(inbox)
    late = _settle(inbox, first, "sent")
    _settle(inbox, second, "retry", retry_after_seconds=90_000, **trouble)
    [given_up] = _deliveries(inbox)
    shown = inbox.one("select * from public.notification_rules where id = %s", rule)
    inbox.say(inbox.open(inbox.user()), "two", by="service_role")
    let_pass(inbox.connection, 3600)
    _settle(inbox, _claim(inbox)[0], "sent")
    well = inbox.one("select * from public.notification_rules where id = %s", rule)

    assert (waiting["status"], waiting["error_code"], too_early) == ("pending", "500", [])
    assert not late, "another attempt has it"
    assert (given_up["status"], given_up["error"]) == ("failed", "the server answered 500")
    assert (shown["error_code"], shown["failed_at"] is not None) == ("500", True)
    assert (well["error_code"], well["failed_at"]) == (None, None)


def test_a_receiver_that_hangs_delays_nobody_elses(inbox: Inbox) -> None:
    """Many events for a program that is away, and a hand-over that the team must hear of."""
    hangs = _rule(inbox, "message.created")
    conversation = inbox.open(inbox.user())
    for number in range(20):
        inbox.say(conversation, str(number), by="service_role")
    team = _rule(inbox, "conversation.escalated", kind="email", target="team@example.com")
    _hand_over(inbox)
    first = _claim(inbox)
    second = _claim(inbox)
    for delivery in first:
        _settle(inbox, delivery, "retry", error_code="unreachable", error="it does not answer")
    paused = _claim(inbox)
    tried = inbox.one("select public.test_notification_rule(%s) as id", hangs, by="service_role")
    asked_for = _claim(inbox)
    let_pass(inbox.connection, 10)
    again = _claim(inbox)
    rule = inbox.one("select * from public.notification_rules where id = %s", hangs)
    _settle(inbox, again[0], "sent")
    well = inbox.one("select * from public.notification_rules where id = %s", hangs)

    assert sorted(str(one["rule_id"]) for one in first) == sorted([hangs] * 4 + [team])
    assert second == []
    assert paused == []
    assert [one["delivery_id"] for one in asked_for] == [tried["id"]]
    assert 0 < len(again) <= 4
    assert rule["failures"] == 1, "four that were on their way are one failure"
    assert (well["failures"], well["paused_until"]) == (0, None)


def test_a_worker_that_dies_is_followed_by_another(inbox: Inbox) -> None:
    """At least once: the lease runs out."""
    _rule(inbox, "message.created")
    inbox.open(inbox.user(), "one")
    [first] = _claim(inbox)
    meanwhile = _claim(inbox)
    let_pass(inbox.connection, 30)
    [again] = _claim(inbox)

    assert meanwhile == []
    assert (again["delivery_id"], again["attempt"]) == (first["delivery_id"], 2)
    assert again["body"]["id"] == first["body"]["id"]


def test_what_nobody_sent_for_a_day_is_given_up_visibly(inbox: Inbox) -> None:
    """No worker ran over the weekend: on Monday nobody wants Friday's alarms."""
    _rule(inbox, "message.created")
    inbox.open(inbox.user(), "one")
    let_pass(inbox.connection, 25 * 3600)

    assert _claim(inbox) == []
    assert [(row["status"], row["error_code"]) for row in _deliveries(inbox)] == [
        ("failed", "expired")
    ]


def test_an_account_in_error_is_told_of(inbox: Inbox) -> None:
    """Nothing goes out by it until somebody renews its token."""
    _rule(inbox, "channel.error", kind="slack")
    inbox.run("insert into public.communication_channels (name, type) values ('Shop', 'whatsapp')")
    inbox.run("update public.communication_channels set status = 'error'")
    inbox.run("update public.communication_channels set status = 'error'")
    [told] = _claim(inbox)

    assert told["body"]["channel"]["name"] == "Shop"


def test_a_rule_is_tried_and_its_secret_read_by_operators(inbox: Inbox) -> None:
    """Who sets one up sees at once whether it gets there."""
    rule = _rule(inbox, "turn.settled")
    secret = "select public.get_notification_secret(%s) as key"
    key = inbox.one(secret, rule, by="service_role")["key"]
    test = "select public.test_notification_rule(%s) as id"
    tested = inbox.one(test, rule, by="service_role")["id"]
    [delivery] = _claim(inbox)

    assert (delivery["delivery_id"], delivery["secret"]) == (tested, key)
    assert delivery["body"]["event"] == "test"
    for statement in (secret, test):
        with pytest.raises(psycopg.Error) as refusal:
            inbox.run(statement, UUID(int=0), by="service_role")
        assert refusal.value.diag.message_detail == "rule_not_found"


def test_targets_are_for_admins(inbox: Inbox) -> None:
    """Who has a Slack webhook's URL writes into that channel."""
    admin, agent = inbox.user("admin"), inbox.user("agent")
    _rule(inbox, "turn.settled", by=admin)
    rules = "select target from public.notification_rules"

    assert inbox.run(rules, by=admin) == [{"target": _WEBHOOK}]
    assert inbox.run(rules, by=agent) == inbox.run(rules, by=inbox.user()) == []
