"""Servers of models as they are: each answers the first turn, and the second without a detour."""

import re
from typing import Any

import pytest
from romashka_worker.doctor.models import _look_at
from romashka_worker.responders.openai.abilities import Abilities
from romashka_worker.responders.openai.endpoint import Endpoint
from romashka_worker.settings import ModelSettings
from starlette.requests import Request
from starlette.responses import Response

from tests.support.stacks import ROOT
from tests.worker.provider import MODEL, Provider, answers, ending, serving, token
from tests.worker.servers import ANSWER, PROSE, SERVERS
from tests.worker.turns import REPLY, answer

PAGE = (ROOT / "docs" / "models.md").read_text()

pytestmark = pytest.mark.asyncio(loop_scope="module")


def told(row: str) -> Abilities:
    """Return what a row of the page says of its server."""
    form, rules, tokens, streamed = (cell.strip() for cell in row.split("|")[2:6])
    forms = {"schema": "json_schema", "JSON object": "json_object", "words": "words"}
    form_name: Any = forms[form]
    return Abilities(form_name, rules == "system", tokens == "yes", streamed == "yes")


def rows() -> dict[str, str]:
    table = PAGE.split("\n| server |")[1].split("\n\n")[0].splitlines()[2:]
    return {row.split("|")[1].strip(): row for row in table}


async def test_the_page_names_every_server_that_is_tried() -> None:
    """Its table is what an operator chooses a server by."""
    assert list(rows()) == list(SERVERS)


@pytest.mark.parametrize("name", SERVERS)
async def test_a_server_answers_the_first_turn_and_the_second_without_a_detour(
    provider: Provider, endpoint: Endpoint, name: str
) -> None:
    """As the page says it does. What the model thinks is never seen."""
    provider.is_like(SERVERS[name])
    first = await answer(endpoint)
    detours = len(provider.requests) - 1
    second = await answer(endpoint)

    assert (first, second) == (REPLY, REPLY)
    assert len(provider.requests) == detours + 2
    assert endpoint.negotiation.known == told(rows()[name])


# ---- what doctor says of them

SAID = {
    "vLLM": "; takes a JSON schema",
    "llama.cpp, schema ignored": "; is asked for JSON in words",
    "LM Studio": "; takes a JSON schema",
    "llama.cpp, grammar fails": "; takes no schema, but JSON objects",
    "SGLang with Gemma 2": "; takes a JSON schema, takes no system message",
    "Mistral": "; takes a JSON schema, counts no tokens in streams",
    "Groq": "; takes a JSON schema, does not stream",
}


@pytest.mark.parametrize("name", SAID)
async def test_doctor_asks_once_and_says_what_a_server_can(provider: Provider, name: str) -> None:
    """Before a customer does."""
    provider.is_like(SERVERS[name])
    found = await _look_at(ModelSettings("primary", provider.url, None, MODEL))
    forms = [asked["messages"][-1]["content"] for asked in provider.requests]

    assert (found.state, found.says) == ("ok", f"{MODEL} at {provider.url}/{SAID[name]}")
    assert all('"message": "Hello!"' in form for form in forms)  # one question, and its detours


async def test_doctor_finds_a_model_that_gives_no_answer(provider: Provider) -> None:
    """Its list of models is no promise."""
    provider.will(answers(PROSE))
    found = await _look_at(ModelSettings("primary", provider.url, None, MODEL))

    assert found.state == "problem"
    assert found.says.endswith("the model gave no answer; MalformedAnswer")


async def test_doctor_asks_a_server_that_tells_no_models() -> None:
    """Some have no such route, and answer all the same."""
    body = "".join(f"data: {event}\n\n" for event in (token(ANSWER), *ending()))

    def handler(request: Request) -> Response:
        is_question = request.url.path.endswith("/chat/completions")
        return Response(body if is_question else "no such route", 200 if is_question else 404)

    async with serving(handler) as url:
        found = await _look_at(ModelSettings("primary", url, None, MODEL))

    assert (found.state, found.says) == ("ok", f"{MODEL} at {url}/; takes a JSON schema")


async def test_the_page_says_what_is_remembered_by_its_names() -> None:
    """The log's `model.learnt` has them."""
    assert {*re.findall(r"`(\w+)`", PAGE)} >= {*Abilities.__slots__}
