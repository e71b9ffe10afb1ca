"""The checker of fault runs finds each kind of violation: each is planted once in a good run."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.faults.checker import Rows, check

Row = dict[str, Any]


class Run:
    """A run in which every promise was kept: a website's conversation, and one on WhatsApp."""

    def __init__(self) -> None:
        self.rows = Rows(
            messages=[
                message("q1", "web", "user", 1, at=10),
                message("a1", "web", "ai", 2, at=12, turn="q1"),
                message("q2", "web", "user", 3, at=20),
                message("h2", "web", "agent", 4, at=23),
                message("q3", "web", "user", 5, at=24),
                message("q4", "web", "user", 6, at=40),
                message("a4", "web", "ai", 7, at=41, turn="q4"),
                message("w1", "phone", "user", 1, at=10, external="wamid.1"),
                message("b1", "phone", "ai", 2, at=11, turn="w1"),
                message("w2", "phone", "user", 3, at=15, external="wamid.2"),
                message("b2", "phone", "ai", 4, at=16, turn="w2"),
            ],
            jobs=[
                job("q1", "web", "replied"),
                job("q2", "web", "taken_over"),
                job("q4", "web", "replied"),
                job("w1", "phone", "replied"),
                job("w2", "phone", "replied"),
            ],
            deliveries=[
                delivery("d1", "b1", position=2),
                delivery("d2", "b2", position=4),
            ],
        )
        self.history: list[Row] = [
            event("subscribed", 9, subscriber="s", conversation="web"),
            event("connection", 9.1, subscriber="s", is_live=True),
            *(accepted(name, 10, conversation="web") for name in ("q1", "q2", "q3", "q4")),
            *(accepted(name, 10, customer="12025550142") for name in ("wamid.1", "wamid.2")),
            staff("take_over", 22),
            staff("write", 23),
            staff("return", 30),
            *(
                seen(row["id"], row["position"], row["at"] + 0.1)
                for row in self.rows.messages
                if row["conversation"] == "web"
            ),
            got("d1", 11.5),
            got("d2", 16.5),
            event("forged", 20, message="wamid.forged"),
            event("snooped", 20, table="messages", count=0),
            event("left", 50, subscriber="s", conversation="web"),
        ]

    def row(self, name: str) -> Row:
        return next(row for row in self.rows.messages if row["id"] == name)

    def event(self, kind: str, **fields: Any) -> Row:
        return next(
            event
            for event in self.history
            if event["kind"] == kind and fields.items() <= event.items()
        )

    def violations(self) -> set[str]:
        """Return which promises the checker finds to be broken."""
        return {violation.partition(":")[0] for violation in self.report().violations}

    def report(self) -> Any:
        return check(self.rows, self.history)


def message(
    name: str, conversation: str, sender: str, position: int, at: float, **more: Any
) -> Row:
    row = {"id": name, "conversation": conversation, "sender": sender, "position": position}
    return row | {"at": at, "turn": None, "external": None, "kind": None} | more


def job(turn: str, conversation: str, outcome: str) -> Row:
    row = {"turn": turn, "newest": turn, "conversation": conversation, "outcome": outcome}
    return row | {"status": "failed" if outcome == "taken_over" else "completed"}


def delivery(name: str, message: str, position: int) -> Row:
    row = {"id": name, "message": message, "conversation": "phone", "position": position}
    return row | {"status": "delivered", "error_code": None}


def event(kind: str, at: float, **fields: Any) -> Row:
    return {"kind": kind, "at": at} | fields


def accepted(message: str, at: float, **whose: str) -> Row:
    return event("accepted", at, message=message, via="test", **whose)


def staff(action: str, at: float) -> Row:
    return event("staff", at, conversation="web", action=action, begin=at - 0.1, end=at)


def seen(message: str, position: int, at: float) -> Row:
    named = {"subscriber": "s", "conversation": "web", "message": message}
    return event("seen", at, position=position, **named)


def got(delivery: str, at: float) -> Row:
    return event("got", at, channel="whatsapp", delivery=delivery, part="0")


def test_a_good_run_has_no_violation() -> None:
    """And every promise was looked at."""
    report = Run().report()

    assert report.violations == []
    assert {promise[0] for promise in report.counts if promise[1] == " "} == set("12345")


def lose_a_message(run: Run) -> None:
    run.history.append(accepted("lost", 25, conversation="web"))


def store_a_webhook_twice(run: Run) -> None:
    run.rows.messages.append(message("w9", "phone", "user", 5, at=17, external="wamid.2"))


def store_out_of_order(run: Run) -> None:
    run.history.insert(0, accepted("q2", 9, conversation="web"))


def leave_a_gap(run: Run) -> None:
    run.row("b2")["position"] = 5


def go_back_in_time(run: Run) -> None:
    run.row("b2")["at"] = 14


def answer_twice(run: Run) -> None:
    run.rows.messages.append(message("a9", "web", "ai", 8, at=42, turn="q4"))


def answer_before_the_question(run: Run) -> None:
    run.row("a1")["turn"] = "w1"


def leave_a_turn_open(run: Run) -> None:
    run.rows.jobs[-1] |= {"status": "processing", "outcome": None}


def be_silent(run: Run) -> None:
    run.rows.messages.append(message("w3", "phone", "user", 5, at=18))


def be_late(run: Run) -> None:
    run.row("q1")["at"] -= 5
    run.history.append(event("outage", 30, begin=7, end=7.5, why="a test"))


