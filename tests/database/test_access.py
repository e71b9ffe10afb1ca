"""Promise 5: nobody reads or writes what is not theirs."""

from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.database.inbox import Inbox

TABLES = (
    "customer_profiles",
    "conversations",
    "messages",
    "ai_response_queue",
    "realtime_metrics",
    "profiles",
    "knowledge_items",
    "communication_channels",
    "ai_settings",
    "conversation_notes",
    "channel_deliveries",
    "notification_rules",
    "notification_deliveries",
)


@pytest.fixture
def conversation(inbox: Inbox) -> UUID:
    """Somebody's conversation, with an answer, and something in every other table."""
    customer = inbox.user()
    inbox.run(
        "insert into public.notification_rules (kind, target, events)"
        " values ('email', 'team@example.com', '{message.created}')"
    )
    opened = inbox.open(customer, "a secret")
    (job,) = inbox.claim()
    inbox.settle(job)
    inbox.run("insert into public.knowledge_items (title, content) values ('title', 'content')")
    inbox.run(
        "insert into public.conversation_notes (conversation_id, content) values (%s, 'a note')",
        opened,
    )
    inbox.run("insert into public.communication_channels (name, type) values ('site', 'website')")
    inbox.run(
        "insert into public.channel_deliveries"
        " (channel_id, conversation_id, message_id, position, expires_at)"
        " select channels.id, messages.conversation_id, messages.id, messages.position, now()"
        " from public.communication_channels as channels, public.messages as messages"
        " where messages.conversation_id = %s",
        opened,
    )
    return opened


def refusal_of(inbox: Inbox, statement: str, *values: Any, by: str) -> str | None:
    """The SQLSTATE with which a statement is refused."""
    with pytest.raises(psycopg.Error) as refusal:
        inbox.run(statement, *values, by=by)
    return refusal.value.sqlstate


@pytest.mark.parametrize("table", TABLES)
def test_without_a_session_nothing_is_read(inbox: Inbox, conversation: UUID, table: str) -> None:
    """The anon key is public: it is in every frontend."""
    assert refusal_of(inbox, f"select * from public.{table}", by="anon") == "42501"


@pytest.mark.parametrize("table", [table for table in TABLES if table != "profiles"])
def test_a_stranger_reads_nothing(inbox: Inbox, conversation: UUID, table: str) -> None:
    """Any signed-in user could read everything in the original."""
    stranger = inbox.user()

    assert inbox.run(f"select * from public.{table}", by=stranger) == []


@pytest.mark.parametrize("table", TABLES)
def test_staff_read_whole_rows(inbox: Inbox, conversation: UUID, table: str) -> None:
    """Existing inboxes select `*`: one column that may not be read would break them."""
    agent = inbox.user("admin" if table == "notification_rules" else "agent")

    assert inbox.run(f"select * from public.{table}", by=agent)


def test_customers_read_their_own_conversation_alone(inbox: Inbox, conversation: UUID) -> None:
    """The widget shows the customer their messages, and polls their job."""
    customer = inbox.user()
    own = inbox.open(customer, "mine")

    for table, count in {"conversations": 1, "messages": 1, "ai_response_queue": 1}.items():
        rows = inbox.run(f"select * from public.{table}", by=customer)
        assert len(rows) == count
        assert own in (rows[0].get("conversation_id"), rows[0]["id"])


def test_anothers_identifier_opens_nothing_of_theirs(inbox: Inbox) -> None:
    """In the original, who passed somebody's e-mail was given their conversation."""
    theirs = inbox.one(
        "select public.create_conversation('ada@example.com', 'website', 'from Ada') as id",
        by="service_role",
    )["id"]
    stranger = inbox.user()
    mine = inbox.one(
        "select public.create_conversation('ada@example.com', 'website', 'from a stranger') as id",
        by=stranger,
    )["id"]

    assert mine != theirs
    assert len(inbox.run("select * from public.messages", by=stranger)) == 1
    assert inbox.conversation(mine)["user_email"] == "ada@example.com"  # a hint for staff
    # And it does not become an identity: staff who look Ada up still find Ada.
    again = "select public.create_conversation('ada@example.com', 'website') as id"
    assert inbox.one(again, by="service_role")["id"] == theirs


def test_without_a_session_nobody_opens_a_conversation(inbox: Inbox) -> None:
    """The frontend is told what is missing, instead of failing on a privilege."""
    with pytest.raises(psycopg.Error, match="there is no session") as refusal:
        inbox.run("select public.create_conversation('a@example.com', 'website')", by="anon")

    assert (refusal.value.sqlstate, refusal.value.diag.message_detail) == (
        "PT401",
        "session_required",
    )
    assert "signInAnonymously" in (refusal.value.diag.message_hint or "")


