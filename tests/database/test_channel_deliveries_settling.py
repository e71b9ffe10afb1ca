"""How deliveries end, and what everybody is told of it."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.database.outbox import Outbox, Row

LONG = "".join(f"This is sentence number {number} of a long answer. " for number in range(60))


def sending(outbox: Outbox, text: str = "An answer.", channel: str = "whatsapp") -> Row:
    """A message that a worker is sending."""
    outbox.reply(outbox.hear(channel=channel), text)
    return outbox.take_one()


def seconds_to_next(outbox: Outbox, delivery: Row) -> float:
    row = outbox.one(
        "select extract(epoch from process_after - private.test_clock())::float8 as seconds"
        " from public.channel_deliveries where id = %s",
        delivery["delivery_id"],
    )
    return float(row["seconds"])


def state(outbox: Outbox, delivery: Row) -> Row:
    return outbox.one(
        "select * from public.channel_deliveries where id = %s", delivery["delivery_id"]
    )


def test_sent_is_shown_on_the_message_and_the_account(outbox: Outbox) -> None:
    """Staff would see `pending` for what the customer has read."""
    delivery = sending(outbox)
    told = outbox.tell(delivery, external_ids=["wamid.1"])
    message, account = outbox.message(delivery), outbox.account()

    assert (told["settled"], told["status"]) == (True, "sent")
    assert (message["delivery_status"], message["external_message_id"]) == ("sent", "wamid.1")
    assert (account["sent_count"], account["failed_count"]) == (1, 0)
    assert account["last_sent_at"] is not None
    assert outbox.tell(delivery, external_ids=["wamid.1"])["settled"]  # its answer got lost
    assert outbox.account()["sent_count"] == 1


@pytest.mark.parametrize("before", [True, False])
def test_what_the_channel_says_counts_before_and_after(outbox: Outbox, before: bool) -> None:
    """Meta's status is often there sooner than the worker has said which message it is."""
    delivery = sending(outbox)
    if before:
        assert outbox.status("wamid.1", "read")["outcome"] == "waiting"
    outbox.tell(delivery, external_ids=["wamid.1"])
    if not before:
        outbox.status("wamid.1", "delivered")
        outbox.status("wamid.1", "read")

    assert state(outbox, delivery)["status"] == "read"
    assert outbox.message(delivery)["delivery_status"] == "read"


def test_what_the_channel_gives_up_later_is_shown_as_failed(outbox: Outbox) -> None:
    """WhatsApp takes every message, and says afterwards that the number has no WhatsApp."""
    delivery = sending(outbox)
    outbox.tell(delivery, external_ids=["wamid.1"])
    outbox.status("wamid.1", "failed", error={"code": "131026", "message": "undeliverable"})

    row = state(outbox, delivery)
    assert (row["status"], row["error_code"], row["error"]) == ("failed", "131026", "undeliverable")
    told = [event["payload"].get("error_code") for event in outbox.events("inbox")]
    assert told.count("131026") == 1


def test_a_failure_says_why(outbox: Outbox) -> None:
    """Staff must know that the customer got nothing, and what to do."""
    delivery = sending(outbox)
    outbox.tell(delivery, "failed", error_code="undeliverable", error="no such number")
    message, account = outbox.message(delivery), outbox.account()

    assert message["delivery_status"] == "failed"
    assert message["metadata"]["delivery_error"] == {
        "code": "undeliverable",
        "message": "no such number",
    }
    assert (account["failed_count"], account["last_error"]) == (1, "no such number")
    assert (account["status"], account["sent_count"]) == ("active", 0)
    (event,) = [e for e in outbox.events("inbox") if e["event"] == "delivery.failed"]
    assert (
        event["payload"].items()
        >= {
            "delivery_id": str(delivery["delivery_id"]),
            "conversation_id": str(delivery["conversation_id"]),
            "message_id": str(delivery["message_id"]),
            "error_code": "undeliverable",
            "error": "no such number",
        }.items()
    )


def test_tries_back_off_until_the_day_is_over(outbox: Outbox) -> None:
    """A provider that is down would be asked a thousand times, or a message tried for a week."""
    delivery = sending(outbox)
    waits = []
    while outbox.tell(delivery, "retry", error_code="unavailable")["status"] == "pending":
        waits.append(seconds_to_next(outbox, delivery))
        outbox.let_pass(waits[-1] + 1)
        delivery = outbox.take_one()

    for number, wait in enumerate(waits):
        ceiling = min(900, 2 ** (number + 1))
        assert 0.4 * ceiling <= wait <= 1.5 * ceiling
    assert 60 <= len(waits) <= 250
    assert state(outbox, delivery)["error_code"] == "unavailable"
    assert outbox.message(delivery)["delivery_status"] == "failed"


def test_the_provider_says_when_to_come_again(outbox: Outbox) -> None:
    """Retry-After is a request, and a sooner try is held against the account."""
    delivery = sending(outbox)
    outbox.tell(delivery, "retry", retry_after_seconds=3600)

    assert 3590 < seconds_to_next(outbox, delivery) <= 3600


