"""What is learnt of a server: by its refusals, by answers that are none, and by nothing else."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from romashka_worker.responders import ResponderError, Turn
from romashka_worker.responders.openai import OpenAIResponder
from romashka_worker.responders.openai.abilities import Abilities
from romashka_worker.responders.openai.endpoint import Endpoint

from tests.worker.provider import (
    Asked,
    Behaviour,
    Provider,
    answers,
    beginning,
    ending,
    fails,
    refuses,
    sends,
    streams,
    token,
)
from tests.worker.servers import (
    ANSWER,
    DRAFT,
    PROSE,
    Server,
    form_of,
    has_system,
    is_told,
    says,
)
from tests.worker.turns import ITEM, REPLY, answer, job

LEAST = Abilities(form="words", has_system_role=False, counts_tokens=False)

pytestmark = pytest.mark.asyncio(loop_scope="module")


# ---- what a server lacks, however it says so

Lacks = Callable[[Asked], object]
"""Says by its truth whether a server lacks what it is asked for."""
TOO_LARGE = "response_format: the compiled grammar is too long for this model; not available"
LACKS: dict[str, tuple[Lacks, str, Abilities]] = {
    "json_schema": (
        lambda asked: form_of(asked) == "json_schema",
        "invalid response_format",
        Abilities(form="json_object"),
    ),
    "such a schema": (
        lambda asked: form_of(asked) == "json_schema",
        TOO_LARGE,
        Abilities(form="json_object"),
    ),
    "any form": (form_of, "response_format: extra fields", Abilities(form="words")),
    "stream_options": (
        lambda asked: "stream_options" in asked,
        "Unrecognized request argument supplied: stream_options",
        Abilities(counts_tokens=False),
    ),
    "the system role": (
        has_system,
        "Conversation roles must alternate user/assistant/user/assistant/...",
        Abilities(has_system_role=False),
    ),
    "streams": (
        lambda asked: asked["stream"],
        "Your organization must be verified to stream this model.",
        Abilities(streams=False),
    ),
}


def lacking(lacks: Lacks, status: int, message: str) -> Server:
    def server(asked: Asked) -> Behaviour:
        return refuses(status, says(message)) if lacks(asked) else answers(ANSWER)

    return server


@pytest.mark.parametrize("status", [400, 404, 415, 422, 424, 500, 501])
@pytest.mark.parametrize("is_said", [True, False], ids=["says why", "says nothing"])
@pytest.mark.parametrize("what", LACKS)
async def test_what_a_server_lacks_is_learnt_from_any_refusal(
    provider: Provider, endpoint: Endpoint, what: str, status: int, is_said: bool
) -> None:
    """Nothing else is lost with it: no schema because of a count of tokens."""
    lacks, message, abilities = LACKS[what]
    provider.is_like(lacking(lacks, status, message if is_said else "no"))

    assert await answer(endpoint) == REPLY
    assert endpoint.negotiation.known == abilities
    before = len(provider.requests)
    assert await answer(endpoint) == REPLY
    assert len(provider.requests) == before + 1


async def test_a_server_that_lacks_everything_is_asked_for_the_least(
    provider: Provider, endpoint: Endpoint
) -> None:
    """A model and messages: some take no more, and do not say so."""
    provider.is_like(
        lambda asked: (
            refuses(422, "Unprocessable Entity")
            if form_of(asked) or has_system(asked) or "stream_options" in asked
            else answers(ANSWER)
        )
    )

    assert await answer(endpoint) == REPLY
    assert endpoint.negotiation.known == LEAST


async def test_an_error_in_a_stream_says_as_much_as_a_status(
    provider: Provider, endpoint: Endpoint
) -> None:
    """SGLang answers 200 and reports what it refuses in the stream: sgl-project/sglang#21900."""
    error = {"object": "error", "message": "json_schema is not supported", "code": 400}

    def server(asked: Asked) -> Behaviour:
        is_refused = form_of(asked) == "json_schema"
        return streams(json.dumps(error), "[DONE]") if is_refused else answers(ANSWER)

    provider.is_like(server)

    assert await answer(endpoint) == REPLY
    assert endpoint.negotiation.known == Abilities(form="json_object")


async def test_what_has_been_learnt_is_kept_through_what_passes(
    provider: Provider, endpoint: Endpoint
) -> None:
    """The second try begins where the first one came to."""
    refused = refuses(400, says("json_schema is not supported"))
    provider.will(refused, fails(503), answers(ANSWER))

    assert await answer(endpoint) == REPLY
    assert endpoint.negotiation.known == Abilities(form="json_object")


async def test_an_outage_that_ends_while_everything_is_tried_teaches_nothing(
    provider: Provider, endpoint: Endpoint
) -> None:
    """A worker that was started in it would ask for the least for ever."""
    provider.will(*[fails(500)] * 9, answers(ANSWER))

    assert await answer(endpoint) == REPLY
    assert endpoint.negotiation.known == Abilities()