INSERT = "insert into public.messages (conversation_id, sender_type, content)"


@pytest.mark.parametrize(
    ("statement", "sqlstate"),
    [
        (f"{INSERT} values (%s, 'user', 'x')", "42501"),
        (f"{INSERT} values (%s, 'agent', 'x')", "42501"),
        ("insert into public.messages (conversation_id, position) values (%s, 9)", "42501"),
        ("insert into public.ai_response_queue (conversation_id) values (%s)", "42501"),
        ("update public.ai_response_queue set priority = 1 where conversation_id = %s", "42501"),
        ("delete from public.conversations where id = %s", "42501"),
        ("delete from public.messages where conversation_id = %s", "42501"),
        ("select public.take_over_conversation(%s)", "PT403"),
        ("select public.get_conversation_with_messages(%s)", "PT404"),
    ],
)
def test_a_stranger_changes_nothing(
    inbox: Inbox, conversation: UUID, statement: str, sqlstate: str
) -> None:
    """Each of these was possible in the original."""
    stranger = inbox.user()
    inbox.open(stranger, "mine")

    assert refusal_of(inbox, statement, conversation, by=stranger) == sqlstate


def test_an_update_of_anothers_row_finds_no_row(inbox: Inbox, conversation: UUID) -> None:
    """Updates that the policies filter are not refused: they must change nothing."""
    stranger = inbox.user()
    for statement in (
        "update public.conversations set status = 'resolved' returning id",
        "update public.messages set delivery_status = 'read' returning id",
        "update public.customer_profiles set name = 'x' returning id",
        "update public.ai_settings set persona = 'x' returning id",
    ):
        assert inbox.run(statement, by=stranger) == []


def test_a_customer_writes_as_a_customer(inbox: Inbox) -> None:
    """They could speak as the agent, or mark their message as somebody else's."""
    customer, other = inbox.user(), inbox.user()
    conversation = inbox.open(customer)

    spoofed = refusal_of(inbox, f"{INSERT} values (%s, 'agent', 'x')", conversation, by=customer)
    row = inbox.one(
        "insert into public.messages"
        " (conversation_id, sender_type, content, sender_id, delivery_status)"
        " values (%s, 'user', 'x', %s, 'read') returning *",
        conversation,
        other,
        by=customer,
    )

    assert spoofed == "42501"
    assert row["sender_id"] == UUID(customer)
    assert row["delivery_status"] == "sent"


def test_nobody_raises_their_own_role(inbox: Inbox) -> None:
    """In the original any user could make themselves an admin."""
    user = inbox.user()

    assert refusal_of(inbox, "update public.profiles set role = 'admin'", by=user) == "42501"
    assert inbox.run("update public.profiles set full_name = 'Me' returning id", by=user)


@pytest.mark.parametrize("who", ["anon", "customer", "agent", "admin"])
@pytest.mark.parametrize(
    "call",
    [
        "complete_ai_response_jobs('[]')",
        "extend_ai_response_leases('w', '[]')",
        "settle_overdue_ai_response_jobs()",
        "claim_channel_deliveries('w')",
        "settle_channel_deliveries('[]')",
        "fail_ai_response_job(gen_random_uuid(), 'x')",
        "cleanup_ai_response_queue()",
    ],
)
def test_only_the_service_role_works_the_queue(inbox: Inbox, who: str, call: str) -> None:
    """The original's worker ran in the browser: whoever opened the page could answer customers."""
    by = "anon" if who == "anon" else inbox.user("user" if who == "customer" else who)

    assert refusal_of(inbox, f"select * from public.{call}", by=by) == "42501"
    inbox.run(f"select * from public.{call}", by="service_role")


@pytest.mark.parametrize("who", ["anon", "customer", "agent", "admin"])
def test_a_worker_in_a_browser_gets_no_job_and_no_error(inbox: Inbox, who: str) -> None:
    """The original asks twice a second in each browser, and shows each error."""
    inbox.open(inbox.user(), "one")
    by = "anon" if who == "anon" else inbox.user("user" if who == "customer" else who)
    told: list[str] = []
    inbox.connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))

    for _ in range(3):
        assert inbox.run("select * from public.get_next_ai_response_job()", by=by) == []
        assert inbox.run("select * from public.get_next_ai_response_job('w', 9, 9, 1)", by=by) == []
    assert len([text for text in told if "worker in a browser" in text]) == 1
    assert len(inbox.claim()) == 1