@pytest.mark.parametrize(("channel", "at_least"), [("whatsapp", 19), ("email", 0.9)])
def test_what_may_be_out_waits_for_the_channel_to_tell(
    outbox: Outbox, channel: str, at_least: float
) -> None:
    """Sent again at once, it is twice on the customer's screen."""
    delivery = sending(outbox, channel=channel)
    outbox.tell(delivery, "unknown", error_code="no_answer")

    assert state(outbox, delivery)["status"] == "sending"
    assert at_least <= seconds_to_next(outbox, delivery) <= 20


def test_parts_go_on_where_they_were(outbox: Outbox) -> None:
    """The customer would read the beginning twice, or not the end."""
    delivery = sending(outbox, LONG)
    outbox.tell(delivery, "part_sent", parts_sent=1, external_ids=["wamid.1"])
    second = outbox.take_one()
    outbox.tell(second, "retry", error_code="unavailable")
    outbox.let_pass(4)
    third = outbox.take_one()
    outbox.tell(third, parts_sent=2, external_ids=["wamid.2"])

    assert [row["parts_sent"] for row in (delivery, second, third)] == [0, 1, 1]
    assert state(outbox, delivery)["external_ids"] == ["wamid.1", "wamid.2"]
    assert outbox.message(delivery)["external_message_id"] == "wamid.1"
    assert outbox.status("wamid.2", "delivered")["message_id"] == str(delivery["message_id"])
    assert outbox.account()["sent_count"] == 1


def test_a_zombie_is_believed_only_that_it_sent(outbox: Outbox) -> None:
    """A worker that stood still for a minute may not fail, or repeat, what another one does."""
    zombie = sending(outbox)
    outbox.let_pass(51)
    current = outbox.take_one()
    for outcome in ("failed", "retry", "released", "unknown", "part_sent"):
        assert not outbox.tell(zombie, outcome)["settled"]
    assert state(outbox, current)["status"] == "sending"

    assert outbox.tell(zombie, external_ids=["wamid.zombie"])["settled"]

    assert outbox.tell(current, "failed")["status"] == "sent"
    assert outbox.status("wamid.zombie", "read")["message_id"] == str(zombie["message_id"])


def test_one_bad_result_settles_nothing(outbox: Outbox) -> None:
    """Half of a batch would be sent again."""
    delivery = sending(outbox)
    bad: list[dict[str, Any]] = [
        {"outcome": "done"},
        {"outcome": "sent", "external_ids": "wamid.1"},
        {"outcome": "sent", "external_ids": [None]},
        {"outcome": "sent", "parts_sent": -1},
        {"outcome": "retry", "retry_after_seconds": "soon"},
        {"outcome": "sent", "media": [1]},
    ]
    for result in bad:
        with pytest.raises(psycopg.Error) as refusal:
            outbox.tell_all([(delivery, {"outcome": "sent"}), (delivery, result)])
        assert refusal.value.diag.message_detail == "bad_results"
    with pytest.raises(psycopg.Error, match="not an array"):
        outbox.run("select public.settle_channel_deliveries('{}')", by="service_role")

    assert state(outbox, delivery)["status"] == "sending"


def test_a_batch_settles_each_for_itself(outbox: Outbox) -> None:
    """Fifty results are one call."""
    for number in range(4):
        outbox.reply(outbox.hear(who=f"1555010{number}"), str(number))
    one, two, three, four = outbox.take()
    unknown = one | {"delivery_id": "00000000-0000-4000-8000-000000000000"}
    rows = outbox.tell_all(
        [
            (one, {"outcome": "sent", "external_ids": ["wamid.1"]}),
            (two, {"outcome": "failed"}),
            (three, {"outcome": "retry"}),
            (four, {"outcome": "part_sent"}),  # the last word on a delivery counts
            (four, {"outcome": "sent", "external_ids": ["wamid.4"]}),
            (unknown, {"outcome": "sent"}),
        ]
    )

    told = {str(row["delivery_id"]): (row["settled"], row["status"]) for row in rows}
    assert list(told.values()) == [
        (True, "sent"),
        (True, "failed"),
        (True, "pending"),
        (True, "sent"),
        (False, None),
    ]
    assert (outbox.account()["sent_count"], outbox.account()["failed_count"]) == (2, 1)


# ---- a worker that died


def test_a_status_tells_what_the_dead_worker_had_sent(outbox: Outbox) -> None:
    """Between sending and saying so nobody else knows: it would be sent again."""
    delivery = sending(outbox)
    told = outbox.status("wamid.1", "delivered", reference=f"{delivery['delivery_id']}:0")
    assert told["message_id"] == str(delivery["message_id"])
    assert outbox.take() == []  # its lease still runs
    outbox.let_pass(30.5)

    again = outbox.take_one()  # without the grace: it is known

    assert again["parts_sent"] == 1
    assert outbox.tell(again, parts_sent=1)["status"] == "delivered"
    assert outbox.message(delivery)["delivery_status"] == "delivered"


