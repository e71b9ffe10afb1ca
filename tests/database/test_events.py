"""How many events the database sends: hosted projects count them, and lose the rest."""

import json
from collections import Counter
from uuid import UUID

from tests.database.inbox import Inbox
from tests.database.outbox import Outbox


def _sent(inbox: Inbox) -> Counter[str]:
    rows = inbox.run("select event from realtime.messages")
    return Counter(str(row["event"]) for row in rows)


def _conversation(inbox: Inbox) -> UUID:
    """Open a conversation, and forget what was sent of it."""
    conversation = inbox.open(inbox.user())
    inbox.run("truncate realtime.messages")
    return conversation


def test_a_turn_on_the_website_sends_four(inbox: Inbox) -> None:
    """Six meant a third fewer turns on the same plan."""
    conversation = _conversation(inbox)
    inbox.say(conversation, "one", by="service_role")
    inbox.settle(inbox.claim()[0])

    assert _sent(inbox) == {"message.created": 2, "conversation.changed": 2}


def test_a_first_turn_on_whatsapp_sends_eight_with_its_statuses(outbox: Outbox) -> None:
    """The receipt, the delivery and what Meta says of it are part of the turn."""
    conversation = outbox.hear()
    outbox.answer()
    for delivery in [*outbox.take(), *outbox.take(kind="receipt")]:
        external_ids = ["out"] if delivery["kind"] == "message" else []
        outbox.tell(delivery, "sent", external_ids=external_ids)
    for status in ("sent", "delivered", "read"):
        outbox.status("out", status)

    assert outbox.messages(conversation)[-1]["delivery_status"] == "read"
    assert sum(_sent(outbox).values()) <= 8, _sent(outbox)


def test_reading_a_long_conversation_sends_two(inbox: Inbox) -> None:
    """500 messages that were marked read were 501 events, and closed everybody's channels."""
    customer, agent = inbox.user(), inbox.user("agent")
    conversation = inbox.open(customer)
    inbox.run(
        "insert into public.messages (conversation_id, sender_type, content)"
        " select %s, 'user', 'm' || i from generate_series(1, 120) as i",
        conversation,
    )
    inbox.run("truncate realtime.messages")
    inbox.run("select public.mark_conversation_read(%s)", conversation, by=agent)
    [updated] = inbox.events(f"conversation:{conversation}")
    positions = [message["position"] for message in updated["payload"]["messages"]]

    assert _sent(inbox) == {"messages.updated": 1, "conversation.changed": 1}
    assert positions == list(range(71, 121)), "the newest fifty, in order"
    assert {message["delivery_status"] for message in updated["payload"]["messages"]} == {"read"}


def test_what_changes_nothing_sends_nothing(inbox: Inbox) -> None:
    """A status that comes twice is no news."""
    conversation = inbox.open(inbox.user(), "one")
    inbox.run("update public.messages set delivery_status = 'read'")
    inbox.run("alter table public.messages disable trigger messages_touch")
    inbox.run("truncate realtime.messages")
    inbox.run("update public.messages set delivery_status = 'read'")

    assert inbox.events(f"conversation:{conversation}") == []


def test_a_change_of_many_conversations_sends_one(inbox: Inbox) -> None:
    """An agent who tags two thousand of them once sent as many events."""
    for _ in range(3):
        inbox.open(inbox.user())
    inbox.run("truncate realtime.messages")
    inbox.run("update public.conversations set tags = '{vip}'")
    [few] = inbox.events("inbox")
    inbox.run(
        "insert into public.conversations (channel_type) select 'website'"
        " from generate_series(1, 60)"
    )
    inbox.run("truncate realtime.messages")
    inbox.run("update public.conversations set tags = '{old}'")
    [many] = inbox.events("inbox")

    assert few["event"] == many["event"] == "conversations.changed"
    assert [row["tags"] for row in few["payload"]["conversations"]] == [["vip"]] * 3
    assert many["payload"]["conversations"] is None, "to be read: it would be too large"


def test_what_is_deleted_is_told_once_by_its_ids(inbox: Inbox) -> None:
    """A conversation that was erased stayed on every screen that had it open."""
    ids = [inbox.open(inbox.user()) for _ in range(2)]
    inbox.run(
        "insert into public.conversations (channel_type, department) select 'website', 'x'"
        " from generate_series(1, 60)"
    )
    inbox.run("truncate realtime.messages")
    inbox.run("delete from public.conversations where department = 'none'")
    assert inbox.events("inbox") == []
    inbox.run("delete from public.conversations where id = any(%s)", ids)
    [few] = inbox.events("inbox")
    inbox.run("truncate realtime.messages")
    inbox.run("delete from public.conversations where department = 'x'")
    [many] = inbox.events("inbox")

    assert few["event"] == many["event"] == "conversations.deleted"
    assert sorted(few["payload"]["conversation_ids"]) == sorted(map(str, ids))
    assert many["payload"]["conversation_ids"] is None


