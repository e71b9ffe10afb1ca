"""Every way in which a model provider fails: the customer is answered all the same, in time."""

import socket
import time

import pytest

from tests.worker.provider import (
    Behaviour,
    Provider,
    analysis,
    answers,
    beginning,
    fails,
    hangs,
    streams,
    token,
)
from tests.worker.turns import ROW, job, open_answerer

BEGUN = token(beginning("Half a sentence, and th"))
ENDLESS = (token(beginning("So it goes on, and ")), *(token("on, and " * 100) for _ in range(20)))

FAILURES = {
    "429": fails(429),
    "429 for long": fails(429, retry_after="60"),
    "500": fails(500),
    "503 until a date": fails(503, retry_after="Wed, 21 Oct 2037 07:28:00 GMT"),
    "401": fails(401),
    "404": fails(404),
    "400": fails(400),
    "a page instead of a stream": streams("<html>Bad gateway</html>"),
    "chunks that are none": streams("5", '["x"]'),
    "chunks of another kind": streams('{"choices": [{"index": 0}]}'),
    "an error in the stream": streams(token(None), '{"error": {"message": "overloaded"}}'),
    "nothing": streams("[DONE]"),
    "an empty text": answers(""),
    "a blank reply": answers(analysis(reply="  ")),
    "prose": answers("I would say that it is an inbox."),
    "another schema": answers('{"answer": "It is an inbox."}'),
    "no confidence": answers(analysis(confidence=None)),
    "a reply that is no text": answers(analysis(reply={"text": "It is an inbox."})),
    "JSON cut in the analysis": answers('{"intent": "question", "sent'),
    "JSON cut in the reply": streams(BEGUN, token(None, "length"), "[DONE]"),
    "a refusal": streams(token(None, refusal="I cannot help with that."), "[DONE]"),
    "a filter": streams(BEGUN, token(None, "content_filter"), "[DONE]"),
    "a reset before the answer": streams(is_whole=False),
    "a reset in the reply": streams(BEGUN, is_whole=False),
    "an endless reply": streams(*ENDLESS, None),
    "an endless analysis": streams(token('{"intent": "'), *(token("x" * 1500) for _ in range(20))),
    "its own rules as the reply": answers(
        analysis(reply="You answer customers of a team, in writing and on its behalf.")
    ),
}
HANGS = {
    "hangs before the answer": hangs(),
    "hangs in the analysis": streams(token('{"intent": "question", '), None),
    "hangs in the reply": streams(BEGUN, None),
}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
async def test_a_failed_model_is_replaced_by_the_knowledge_base(
    provider: Provider, failure: Behaviour
) -> None:
    """Half an answer must never reach a customer, nor a provider's error text, nor silence."""
    provider.will(failure)
    async with open_answerer(provider) as turns:
        answer = await turns.answer(job())

    assert (answer.action, answer.text) == ("reply", ROW["content"])
    assert answer.knowledge_sources == (ROW["id"],)
    assert provider.requests


@pytest.mark.parametrize("hanging", HANGS.values(), ids=HANGS)
async def test_a_provider_that_hangs_is_left_in_time(
    provider: Provider, hanging: Behaviour
) -> None:
    """The customer's six seconds do not wait for a model."""
    provider.will(hanging)
    async with open_answerer(provider) as turns:
        asked = job(seconds=1)
        answer = await turns.answer(asked)

    assert (answer.action, answer.text) == ("reply", ROW["content"])
    assert time.monotonic() < asked.deadline + 10  # a slow machine's; without the limit it is never
    assert len(provider.requests) <= 1


async def test_without_a_sure_item_a_failed_model_means_a_human(provider: Provider) -> None:
    """A guess in place of the model's answer would be worse than a colleague."""
    provider.will(fails(500))
    async with open_answerer(provider, rows=(ROW | {"score": 0.1, "similarity": 0.1},)) as turns:
        answer = await turns.answer(job(user_message="Which wine goes well with octopus?"))

    assert (answer.action, answer.reason, answer.text) == ("escalate", "ai_failure", None)
    assert answer.language == "en"


async def test_a_server_that_is_not_there_costs_no_answer() -> None:
    """A provider's outage begins with refused connections."""
    nobody = Provider()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody.url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    async with open_answerer(nobody) as turns:
        answer = await turns.answer(job())

    assert answer.text == ROW["content"]


@pytest.mark.parametrize(
    "failure", [fails(429), fails(429, retry_after="0.1"), fails(500), streams(is_whole=False)]
)
async def test_what_may_pass_is_tried_again(provider: Provider, failure: Behaviour) -> None:
    """Providers stumble; a second try is quicker than a human."""
    provider.will(failure, answers(analysis()))
    async with open_answerer(provider) as turns:
        answer = await turns.answer(job())

    assert answer.text == "It is an inbox."
    assert len(provider.requests) == 2


@pytest.mark.parametrize("failure", [fails(401), fails(429, retry_after="60")])
async def test_what_will_not_pass_is_not(provider: Provider, failure: Behaviour) -> None:
    """A wrong key is no better a second time, and who asks for a minute is left alone."""
    provider.will(failure, answers(analysis()))
    async with open_answerer(provider) as turns:
        answer = await turns.answer(job())

    assert answer.text == ROW["content"]
    assert len(provider.requests) == 1


async def test_an_endless_reply_of_sentences_ends_with_one(provider: Provider) -> None:
    """A message has a size; a model in a loop has none."""
    provider.will(streams(token(beginning("")), *(token("And on. " * 50) for _ in range(20)), None))
    async with open_answerer(provider) as turns:
        answer = await turns.answer(job())

    assert answer.action == "reply"
    assert 3000 < len(answer.text or "") <= 4000
    assert (answer.text or "").endswith("And on.")