def test_a_status_is_no_news_to_a_worker_that_lives(outbox: Outbox) -> None:
    """The usual race: Meta's webhook is quicker than the worker's settle."""
    delivery = sending(outbox)
    outbox.status("wamid.1", "sent", reference=f"{delivery['delivery_id']}:0")

    assert outbox.tell(delivery, external_ids=["wamid.1"], parts_sent=1)["settled"]
    assert state(outbox, delivery)["external_ids"] == ["wamid.1"]
    assert outbox.account()["sent_count"] == 1


def test_a_status_ends_the_wait_for_it(outbox: Outbox) -> None:
    """The conversation would stand still though its message is known to be out."""
    delivery = sending(outbox)
    outbox.tell(delivery, "unknown", retry_after_seconds=600)
    outbox.status("wamid.1", "sent", reference=f"{delivery['delivery_id']}:0")

    assert outbox.take_one()["parts_sent"] == 1


def test_a_strange_reference_is_nobodys(outbox: Outbox) -> None:
    """Other programs use the same field for theirs."""
    delivery = sending(outbox)
    for reference in ("order 17", f"{delivery['delivery_id']}", f"{delivery['message_id']}:0"):
        assert outbox.status("wamid.x", "sent", reference=reference)["message_id"] is None

    assert state(outbox, delivery)["parts_sent"] == 0


@pytest.mark.parametrize(
    ("text", "said", "is_ours"),
    [
        ("It is free.", "It is free.", True),
        ("It is\n\nfree.", " It is free. ", True),
        ("It is free.", "free", False),
        ("It is free.", "Hi, this is Grace.", False),
        (LONG, LONG[:980], True),
        (LONG, "This is", False),
    ],
)
def test_an_echo_is_ours_if_it_says_what_we_send(
    outbox: Outbox, text: str, said: str, is_ours: bool
) -> None:
    """Ours taken for an agent's stops the AI; an agent's taken for ours is lost."""
    delivery = sending(outbox, text, channel="instagram")
    told = outbox.echo(said, "mid.1")

    assert (told["outcome"], told["message_id"] == str(delivery["message_id"])) == (
        ("duplicate", True) if is_ours else ("stored", False)
    )
    assert state(outbox, delivery)["parts_sent"] == int(is_ours)


def test_an_echo_of_what_is_settled_is_known(outbox: Outbox) -> None:
    """Instagram tells of every message that was sent, ours too."""
    delivery = sending(outbox, channel="instagram")
    outbox.tell(delivery, external_ids=["mid.1"])

    assert outbox.echo("An answer.", "mid.1")["outcome"] == "duplicate"


def test_pending_answers_are_not_counted_as_delivered(outbox: Outbox) -> None:
    """The share would look better, or worse, than what customers got."""
    for number in range(3):
        outbox.hear(who=f"1555010{number}")
    outbox.answer()

    def share() -> object:
        rows = outbox.run("select * from public.get_messaging_slo()", by="service_role")
        return next(row["delivered"] for row in rows if row["channel_type"] == "whatsapp")

    assert share() is None
    one, two, _ = outbox.take()
    outbox.tell(one, external_ids=["wamid.1"])
    assert share() == 1
    outbox.tell(two, "failed")
    assert share() == Decimal("0.5")


def test_a_text_of_ours_under_another_id_is_ours(outbox: Outbox) -> None:
    """Instagram answers with one id and tells of the message with another: nobody took over."""
    conversation = outbox.hear(channel="instagram")
    outbox.answer("We are open from 9 to 5.")
    sent = outbox.take_one()
    outbox.tell(sent, external_ids=["mid.answer"], parts_sent=1)
    told = outbox.echo("We are  open from 9 to 5. ", "mid.echo")
    row = outbox.one(
        "select public.record_delivery_status('instagram', 'account', 'mid.echo', 'read') as told",
        by="service_role",
    )

    assert (told["outcome"], told["message_id"]) == ("duplicate", str(sent["message_id"]))
    assert row["told"]["message_id"] == str(sent["message_id"])
    assert outbox.message(sent)["delivery_status"] == "read"
    assert not outbox.conversation(conversation)["requires_human"]
    assert [said["sender_type"] for said in outbox.messages(conversation)] == ["user", "ai"]


@pytest.mark.parametrize("case", ["again", "later", "otherwise", "a file"])
def test_what_a_person_writes_in_the_app_is_theirs(outbox: Outbox, case: str) -> None:
    """Even if it says what we said: each text of ours has one echo, soon after it."""
    conversation = outbox.hear(channel="instagram")
    outbox.answer("We are open from 9 to 5.")
    outbox.tell(outbox.take_one(), external_ids=["mid.answer"], parts_sent=1)
    if case == "again":
        outbox.echo("We are open from 9 to 5.", "mid.echo")
    if case == "later":
        outbox.let_pass(16 * 60)
    said = {"otherwise": "We are open.", "a file": ""}.get(case, "We are open from 9 to 5.")
    if case == "a file":
        outbox.run(
            "update public.messages set media_url = 'https://a.example/1' where sender_type = 'ai'"
        )
        said = "[Image]"
    told = outbox.echo(said, "mid.person")

    assert told["outcome"] == "stored"
    assert outbox.conversation(conversation)["requires_human"]
