"""A return to the AI leaves nobody in silence, and nothing goes in circles."""

from uuid import UUID

import pytest

from tests.database.inbox import Inbox, Row


@pytest.fixture
def agent(inbox: Inbox) -> str:
    return inbox.user("agent")


def _return(inbox: Inbox, conversation: UUID, agent: str) -> list[Row]:
    inbox.run("select public.return_conversation_to_ai(%s)", conversation, by=agent)
    return inbox.claim()


def test_what_the_customer_wrote_meanwhile_is_answered(inbox: Inbox, agent: str) -> None:
    """Sixteen of 228 customers of a soak test were answered by nobody."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    inbox.run("select public.take_over_conversation(%s)", conversation, by=agent)
    inbox.say(conversation, "two", by=customer)
    assert inbox.claim() == []
    [job] = _return(inbox, conversation, agent)

    turns = [row["turn_id"] for row in inbox.jobs(conversation)]
    assert len(set(turns)) == 2, "the one that was taken over has ended for every screen"
    assert job["user_message"] == "one\ntwo"
    assert job["budget_ms"] > 5_000, "its time counts from the return"
    assert inbox.settle(job)["outcome"] == "replied"
    assert inbox.claim() == []


def test_a_conversation_in_which_the_agent_has_the_last_word_stays_quiet(
    inbox: Inbox, agent: str
) -> None:
    """A second answer beside the agent's own."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    inbox.say(conversation, "I have looked into it.", by=agent, sender="agent")

    assert _return(inbox, conversation, agent) == []
    inbox.say(conversation, "two", by=customer)
    assert [job["user_message"] for job in inbox.claim()] == ["two"]


def test_only_what_came_after_the_last_answer_is_asked(inbox: Inbox, agent: str) -> None:
    """What an agent has answered is not answered again."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    inbox.say(conversation, "Done.", by=agent, sender="agent")
    inbox.say(conversation, "Thanks! And two?", by=customer)

    assert [job["user_message"] for job in _return(inbox, conversation, agent)] == [
        "Thanks! And two?"
    ]


def test_a_hand_over_is_no_answer(inbox: Inbox, agent: str) -> None:
    """The customer was promised a human; the human gives the question back: the AI answers it."""
    conversation = inbox.open(inbox.user(), "one")
    inbox.settle(inbox.claim()[0], None, action="escalate", reason="human_requested")
    [job] = _return(inbox, conversation, agent)
    inbox.settle(job, "An answer.")

    said = inbox.messages(conversation)
    assert [message["sender_type"] for message in said] == ["user", "ai", "ai"]
    assert job["conversation_context"]["written_since_return"] == ""


def test_what_is_written_after_the_return_is_told_apart(inbox: Inbox, agent: str) -> None:
    """Guards look at that alone: else "I want a human" of before would call one again."""
    customer = inbox.user()
    conversation = inbox.open(customer, "I want a human")
    inbox.run("select public.take_over_conversation(%s)", conversation, by=agent)
    inbox.run("select public.return_conversation_to_ai(%s)", conversation, by=agent)
    inbox.say(conversation, "Well, what are your hours?", by=customer)
    inbox.let_pass(1)
    [job] = inbox.claim()

    assert job["user_message"] == "I want a human\nWell, what are your hours?"
    since = job["conversation_context"]["written_since_return"]
    assert since == "Well, what are your hours?"


def test_an_inbox_that_sets_the_column_returns_too(inbox: Inbox, agent: str) -> None:
    """Existing frontends know no function for it."""
    conversation = inbox.open(inbox.user(), "one")
    inbox.run("select public.take_over_conversation(%s)", conversation, by=agent)
    inbox.run(
        "update public.conversations set requires_human = false where id = %s",
        conversation,
        by=agent,
    )

    assert [job["user_message"] for job in inbox.claim()] == ["one"]


def test_resolving_opens_nothing(inbox: Inbox, agent: str) -> None:
    """A resolved conversation is at rest until its customer writes."""
    conversation = inbox.open(inbox.user(), "one")
    inbox.run("select public.take_over_conversation(%s)", conversation, by=agent)
    inbox.run("select public.resolve_conversation(%s)", conversation, by=agent)

    assert inbox.claim() == []


def test_a_returned_turn_keeps_its_mark_when_the_customer_writes_on(
    inbox: Inbox, agent: str
) -> None:
    """The draft is superseded; what a human has seen stays what a human has seen."""
    customer = inbox.user()
    conversation = inbox.open(customer, "I want a human")
    inbox.run("select public.take_over_conversation(%s)", conversation, by=agent)
    assert len(_return(inbox, conversation, agent)) == 1
    inbox.say(conversation, "Please hurry", by=customer)
    inbox.let_pass(1)
    [job] = inbox.claim()

    assert job["conversation_context"]["written_since_return"] == "Please hurry"


def test_a_conversation_of_which_only_a_file_waits_is_returned(inbox: Inbox, agent: str) -> None:
    """A picture without a word has no text to ask with."""
    customer = inbox.user()
    conversation = inbox.open(customer)
    inbox.run("select public.take_over_conversation(%s)", conversation, by=agent)
    inbox.run(
        "insert into public.messages (conversation_id, sender_type, content, media_url)"
        " values (%s, 'user', '', %s)",
        conversation,
        f"{conversation}/a.png",
        by=customer,
    )

    assert [job["user_message"] for job in _return(inbox, conversation, agent)] == [""]


def test_what_was_written_while_a_reply_was_made_is_not_lost(inbox: Inbox, agent: str) -> None:
    """The reply stands behind it, and is not about it."""
    customer = inbox.user()
    conversation = inbox.open(customer, "one")
    [running] = inbox.claim(lease=5)
    inbox.let_pass(2.1)
    inbox.say(conversation, "two", by=customer)
    inbox.settle(running, "About one.")
    inbox.run("select public.take_over_conversation(%s)", conversation, by=agent)

    assert [job["user_message"] for job in _return(inbox, conversation, agent)] == ["two"]
