"""The question that the AI asks when it is unsure, and what a customer chooses."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database.inbox import Inbox, Row

ITEM = str(uuid4())
CHOICES = [
    {"label": "Returns", "item_id": ITEM},
    {"label": "Refunds", "item_id": str(uuid4())},
    {"label": "None of these", "item_id": None},
]


@pytest.fixture
def customer(inbox: Inbox) -> str:
    return inbox.user()


def ask(inbox: Inbox, customer: str) -> tuple[UUID, UUID]:
    """Have a customer asked; return the conversation's id and the question's."""
    conversation = inbox.open(customer, "one")
    [job] = inbox.claim()
    settled = inbox.settle(job, "Which one?", choices=CHOICES)
    return conversation, settled["message_id"]


def choose(inbox: Inbox, conversation: UUID, question: object, number: object, by: str) -> Row:
    metadata = {"choice": {"message_id": str(question), "number": number}}
    return inbox.one(
        "insert into public.messages (conversation_id, sender_type, content, metadata)"
        " values (%s, 'user', 'Returns', %s) returning *",
        conversation,
        json.dumps(metadata),
        by=by,
    )


def test_a_question_is_a_reply_with_what_it_offers(inbox: Inbox, customer: str) -> None:
    """One a turn, and the conversation stays the AI's."""
    conversation, question = ask(inbox, customer)
    message = inbox.messages(conversation)[-1]

    assert message["id"] == question
    assert (message["sender_type"], message["content"]) == ("ai", "Which one?")
    assert message["metadata"]["choices"] == CHOICES
    assert inbox.conversation(conversation)["requires_human"] is False


def test_a_choice_opens_a_turn_that_knows_it(inbox: Inbox, customer: str) -> None:
    """The worker learns what was offered, and which of it was tapped."""
    conversation, question = ask(inbox, customer)
    chosen = choose(inbox, conversation, question, 2, customer)
    [job] = inbox.claim()
    *_, asked, tapped = job["conversation_context"]["recent_messages"]

    assert chosen["metadata"] == {"choice": {"message_id": str(question), "number": 2}}
    assert [choice.get("item_id") for choice in asked["choices"]] == [
        choice["item_id"] for choice in CHOICES
    ]
    assert tapped["choice"] == chosen["metadata"]["choice"]
    assert "choices" not in tapped


def test_a_choice_that_comes_twice_changes_nothing(inbox: Inbox, customer: str) -> None:
    """A double tap is one answer."""
    conversation, question = ask(inbox, customer)
    choose(inbox, conversation, question, 1, customer)
    second = choose(inbox, conversation, question, 2, customer)
    [job] = inbox.claim()
    inbox.settle(job)
    third = choose(inbox, conversation, question, 1, customer)

    assert job["user_message"] == "Returns"
    assert second["metadata"]["choice"]["is_late"] is True
    assert third["metadata"]["choice"]["is_late"] is True
    assert inbox.claim() == []
    assert [row["content"] for row in inbox.messages(conversation)][-1] == "Returns", "it is stored"


@pytest.mark.parametrize("after", ["another answer", "an agent", "resolved"])
def test_a_choice_that_comes_late_changes_nothing(inbox: Inbox, customer: str, after: str) -> None:
    """An old button stays on the screen for as long as the conversation does."""
    conversation, question = ask(inbox, customer)
    if after == "another answer":
        inbox.say(conversation, "two", by=customer)
        [job] = inbox.claim()
        inbox.settle(job)
    else:
        agent = inbox.user("agent")
        inbox.say(conversation, "Hello", by=agent, sender="agent")
        inbox.run("select public.resolve_conversation(%s)", conversation, by=agent)
    before = inbox.conversation(conversation)
    choose(inbox, conversation, question, 1, customer)
    now = inbox.conversation(conversation)

    assert inbox.claim() == []
    assert (now["status"], now["requires_human"]) == (before["status"], before["requires_human"])


@pytest.mark.parametrize("number", [0, 4, 1.5, -1, "x", None, [1], {"a": 1}])
def test_a_choice_that_was_not_offered_is_none(inbox: Inbox, customer: str, number: object) -> None:
    """What it says is a message like any other."""
    conversation, question = ask(inbox, customer)
    message = choose(inbox, conversation, question, number, customer)

    assert message["metadata"] == {}
    assert len(inbox.claim()) == 1


def test_only_a_question_of_the_conversation_is_chosen_from(inbox: Inbox, customer: str) -> None:
    """Somebody else's question is none, nor is what a customer says of their own message."""
    _, others = ask(inbox, inbox.user())
    conversation, question = ask(inbox, customer)
    first = inbox.messages(conversation)[0]["id"]
    forged = [choose(inbox, conversation, who, 1, customer) for who in (others, first, "x", None)]
    by_agent = inbox.one(
        "insert into public.messages (conversation_id, sender_type, content, metadata)"
        " values (%s, 'agent', 'x', %s) returning metadata",
        conversation,
        json.dumps({"choice": {"message_id": str(question), "number": 1}}),
        by=inbox.user("agent"),
    )

    assert [message["metadata"] for message in forged] == [{}] * 4
    assert by_agent["metadata"] == {}


@pytest.mark.parametrize("choice", ["x", 1, None, [], {}, {"message_id": 1}, [{"number": 1}]])
def test_a_choice_of_any_form_is_stored_without_it(
    inbox: Inbox, customer: str, choice: object
) -> None:
    """No message is lost for what stands beside it."""
    conversation, _ = ask(inbox, customer)
    message = inbox.one(
        "insert into public.messages (conversation_id, sender_type, content, metadata)"
        " values (%s, 'user', 'x', %s) returning metadata",
        conversation,
        json.dumps({"choice": choice, "own": 1}),
        by=customer,
    )

    assert message["metadata"] == {"own": 1}


