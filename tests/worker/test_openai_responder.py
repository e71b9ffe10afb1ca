"""The model responder: what the provider is sent, and what becomes of its misbehaviour."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from openai import AsyncOpenAI
from romashka_worker.job import Job
from romashka_worker.knowledge import KnowledgeItem
from romashka_worker.responders import Draft, ResponderError, Turn
from romashka_worker.responders.openai import OpenAIResponder
from romashka_worker.responders.openai.endpoint import Endpoint

from tests.worker.provider import (
    Behaviour,
    Provider,
    analysis,
    answers,
    fails,
    hangs,
    open_provider,
)

ITEM = KnowledgeItem("item-1", "What is Romashka?", "An inbox.", "en", 0.9)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with open_provider() as running:
        yield running


@pytest.fixture
async def responder(provider: Provider) -> AsyncIterator[OpenAIResponder]:
    async with AsyncOpenAI(api_key="key", base_url=provider.url, max_retries=0) as client:
        yield OpenAIResponder(Endpoint(client, "some-model"))


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

    assert provider.keys == ["Bearer key"]
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


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_one_failure_of_the_provider_is_tried_again(
    provider: Provider, responder: OpenAIResponder, status: int
) -> None:
    """Providers stumble; a second try is quicker than a human."""
    provider.will(fails(status), answers(analysis()))

    assert await text_of(await responder.draft(turn())) == "It is an inbox."
    assert len(provider.requests) == 2


@pytest.mark.parametrize(
    "behaviour",
    [
        fails(429),
        fails(500),
        fails(401),
        answers('{"intent": "question", "repl', finish_reason="length"),
        answers('{"intent": "question", "repl'),
        answers("I would say that it is an inbox."),
        answers(analysis(confidence="rather")),
        answers(""),
    ],
    ids=["429", "500", "401", "cut", "truncated", "prose", "schema", "empty"],
)
async def test_what_is_not_an_answer_is_an_error(
    provider: Provider, responder: OpenAIResponder, behaviour: Behaviour
) -> None:
    """Half an answer must never reach a customer, nor a provider's error text."""
    provider.will(behaviour)
    with pytest.raises(ResponderError):
        await text_of(await responder.draft(turn()))


async def test_a_provider_that_hangs_is_left_in_time(
    provider: Provider, responder: OpenAIResponder
) -> None:
    """The customer's six seconds do not wait for a model."""
    provider.will(hangs())
    started = time.monotonic()
    with pytest.raises(ResponderError):
        await responder.draft(turn(seconds=0.3))

    assert time.monotonic() - started < 1
    assert len(provider.requests) == 1


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