# ---- what is no inability

BUSY = {"code": 503, "message": "overloaded"}
TOLD = {  # ggml-org/llama.cpp#16109, sashabaranov/go-openai#1057, ogx-ai/ogx#5224, ...
    "in a field of its own": sends(f"error: {json.dumps(BUSY)}\n\n"),
    "by the event's name": sends(f"event: error\ndata: {json.dumps(BUSY)}\n\n"),
    "by the event's name, as a text": sends("event: error\ndata: Internal Server Error\n\n"),
    "by its type": streams(json.dumps({"type": "error", "code": "503"})),
    "as a detail": streams(json.dumps({"detail": "Service unavailable"})),
    "in the choice": streams(token(ANSWER[:40]), json.dumps({"choices": [{"error": BUSY}]})),
    "in a list": sends(json.dumps([{"error": BUSY}], indent=2), "application/json"),
    "as a text": sends(json.dumps({"error": "Model unloaded."}), "application/json"),
    "as a page": sends("<html>Just a moment ...</html>", "text/html; charset=utf-8"),
}
PASSING = {
    "500 once": (fails(500), answers(ANSWER)),
    "503 twice": (fails(503), fails(503), answers(ANSWER)),
    "500 while it streamed": (refuses(500, says("error while streaming")), answers(ANSWER)),
    "429": (fails(429, retry_after="0.1"), answers(ANSWER)),
    "429 that names a form": (refuses(429, says("response_format: too many")), answers(ANSWER)),
    "an error in the stream": (
        streams(token(None), json.dumps({"error": {"message": "overloaded", "code": 503}})),
        answers(ANSWER),
    ),
    "a stream that ends in the analysis": (streams(token(ANSWER[:40])), answers(ANSWER)),
    **{f"told {how}": (told_how, answers(ANSWER)) for how, told_how in TOLD.items()},
    **{
        f"an end called {reason}": (streams(token(ANSWER[:40]), *ending(reason)), answers(ANSWER))
        for reason in ("error", "abort", "insufficient_system_resource", "network_error")
    },
}


@pytest.mark.parametrize("behaviours", PASSING.values(), ids=PASSING)
async def test_what_passes_teaches_nothing(
    provider: Provider, endpoint: Endpoint, behaviours: tuple[Behaviour, ...]
) -> None:
    """A minute's trouble would cost a server its schema until the worker is restarted."""
    provider.will(*behaviours)

    assert await answer(endpoint) == REPLY
    assert endpoint.negotiation.known == Abilities()
    assert len(provider.requests) == len(behaviours)


FINAL = {
    "401": (401, says("Incorrect API key provided, in response_format or stream_options")),
    "402": (402, says("Insufficient credits")),
    "403": (403, says("json_schema is not for you")),
    "no such model": (404, says("The model `some-model` does not exist.")),
    "no such model, in Ollama": (404, says('model "some-model" not found, try pulling it first')),
    "a prompt that is too long": (
        400,
        says("This model's maximum context length is 8192 tokens", code="context_length_exceeded"),
    ),
    "a refusal": (200, "sensitive"),
    "a safety's end": (200, "SAFETY"),
    "a guardrail's": (200, "guardrail_intervened"),
    "an answer that is cut": (200, "max_tokens"),
    "a filter": (400, says("The response was filtered ...", code="content_filter")),
}


@pytest.mark.parametrize("refusal", FINAL.values(), ids=FINAL)
async def test_what_is_wrong_in_any_way_of_asking_is_asked_once(
    provider: Provider, endpoint: Endpoint, refusal: tuple[int, Any]
) -> None:
    """Ten requests with a wrong key are nine too many."""
    status, body = refusal
    is_end = status == 200
    provider.will(streams(token(ANSWER[:40]), *ending(body)) if is_end else refuses(status, body))
    with pytest.raises(ResponderError):
        await answer(endpoint)

    assert len(provider.requests) == 1
    assert endpoint.negotiation.known == Abilities()


async def test_a_server_that_has_answered_is_not_doubted_for_its_own_failures(
    provider: Provider, endpoint: Endpoint
) -> None:
    """Nor asked in ten ways while it is down."""
    provider.will(answers(ANSWER), fails(500))
    await answer(endpoint)
    with pytest.raises(ResponderError):
        await answer(endpoint)

    assert len(provider.requests) == 4
    assert endpoint.negotiation.known == Abilities()


# ---- answers that are none


async def test_a_form_that_is_ignored_is_asked_for_in_words(
    provider: Provider, endpoint: Endpoint
) -> None:
    """Nobody had told the model: no turn was ever answered, and the circuit opened."""
    provider.is_like(lambda asked: answers(ANSWER if is_told(asked) else PROSE))

    assert await answer(endpoint) == REPLY
    assert [form_of(asked) for asked in provider.requests] == ["json_schema", None]