def be_silent_until_a_takeover(run: Run) -> None:
    run.row("q2")["at"] = 13


def make_no_turn_before_a_takeover(run: Run) -> None:
    run.rows.jobs.pop(1)


def write_after_a_takeover(run: Run) -> None:
    run.row("q3").update(sender="ai", turn="q2")


def end_a_subscription(run: Run) -> None:
    run.history.append(event("subscription.ended", 30, subscriber="s", error="it was over"))


def show_too_little(run: Run) -> None:
    run.history.remove(run.event("seen", message="a1"))


def show_twice(run: Run) -> None:
    run.history.append(seen("a4", 7, 42))


def show_late(run: Run) -> None:
    run.event("seen", message="a4")["at"] += 1.5


def show_somebody_elses(run: Run) -> None:
    run.event("seen", message="a4")["conversation"] = "phone"


def send_what_nobody_wrote(run: Run) -> None:
    run.history.append(got("d9", 17))


def leave_a_delivery_open(run: Run) -> None:
    run.rows.deliveries[0]["status"] = "sending"


def say_sent_and_send_nothing(run: Run) -> None:
    run.history.remove(run.event("got", delivery="d2"))


def fail_without_a_reason(run: Run) -> None:
    run.rows.deliveries[0]["status"] = "failed"


def send_twice_for_no_reason(run: Run) -> None:
    run.history.append(got("d2", 17))


def send_out_of_order(run: Run) -> None:
    run.event("got", delivery="d1")["at"] = 18


def believe_a_forgery(run: Run) -> None:
    run.row("w2")["external"] = "wamid.forged"


def show_a_stranger(run: Run) -> None:
    run.event("snooped")["count"] = 1


@pytest.mark.parametrize(
    ("plant", "promise"),
    [
        (lose_a_message, "4 accepted messages are stored once"),
        (store_a_webhook_twice, "4 accepted messages are stored once"),
        (store_out_of_order, "4 messages keep their customer's order"),
        (leave_a_gap, "4 positions have no gap"),
        (go_back_in_time, "4 positions follow the time"),
        (answer_twice, "2 one answer a turn"),
        (answer_before_the_question, "2 an answer follows what it answers"),
        (leave_a_turn_open, "2 every turn has ended"),
        (be_silent, "1 every message is answered or a human's"),
        (be_late, "1 answered within six seconds"),
        (be_silent_until_a_takeover, "1 answered within six seconds"),
        (make_no_turn_before_a_takeover, "1 every message is answered or a human's"),
        (write_after_a_takeover, "3 silent while a human has it"),
        (end_a_subscription, "4 subscriptions last"),
        (show_too_little, "4 subscribers see every message once, in order"),
        (show_twice, "4 subscribers see every message once, in order"),
        (show_late, "4 seen within a second, when connected"),
        (show_somebody_elses, "5 subscribers see their own conversation"),
        (send_what_nobody_wrote, "4 what a channel gets was written"),
        (leave_a_delivery_open, "4 every delivery has ended"),
        (say_sent_and_send_nothing, "4 every answer reaches its channel"),
        (fail_without_a_reason, "4 every answer reaches its channel"),
        (send_twice_for_no_reason, "4 a copy only where it was in doubt"),
        (send_out_of_order, "4 channels get answers in order"),
        (believe_a_forgery, "5 unsigned webhooks change nothing"),
        (show_a_stranger, "5 strangers read nothing"),
    ],
)
def test_each_violation_is_found(plant: Callable[[Run], None], promise: str) -> None:
    """A checker that finds nothing proves nothing."""
    run = Run()
    plant(run)

    assert promise in run.violations()


def test_an_outage_excuses_a_late_answer() -> None:
    """While nothing can be written nobody can be answered: only the rest of the time counts."""
    run = Run()
    be_late(run)
    run.history.append(event("outage", 30, begin=7, end=9, why="a test"))

    assert run.violations() == set()


def test_a_fault_of_long_before_excuses_no_copy() -> None:
    """Nor one that comes when the first copy was settled long ago."""
    for begin, end in ((1, 4), (19, 20)):
        run = Run()
        send_twice_for_no_reason(run)
        named = {"number": 1, "trouble": "kill", "target": "worker-0"}
        run.history.append(event("fault", end, begin=begin, end=end, **named))

        assert run.violations() == {"4 a copy only where it was in doubt"}


@pytest.mark.parametrize(
    ("handed_over_at", "violations"), [(15, set()), (19, {"1 answered within six seconds"})]
)
def test_a_hand_over_ends_the_turn_that_waits_behind_it_too(
    handed_over_at: float, violations: set[str]
) -> None:
    """It says the same to both, and in time for both."""
    run = Run()
    run.rows.messages += [
        message("m1", "mail", "user", 1, at=12.4),
        message("m2", "mail", "user", 2, at=12.5),
        message("h1", "mail", "ai", 3, at=handed_over_at, turn="m1", kind="handover"),
    ]
    run.rows.jobs += [job("m1", "mail", "escalated"), job("m2", "mail", "taken_over")]

    assert run.violations() == violations


def test_a_fault_excuses_a_copy() -> None:
    """A worker that dies after a send says nothing of it: docs/deliveries.md."""
    run = Run()
    send_twice_for_no_reason(run)
    named = {"number": 1, "trouble": "kill", "target": "worker-0"}
    run.history.append(event("fault", 19, begin=16.6, end=19, **named))

    assert run.violations() == set()
