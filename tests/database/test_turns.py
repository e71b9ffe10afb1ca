"""Which turn a customer's message belongs to."""

from concurrent.futures import ThreadPoolExecutor

from tests.database.inbox import Inbox


def test_a_first_message_is_claimable_at_once(inbox: Inbox) -> None:
    """Otherwise every answer would be late by a quiet window."""
    customer = inbox.user()
    conversation = inbox.open(customer, "Hello?")

    (job,) = inbox.claim()

    assert job["conversation_id"] == conversation
    assert job["user_message"] == "Hello?"
    assert job["turn_id"] == job["message_id"] == inbox.messages(conversation)[0]["id"]
    assert 5_000 < job["budget_ms"] <= 5_500


def test_a_burst_is_one_turn(inbox: Inbox) -> None:
    """Three messages in a row would get three answers."""
    customer = inbox.user()
    inbox.run("update public.ai_settings set quiet_ms = 2000")  # a slow machine must not pass it
    conversation = inbox.open(customer, "Hello?")
    inbox.say(conversation, "Is anybody there?", by=customer)
    last = inbox.say(conversation, "I have a question.", by=customer)

    (job,) = inbox.jobs(conversation)

    assert job["user_message"] == "Hello?\nIs anybody there?\nI have a question."
    assert job["message_id"] == last["id"]
    assert job["turn_id"] == inbox.messages(conversation)[0]["id"]
    assert job["process_after"] > last["created_at"]
    assert inbox.claim() == []


def test_a_burst_without_end_waits_no_longer_than_the_cap(inbox: Inbox) -> None:
    """Somebody who writes without pause would never be answered."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    inbox.let_pass(1.9)
    inbox.say(conversation, "two", by=customer)

    (job,) = inbox.jobs(conversation)

    assert (job["process_after"] - job["turn_started_at"]).total_seconds() == 2.0


def test_a_message_during_the_draft_supersedes_it(inbox: Inbox) -> None:
    """The customer would be answered without what they wrote last."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    (draft,) = inbox.claim()
    inbox.let_pass(0.5)
    inbox.say(conversation, "two", by=customer)

    old, new = inbox.jobs(conversation)

    assert (old["status"], old["outcome"]) == ("failed", "superseded")
    assert new["status"] == "pending"
    assert new["user_message"] == "one\ntwo"
    assert new["turn_id"] == draft["turn_id"]
    assert (new["deadline"] - new["turn_started_at"]).total_seconds() == 5.5
    assert (new["process_after"] - new["turn_started_at"]).total_seconds() <= 2.0


def test_a_superseded_draft_is_never_shown(inbox: Inbox) -> None:
    """The customer would get two answers to one turn."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    (draft,) = inbox.claim()
    inbox.say(conversation, "two", by=customer)

    late = inbox.settle(draft)

    assert late == {
        "job_id": draft["job_id"], "settled": False, "outcome": "superseded", "message_id": None,
    }  # fmt: skip
    assert [row["sender_type"] for row in inbox.messages(conversation)] == ["user", "user"]


def test_a_message_after_the_cap_waits_for_the_running_turn(inbox: Inbox) -> None:
    """A customer who writes on and on would postpone the answer past its deadline."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    (running,) = inbox.claim(lease=5)
    inbox.let_pass(2.1)
    second = inbox.say(conversation, "two", by=customer)

    assert inbox.claim() == []
    assert inbox.settle(running)["outcome"] == "replied"
    (following,) = inbox.claim()
    assert following["turn_id"] == second["id"]
    assert following["user_message"] == "two"
    assert inbox.settle(following)["outcome"] == "replied"
    assert [row["sender_type"] for row in inbox.messages(conversation)] == [
        "user", "user", "ai", "ai",
    ]  # fmt: skip