def test_a_message_over_the_limit_is_refused_with_the_limit(inbox: Inbox) -> None:
    """A customer could fill the database, or the model's context, with one message."""
    customer = inbox.user()
    conversation = inbox.open(customer)

    with pytest.raises(psycopg.Error, match="the limit is 4000") as refusal:
        inbox.run(f"{INSERT} values (%s, 'user', %s)", conversation, "x" * 4001, by=customer)

    assert refusal.value.sqlstate == "PT413"
    inbox.run(f"{INSERT} values (%s, 'user', %s)", conversation, "x" * 4000, by=customer)
    inbox.run(
        f"{INSERT} values (%s, 'user', %s)", conversation, "x" * 4001, by="service_role"
    )  # a channel's message is stored


def test_a_flood_is_refused_with_the_limit(inbox: Inbox) -> None:
    """One customer with a loop could keep every worker busy."""
    customer, other = inbox.user(), inbox.user()
    inbox.run("update public.ai_settings set max_messages_per_minute = 3")
    conversation = inbox.open(customer)
    for number in range(3):
        inbox.say(conversation, f"message {number}", by=customer)

    with pytest.raises(psycopg.Error, match="the limit is 3 messages a minute") as refusal:
        inbox.say(conversation, "one too many", by=customer)

    assert (refusal.value.sqlstate, refusal.value.diag.message_detail) == (
        "PT429", "too_many_messages",
    )  # fmt: skip
    inbox.say(inbox.open(other), "another customer's first", by=other)
    inbox.say(conversation, "a channel's message is stored", by="service_role")
    inbox.run("update public.messages set created_at = created_at - interval '1 minute'")
    inbox.say(conversation, "a minute later", by=customer)


def test_a_flood_of_conversations_is_refused_with_the_limit(inbox: Inbox) -> None:
    """The limit of messages would hold nobody who opens a conversation for each."""
    customer = inbox.user()
    inbox.run("update public.ai_settings set max_conversations_per_hour = 2")
    inbox.open(customer)
    (row,) = inbox.run("select private.current_customer_id() as id", by=customer)
    insert = "insert into public.conversations (customer_id) values (%s)"
    inbox.run(insert, row["id"], by=customer)

    assert refusal_of(inbox, insert, row["id"], by=customer) == "PT429"


def test_topics_are_joined_by_members_and_written_by_the_database(inbox: Inbox) -> None:
    """Whoever may write to a topic could forge its events."""
    customer, stranger, agent = inbox.user(), inbox.user(), inbox.user("agent")
    conversation = inbox.open(customer, "one")
    members = {customer, agent}
    for topic, readers, writers in (
        (f"conversation:{conversation}", members, set[str]()),
        (f"conversation:{conversation}:typing", members, members),
        ("inbox", {agent}, set[str]()),
        (f"drafts:{agent}", {agent}, set[str]()),
        (f"drafts:{customer}", set[str](), set[str]()),
        (f"drafts:{agent}:typing", set[str](), set[str]()),
        ("ai-jobs", set[str](), set[str]()),
        ("conversation:nonsense", set[str](), set[str]()),
    ):
        for who in (customer, stranger, agent):
            reads, writes = probe(inbox, topic, who)
            assert (topic, reads, writes) == (topic, who in readers, who in writers)


def probe(inbox: Inbox, topic: str, who: str) -> tuple[bool, bool]:
    """Ask as Realtime does: may this user read, and write, this topic?"""
    with inbox.connection.transaction(force_rollback=True):
        inbox.connection.execute(
            "insert into realtime.messages (topic, extension) values (%s, 'broadcast')", [topic]
        )
        inbox.connection.execute("select set_config('realtime.topic', %s, true)", [topic])
        claims = f'{{"role": "authenticated", "sub": "{who}"}}'
        inbox.connection.execute("select set_config('request.jwt.claims', %s, true)", [claims])
        inbox.connection.execute("set local role authenticated")
        seen = inbox.connection.execute(
            "select 1 from realtime.messages where topic = %s and extension = 'broadcast'", [topic]
        ).fetchall()
        try:
            inbox.connection.execute(
                "insert into realtime.messages (topic, extension) values (%s, 'broadcast')", [topic]
            )
        except psycopg.errors.InsufficientPrivilege:
            return bool(seen), False
        return bool(seen), True
