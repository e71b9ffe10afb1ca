"""An adopted database works: a whole turn, in a new conversation and in an old one."""

from uuid import UUID

from tests.database.inbox import Inbox

_OLD = UUID("e0000000-0000-4000-8000-000000000001")


def test_a_new_customer_is_answered(inbox: Inbox) -> None:
    """What everybody installs it for."""
    customer = inbox.user()
    conversation = inbox.open(customer, "Hello?")
    [job] = inbox.claim()
    settled = inbox.settle(job, "Hello!")

    assert settled["outcome"] == "replied"
    assert [row["content"] for row in inbox.messages(conversation)] == ["Hello?", "Hello!"]
    assert inbox.conversation(conversation)["message_count"] == 2


def test_an_old_conversation_goes_on(inbox: Inbox) -> None:
    """Its history is the answer's context, and its counts go on where the messages are."""
    customer = inbox.user()
    inbox.run(
        "with mine as (insert into public.customer_profiles (user_id) values (%s) returning id)"
        " update public.conversations set customer_id = mine.id from mine"
        " where conversations.id = %s",
        customer,
        _OLD,
    )
    said = inbox.say(_OLD, "And now?", by=customer)
    [job] = inbox.claim()
    inbox.settle(job, "Here.")

    history = [row["content"] for row in job["conversation_context"]["recent_messages"]]
    assert said["position"] == 4
    assert history == ["Hello", "", "Still there?", "And now?"]
    assert inbox.conversation(_OLD)["message_count"] == 5


def test_an_agent_takes_over_and_resolves(inbox: Inbox) -> None:
    """The chat widget's checks allowed neither agents nor these states."""
    agent = inbox.user("agent")
    inbox.say(_OLD, "I am here.", by=agent, sender="agent")
    taken = inbox.conversation(_OLD)
    inbox.run("select public.resolve_conversation(%s)", _OLD, by=agent)

    assert taken["requires_human"]
    assert inbox.conversation(_OLD)["status"] == "resolved"


def test_the_original_clients_calls_have_one_meaning(inbox: Inbox) -> None:
    """Two overloads that a call could mean are an error, in SQL as in REST."""
    inbox.open(inbox.user(), "Hello?")
    job = inbox.one("select * from public.get_next_ai_response_job()", by="service_role")
    settled = inbox.one(
        "select public.complete_ai_response_job(job_id => %s, ai_response => 'Hi.',"
        " confidence_score => 0.9, requires_human => false, processing_time_ms => 5,"
        " intent_detected => 'greeting', sentiment_detected => 'neutral',"
        " knowledge_sources => '[]') as settled",
        job["job_id"],
        by="service_role",
    )

    assert settled["settled"] is True


def test_accounts_can_be_deleted(inbox: Inbox) -> None:
    """The original kept whoever had ever written a message for ever."""
    inbox.say(_OLD, "I am here.", by=inbox.user("agent"), sender="agent")
    inbox.run("delete from auth.users")

    assert {row["sender_id"] for row in inbox.messages(_OLD)} == {None}
    assert inbox.conversation(_OLD)["assigned_agent_id"] is None
