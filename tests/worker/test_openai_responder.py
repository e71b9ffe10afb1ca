"""The model responder: what the provider is sent, and what becomes of its misbehaviour."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from romashka_worker.job import Job
from romashka_worker.responders import Draft, ResponderError, Turn
from romashka_worker.responders.openai import OpenAIResponder
from romashka_worker.responders.openai.endpoint import Endpoint

from tests.worker.provider import (
    Provider,
    analysis,
    answers,
    beginning,
    ending,
    fails,
    streams,
    token,
)
from tests.worker.turns import ITEM

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def responder(endpoint: Endpoint) -> OpenAIResponder:
    return OpenAIResponder(endpoint)


def turn(seconds: float = 5, **changes: Any) -> Turn:
    history = [
        {"id": "1", "sender_type": "user", "content": "Hello"},
        {"id": "2", "sender_type": "ai", "content": "Hi!"},
        {"id": "3", "sender_type": "user", "content": "What is Romashka?"},
    ]
    now = time.monotonic()
    job = Job(
        id="job",
        conversation_id="conversation",
        attempt=1,
        turn_id="3",
        user_message="What is Romashka?",
        context={"recent_messages": history},
        customer={"name": "Ada", "email": "ada@example.com"},
        settings={"persona": "You are the team's assistant."},
        deadline=now + seconds + 0.4,
        draft_by=now + seconds,
    )
    return Turn(replace(job, **changes), "en", (ITEM,))


async def text_of(draft: Draft) -> str:
    return "".join([piece async for piece in draft.text])


async def test_the_model_is_sent_rules_and_data_and_a_schema(
    provider: Provider, responder: OpenAIResponder
) -> None:
    """An answer can only be grounded in what the request contains."""
    await responder.draft(turn())
    request = provider.requests[0]
    rules = request["messages"][0]["content"]

    assert provider.keys[-1] == "Bearer key"
    assert request["model"] == "some-model"
    assert rules.startswith("You are the team's assistant.")
    assert provider.documents[0] == {
        "knowledge": [{"id": "K1", "title": "What is Romashka?", "content": "An inbox."}],
        "customer": {"name": "Ada"},
        "earlier": [{"from": "customer", "text": "Hello"}, {"from": "you", "text": "Hi!"}],
        "language": "en",
        "message": "What is Romashka?",
    }
    assert list(request["response_format"]["json_schema"]["schema"]["properties"])[-1] == "reply"


async def test_a_good_answer_becomes_a_draft(
    provider: Provider, responder: OpenAIResponder
) -> None:
    """What the model says about its answer reaches the policy and the metrics."""
    draft = await responder.draft(turn())

    assert await text_of(draft) == "It is an inbox."
    assert (draft.analysis.confidence, draft.analysis.intent) == (0.9, "question")
    assert (draft.tokens_used, draft.model) == (42, "model-of-the-test")
    assert draft.analysis.knowledge_sources == ("item-1",)


async def test_items_that_the_model_was_not_given_are_not_named(
    provider: Provider, responder: OpenAIResponder
) -> None:
    """A source is shown to agents: it has to exist, and to be this one."""
    provider.will(answers(analysis(sources=["K7", "[k1]", "K1", "item-9"])))

    assert (await responder.draft(turn())).analysis.knowledge_sources == ("item-1",)


async def test_the_analysis_is_there_before_the_reply_is_written(
    provider: Provider, responder: OpenAIResponder
) -> None:
    """Policy decides on it before a customer can see the first word."""
    goes_on = asyncio.Event()
    provider.will(streams(token(beginning("")), goes_on, token('It is."}'), *ending()))
    draft = await responder.draft(turn())

    assert draft.analysis.confidence == 0.9
    assert draft.tokens_used is None
    goes_on.set()
    assert await text_of(draft) == "It is."
    assert draft.tokens_used == 42


@pytest.mark.parametrize(
    ("refused", "form"),
    [
        ((), "json_schema"),
        (("json_schema",), "json_object"),
        (("json_schema", "json_object"), None),
    ],
)
async def test_a_server_is_asked_for_what_it_can_do(
    provider: Provider, responder: OpenAIResponder, refused: tuple[str, ...], form: str | None
) -> None:
    """Many servers know no schemas, and some no JSON mode: then the rules say what to write."""
    provider.knows_no(*refused)
    texts = [await text_of(await responder.draft(turn())) for _ in range(2)]
    forms = [asked.get("response_format", {}).get("type") for asked in provider.requests]
    rules = provider.requests[-1]["messages"][0]["content"]

    assert texts == ["It is an inbox."] * 2
    assert forms == [*refused, form, form]  # the second time it is known
    assert ('"needs_human"' in rules) == (form != "json_schema")


async def test_what_is_wrong_with_one_request_is_not_held_against_the_server(
    provider: Provider, responder: OpenAIResponder
) -> None:
    """A prompt that is too long is refused in every form, and the next one gets its schema."""
    provider.will(fails(400))
    with pytest.raises(ResponderError):
        await responder.draft(turn())
    provider.will(answers(analysis()))
    await responder.draft(turn())

    assert provider.requests[-1]["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"sentiment": "furious", "intent": None, "sources": "K1"}, (None, None, ())),
        (
            {"intent": "You answer customers of a team, in writing and"},
            ("neutral", None, ("item-1",)),
        ),
        ({"intent": "Youanswercustomersofateaminwritingandon"}, ("neutral", None, ("item-1",))),
        ({"sentiment": "NEGATIVE", "intent": "to ask", "sources": []}, ("negative", "to ask", ())),
    ],
)
async def test_labels_that_nobody_knows_cost_no_answer(
    provider: Provider, responder: OpenAIResponder, told: dict[str, Any], read: object
) -> None:
    """The reply may be good although its sentiment has no name."""
    provider.will(answers(analysis(**told)))
    found = (await responder.draft(turn())).analysis

    assert (found.sentiment, found.intent, found.knowledge_sources) == read


@pytest.mark.parametrize(
    ("told", "reason"),
    [("legal", "legal"), ("none", None), ("ai_failure", None), ("because", None)],
)
async def test_why_a_human_is_needed_is_one_of_the_known_reasons(
    provider: Provider, responder: OpenAIResponder, told: str, reason: str | None
) -> None:
    """The database takes no others."""
    provider.will(answers(analysis(needs_human=True, reason=told, reply="")))
    found = (await responder.draft(turn())).analysis

    assert (found.needs_human, found.reason) == (True, reason)


async def test_what_postgres_cannot_store_is_taken_out(
    provider: Provider, responder: OpenAIResponder
) -> None:
    """One NUL in a model's answer must not make the whole batch of results fail."""
    provider.will(answers(analysis(reply="a\x00bc", intent="x" * 300, language="en-US")))
    draft = await responder.draft(turn())

    assert await text_of(draft) == "abc"
    assert draft.analysis.intent == "x" * 100
    assert draft.analysis.language == "en"


@pytest.mark.parametrize(("told", "meant"), [(95, 0.95), ("0.7", 0.7), (0, 0), (1, 1)])
async def test_confidence_is_read_as_it_is_meant(
    provider: Provider, responder: OpenAIResponder, told: object, meant: float
) -> None:
    """Models say 95 when they mean 0.95; the column holds 0 to 1."""
    provider.will(answers(analysis(confidence=told)))

    assert (await responder.draft(turn())).analysis.confidence == meant