def test_nobody_is_asked_who_waits_for_a_human(inbox: Inbox, customer: str) -> None:
    """What the AI is not sure of gets no second hand-over, and no question."""
    conversation = inbox.open(customer, "one")
    [job] = inbox.claim()
    inbox.settle(job, None, action="escalate", reason="low_confidence")
    inbox.say(conversation, "two", by=customer)
    [job] = inbox.claim()
    settled = inbox.settle(job, "Which one?", choices=CHOICES)

    assert settled["outcome"] == "taken_over"
    assert inbox.messages(conversation)[-1]["sender_type"] == "user"
    assert inbox.conversation(conversation)["escalation_reason"] == "low_confidence"


def test_a_hand_over_says_what_was_asked(inbox: Inbox, customer: str) -> None:
    """Who chose "none of these" has said no more than that."""
    conversation = inbox.open(customer, "one")
    [job] = inbox.claim()
    inbox.settle(job, None, action="escalate", reason="low_confidence", asked="Where is it?")

    assert inbox.messages(conversation)[-1]["metadata"]["asked"] == "Where is it?"


@pytest.mark.parametrize(
    "wrong",
    [
        {"choices": []},
        {"choices": CHOICES[:1]},
        {"choices": CHOICES + CHOICES},
        {"choices": {"label": "x"}},
        {"choices": [{"label": ""}, {"label": "x"}]},
        {"choices": [{"label": 1}, {"label": "x"}]},
        {"choices": [{"label": "x", "item_id": "y"}, {"label": "x"}]},
        {"choices": ["x", "y"]},
        {"choices": CHOICES, "action": "escalate"},
        {"asked": "x"},
    ],
)
def test_what_is_no_question_is_refused(inbox: Inbox, customer: str, wrong: Row) -> None:
    """A screen would show a button without a word."""
    inbox.open(customer, "one")
    [job] = inbox.claim()
    result: dict[str, Any] = {
        "job_id": str(job["job_id"]),
        "attempt": job["attempt"],
        "action": "reply",
        "ai_response": "Which one?",
    }
    with pytest.raises(psycopg.Error) as refusal:
        inbox.run(
            "select * from public.complete_ai_response_jobs(%s)",
            json.dumps([result | wrong]),
            by="service_role",
        )

    assert refusal.value.diag.message_detail == "bad_results"


def test_a_turn_that_was_written_before_the_question_knows_of_it(
    inbox: Inbox, customer: str
) -> None:
    """Its worker would ask the next question without the first one's answer."""
    conversation = inbox.open(customer, "one")
    [job] = inbox.claim(lease=5)
    inbox.run(
        "update public.ai_response_queue set turn_started_at = turn_started_at - interval '3 s'"
    )
    inbox.say(conversation, "two", by=customer)
    inbox.settle(job, "Which one?", choices=CHOICES)
    [behind] = inbox.claim()
    inbox.settle(behind)
    inbox.say(conversation, "three", by=customer)
    [after] = inbox.claim()

    contexts = [one["conversation_context"] for one in (job, behind, after)]
    assert [context["was_asked_since"] for context in contexts] == [False, True, False]


@pytest.mark.parametrize("own", ["x", 1, [], {}, [1, 2], [{"text": "x"}, {"text": "y"}]])
def test_what_a_frontend_had_under_these_names_is_no_question(
    inbox: Inbox, customer: str, own: object
) -> None:
    """Rows of before may have keys of the same names; a worker reads them as ours."""
    conversation, _ = ask(inbox, customer)
    inbox.say(conversation, "two", by=customer)
    inbox.run(
        "update public.messages set metadata = jsonb_build_object(case sender_type when 'ai'"
        " then 'choices' else 'choice' end, %s::jsonb) where conversation_id = %s",
        json.dumps(own),
        conversation,
    )
    [job] = inbox.claim()

    rows = job["conversation_context"]["recent_messages"]
    assert [row.keys() & {"choices", "choice"} for row in rows] == [set()] * 3


def test_a_choice_that_came_while_a_human_had_it_is_answered_after(
    inbox: Inbox, customer: str
) -> None:
    """Nobody has said anything since the question: the tap is still its answer."""
    conversation, question = ask(inbox, customer)
    agent = inbox.user("agent")
    inbox.run("select public.take_over_conversation(%s)", conversation, by=agent)
    tapped = choose(inbox, conversation, question, 2, customer)
    during = inbox.claim()
    inbox.run("select public.return_conversation_to_ai(%s)", conversation, by=agent)
    [job] = inbox.claim()

    assert during == []
    *_, last = job["conversation_context"]["recent_messages"]
    assert (
        last["choice"] == tapped["metadata"]["choice"] == {"message_id": str(question), "number": 2}
    )


def test_of_two_choices_at_once_one_counts(fresh_db: str, inbox: Inbox, customer: str) -> None:
    """Two taps on two connections: the conversation's lock says which was first."""
    conversation, question = ask(inbox, customer)
    statement = (
        "insert into public.messages (conversation_id, sender_type, content, metadata)"
        " values (%s, 'user', 'x', %s) returning metadata"
    )

    def tap(number: int) -> Row:
        chosen = json.dumps({"choice": {"message_id": str(question), "number": number}})
        with Inbox(fresh_db) as another:
            return another.one(statement, conversation, chosen, by=customer)

    with ThreadPoolExecutor(4) as taps:
        rows = [*taps.map(tap, (1, 2, 3, 1))]

    late = [row["metadata"]["choice"].get("is_late") for row in rows]
    assert sorted(map(bool, late)) == [False, True, True, True]
    assert len(inbox.claim()) == 1