async def test_long_prose_is_not_waited_for(provider: Provider, endpoint: Endpoint) -> None:
    """A model that knows of no form writes until the customer's time is over."""
    endless = streams(*(token(text) for text in PROSE.split(".")), None)
    provider.is_like(lambda asked: answers(ANSWER) if is_told(asked) else endless)

    assert await answer(endpoint) == REPLY


@pytest.mark.parametrize("start", ["", '{"intent": "question", '])
async def test_space_without_an_end_is_not_waited_for(
    provider: Provider, endpoint: Endpoint, start: str
) -> None:
    """A model fills what a grammar lets it, rather than write JSON: theroyallab/tabbyAPI#481."""
    endless = streams(token(start), *(token(" \n" * 20) for _ in range(20)), None)
    provider.is_like(lambda asked: endless if form_of(asked) else answers(ANSWER))

    assert await answer(endpoint) == REPLY
    assert endpoint.negotiation.known == Abilities(form="words")


async def test_what_no_time_is_left_for_is_done_in_the_next_turn(
    provider: Provider, endpoint: Endpoint
) -> None:
    """A slow model has written prose until the deadline; the next customer is answered."""
    provider.will(answers("No JSON."), streams(token("{"), None))
    with pytest.raises(ResponderError):
        await answer(endpoint, seconds=1)
    provider.requests.clear()
    provider.is_like(lambda asked: answers(ANSWER if is_told(asked) else "No JSON."))

    assert await answer(endpoint) == REPLY
    assert len(provider.requests) == 1


async def test_a_system_message_that_is_dropped_is_noticed(
    provider: Provider, endpoint: Endpoint
) -> None:
    """Some templates leave it out without a word: the model then sees no rules at all."""
    provider.is_like(
        lambda asked: answers(PROSE if has_system(asked) or not is_told(asked) else ANSWER)
    )

    assert await answer(endpoint) == REPLY
    assert endpoint.negotiation.known == Abilities(form="words", has_system_role=False)


async def test_a_stream_without_a_word_is_asked_for_as_a_whole(
    provider: Provider, endpoint: Endpoint
) -> None:
    """jjang-ai/vmlx#67: chunks come, and have no content."""
    provider.is_like(lambda asked: streams(*ending()) if asked["stream"] else answers(ANSWER))

    assert await answer(endpoint) == REPLY
    assert not endpoint.negotiation.known.streams


async def test_a_server_that_has_answered_is_doubted_after_two_slips(
    provider: Provider, endpoint: Endpoint
) -> None:
    """One bad answer of a thousand costs no schema; another model behind the name does."""
    provider.will(answers(ANSWER), answers("A slip."), answers(ANSWER))
    for _ in range(2):
        assert await answer(endpoint) == REPLY
    assert form_of(provider.requests[-1]) is None
    assert endpoint.negotiation.known == Abilities()

    provider.is_like(lambda asked: answers(ANSWER if is_told(asked) else PROSE))
    for _ in range(2):
        assert await answer(endpoint) == REPLY
    assert endpoint.negotiation.known == Abilities(form="words")


async def test_a_model_that_never_gives_an_answer_is_left_as_it_was(
    provider: Provider, endpoint: Endpoint
) -> None:
    """Three tries a turn, and none of them has taught anything."""
    provider.will(answers("I like wine."))
    for turns in (1, 2):
        with pytest.raises(ResponderError):
            await answer(endpoint)
        assert len(provider.requests) == 3 * turns

    assert endpoint.negotiation.known == Abilities()


@pytest.mark.parametrize("form", ["json_schema", "words"])
async def test_a_thought_that_looks_like_an_answer_is_not_shown(
    provider: Provider, endpoint: Endpoint, form: str
) -> None:
    """With its members, in its order, and at the very beginning, where nothing opens thoughts."""
    thought = f"They ask {{what}} it is.\n{DRAFT}" if form == "json_schema" else DRAFT

    def server(asked: Asked) -> Behaviour:
        if form == "words" and form_of(asked):
            return refuses(400, says("response_format"))
        return answers(f"{thought}\n</think>\n{ANSWER}")

    provider.is_like(server)

    assert [await answer(endpoint) for _ in range(2)] == [REPLY] * 2


async def test_what_a_server_has_shown_to_be_plain_is_shown_while_it_grows(
    provider: Provider, endpoint: Endpoint
) -> None:
    """Else nobody whose server has no JSON mode would see replies being written."""

    def server(asked: Asked) -> Behaviour:
        if form_of(asked):
            return refuses(400, says("response_format"))
        is_first = len(provider.requests) < 4
        return answers(ANSWER) if is_first else streams(token(beginning("It grows")), None)

    provider.is_like(server)
    assert await answer(endpoint) == REPLY
    draft = await OpenAIResponder(endpoint).draft(Turn(job(20), "en", (ITEM,)))

    assert await anext(draft.text) == "It grows"
    await draft.close()