def test_workers_hear_of_each_job(inbox: Inbox) -> None:
    """A turn would wait for the next poll."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    (running,) = inbox.claim(lease=5)
    inbox.let_pass(2.1)
    inbox.say(conversation, "two", by=customer)
    inbox.settle(running)

    turns = [row["payload"]["turn"] for row in inbox.events("inbox")][-3:]
    waiting = inbox.jobs(conversation)[-1]

    # The second turn was not claimable before the first one was settled.
    assert [turn["status"] for turn in turns] == ["pending", "processing", "pending"]
    assert turns[0]["job_id"] == turns[1]["job_id"] == str(running["job_id"])
    assert turns[2]["job_id"] == str(waiting["id"])
    assert {"job_id", "turn_id", "status", "process_after", "deadline"} <= turns[2].keys()


def test_concurrent_messages_have_gapless_positions_in_commit_order(
    inbox: Inbox, fresh_db: str
) -> None:
    """A client that reads on from a position would miss a message for ever."""
    customer = inbox.user()
    conversation = inbox.open(customer)

    def write(number: int) -> None:
        with Inbox(fresh_db) as own:
            for turn in range(5):
                own.say(conversation, f"{number}.{turn}", by=customer)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    rows = inbox.messages(conversation)

    assert [row["position"] for row in rows] == list(range(1, 41))
    assert rows == sorted(rows, key=lambda row: row["created_at"])
    assert inbox.conversation(conversation)["message_count"] == 40
    assert len([job for job in inbox.jobs(conversation) if job["status"] == "pending"]) == 1


def test_concurrent_first_messages_make_one_conversation(inbox: Inbox, fresh_db: str) -> None:
    """A customer with two open tabs would have two conversations with half of the messages each."""
    customer = inbox.user()

    def first(number: int) -> str:
        with Inbox(fresh_db) as own:
            return str(own.open(customer, f"message {number}"))

    with ThreadPoolExecutor(8) as pool:
        conversations = set(pool.map(first, range(8)))

    assert len(conversations) == 1
    assert inbox.one("select count(*) from public.messages")["count"] == 8
    assert inbox.one("select count(*) from public.customer_profiles")["count"] == 1


def test_a_position_is_given_and_not_taken(inbox: Inbox) -> None:
    """A client that chooses its place would write into the past, or leave a gap for ever."""
    conversation = inbox.open(inbox.user(), "one")
    row = inbox.one(
        "insert into public.messages (conversation_id, sender_type, content, position)"
        " values (%s, 'user', 'two', 99) returning position",
        conversation,
        by="service_role",
    )

    assert row["position"] == 2


def test_the_servers_clock_counts_and_the_clients_is_kept(inbox: Inbox) -> None:
    """A laptop with a wrong clock would write into the past."""
    customer = inbox.user()
    conversation = inbox.open(customer)
    row = inbox.one(
        "insert into public.messages (conversation_id, sender_type, content, created_at)"
        " values (%s, 'user', 'hi', '2001-02-03 04:05:06+00') returning *",
        conversation,
        by=customer,
    )

    assert row["created_at"].year > 2001
    assert row["metadata"]["sent_at"] == "2001-02-03T04:05:06+00:00"


def test_a_message_after_resolve_reopens_with_the_ai(inbox: Inbox) -> None:
    """A returning customer would write into a closed conversation, unanswered."""
    customer, agent = inbox.user(), inbox.user("agent")
    conversation = inbox.open(customer, "one")
    inbox.say(conversation, "I take this.", by=agent, sender="agent")
    inbox.run("select public.resolve_conversation(%s)", conversation, by=agent)
    resolved = inbox.conversation(conversation)
    inbox.say(conversation, "one more thing", by=customer)

    reopened = inbox.conversation(conversation)

    assert resolved["status"] == "resolved"
    assert resolved["resolved_at"] is not None
    assert reopened["status"] == "active"
    assert reopened["requires_human"] is False
    assert reopened["resolved_at"] is None
    assert [job["user_message"] for job in inbox.claim()] == ["one more thing"]