def test_an_event_has_of_the_customer_what_a_list_shows(inbox: Inbox) -> None:
    """An inbox once read each conversation that changed, to know whose it is."""
    one = inbox.open(inbox.user())
    inbox.run(
        "update public.customer_profiles set name = 'Ada', email = 'ada@example.com', notes = 'x'"
    )
    inbox.run("truncate realtime.messages")
    inbox.run("update public.conversations set tags = '{vip}'")
    [alone] = inbox.events("inbox")
    inbox.run("insert into public.conversations (channel_type) values ('website')")
    inbox.run("truncate realtime.messages")
    inbox.run("update public.conversations set tags = '{}'")
    [both] = inbox.events("inbox")
    customer = alone["payload"]["conversation"]["customer_profiles"]

    assert customer.keys() == {
        "id", "name", "email", "phone", "preferences", "satisfaction_rating"
    }  # fmt: skip
    assert customer["name"] == "Ada"
    assert {row["id"]: row["customer_profiles"] for row in both["payload"]["conversations"]} == {
        row["id"]: None for row in both["payload"]["conversations"]
    } | {str(one): customer}


def test_a_batch_of_answers_sends_one_for_the_inbox(inbox: Inbox) -> None:
    """Each conversation hears of its own answer; the inbox hears of all at once."""
    for _ in range(3):
        inbox.open(inbox.user(), "one")
    results = [
        {"job_id": str(job["job_id"]), "attempt": 1, "action": "reply", "ai_response": "Hello!"}
        for job in inbox.claim()
    ]
    inbox.run("truncate realtime.messages")
    inbox.run(
        "select * from public.complete_ai_response_jobs(%s)",
        json.dumps(results),
        by="service_role",
    )

    assert _sent(inbox) == {"message.created": 3, "conversations.changed": 1}


def _sizes(inbox: Inbox) -> list[int]:
    rows = inbox.run("select octet_length(payload::text) as size from realtime.messages")
    return [row["size"] for row in rows]


def test_no_event_of_a_large_message_is_above_what_realtime_takes(inbox: Inbox) -> None:
    """Realtime drops it: a mail of a megabyte was seen by nobody who had its conversation open."""
    conversation = _conversation(inbox)
    inbox.say(conversation, "x" * 1_000_000, by="service_role")
    [created] = inbox.events(f"conversation:{conversation}")
    inbox.run("update public.messages set delivery_status = 'read'")

    assert created["event"] == "message.created"
    assert created["payload"]["message"] is None
    assert max(_sizes(inbox)) < 256_000
    assert _sent(inbox)["conversation.changed"] == 1


def test_no_event_of_many_messages_is_above_what_realtime_takes(inbox: Inbox) -> None:
    """Fifty of ten kilobytes are half a megabyte."""
    conversation = _conversation(inbox)
    inbox.run(
        "insert into public.messages (conversation_id, sender_type, content)"
        " select %s, 'user', repeat('x', 10000) || i from generate_series(1, 60) as i",
        conversation,
    )
    inbox.run("truncate realtime.messages")
    inbox.run("update public.messages set delivery_status = 'read'")
    [updated] = inbox.events(f"conversation:{conversation}")

    positions = [message["position"] for message in updated["payload"]["messages"]]
    assert positions[-1] == 60
    assert len(positions) > 10
    assert max(_sizes(inbox)) < 256_000


def test_a_conversation_that_does_not_fit_is_told_without_its_row(inbox: Inbox) -> None:
    """Staff's frontends may keep anything in business_context."""
    conversation = _conversation(inbox)
    inbox.run(
        "update public.conversations set business_context = jsonb_build_object('all',"
        " (select string_agg(md5(i::text), '') from generate_series(1, 20000) as i))"
        " where id = %s",
        conversation,
    )

    assert _sent(inbox) == {"conversations.changed": 1}
    assert max(_sizes(inbox)) < 256_000


def test_what_json_makes_longer_is_measured_as_json(inbox: Inbox) -> None:
    """A line break is two characters there, a control character six."""
    conversation = _conversation(inbox)
    inbox.say(conversation, "x" + "\n" * 198_000, by="service_role")
    inbox.say(conversation, "\x01" * 60_000, by="service_role")
    inbox.run(
        "insert into public.messages (conversation_id, sender_type, content, media_caption)"
        " values (%s, 'user', 'see', repeat('x', 300000))",
        conversation,
    )

    assert max(_sizes(inbox)) < 256_000
    assert _sent(inbox)["message.created"] == 3


def test_an_upsert_that_changes_nothing_sends_nothing(inbox: Inbox) -> None:
    """Whoever has a session could send as many events as they can send requests."""
    visitor = inbox.user()
    conversation = inbox.open(visitor)
    inbox.run("truncate realtime.messages")
    inbox.run(
        "insert into public.conversations (id, status) values (%s, 'active')"
        " on conflict (id) do update set id = excluded.id, status = excluded.status",
        conversation,
        by=visitor,
    )

    assert _sent(inbox) == {}
