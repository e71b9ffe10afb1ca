"""A passing failure of the project is waited for: by a turn's search, and by a starting worker."""

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY
from romashka import AsyncRomashka
from romashka_worker.knowledge import KnowledgeBase
from romashka_worker.model_client import open_client
from romashka_worker.responders.openai import OpenAIResponder
from romashka_worker.responders.openai.endpoint import Endpoint
from romashka_worker.turn import TurnAnswerer
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from tests.support.gateway import Gateway, cut, hang, open_gateway
from tests.support.stacks import RunningStack
from tests.worker.provider import Provider, analysis, answers, open_provider
from tests.worker.turns import LANGUAGES, ROW, job
from tests.worker.worker_process import run_worker, start_worker


def says(status: int, code: str, message: str) -> Response:
    error = {"code": code, "message": message, "details": None, "hint": None}
    return JSONResponse(error, status)


Fault = Callable[[], Response]
FAULTS: dict[str, Fault] = {
    "no connection in the pool": lambda: says(504, "PGRST003", "Timed out acquiring connection"),
    "no database": lambda: says(503, "PGRST001", "Could not connect with the database"),
    "no schema yet": lambda: says(503, "PGRST002", "Could not query the database for the schema"),
    "a gateway's page": lambda: HTMLResponse("<html>502 Bad Gateway</html>", 502),
    "another gateway's page": lambda: HTMLResponse("<html>One moment, please</html>", 200),
    "an edge that is busy": lambda: HTMLResponse("error code: 522", 522),
    "a cancelled statement": lambda: says(500, "57014", "canceling statement due to timeout"),
    "a server that stops": lambda: says(503, "57P01", "terminating connection"),
    "a tie": lambda: says(500, "40P01", "deadlock detected"),
    "a cut": cut,
    "a connection that hangs": hang,
    "a portal": lambda: RedirectResponse("http://127.0.0.1:9/login"),
    "half of an answer": lambda: Response('[{"id": "x"', media_type="application/json"),
    "nothing": lambda: Response("", media_type="application/json"),
    "null": lambda: JSONResponse(None),
    "an object": lambda: JSONResponse({"message": "no healthy upstream"}),
    "rows of somebody else": lambda: JSONResponse([{"message": "no healthy upstream"}]),
    "a gateway's limit": lambda: JSONResponse({"message": "API rate limit exceeded"}, 429),
    "a gateway's refusal": lambda: HTMLResponse("<html>403 Forbidden</html>", 403),
    "a gateway's 404": lambda: JSONResponse({"message": "no Route matched with those values"}, 404),
    "no such key for now": lambda: JSONResponse({"message": "Invalid API key", "hint": "x"}, 401),
    "a lost connection": lambda: says(503, "08006", "connection failure"),
    "too many connections": lambda: says(503, "53300", "too many clients"),
    "an internal error": lambda: says(500, "XX000", "cache lookup failed"),
    "a plan of before": lambda: says(400, "0A000", "cached plan must not change result type"),
    "read only": lambda: says(405, "25006", "cannot execute UPDATE in a read-only transaction"),
    "a key from the future": lambda: says(401, "PGRST303", "JWT issued at future"),
}


@asynccontextmanager
async def answering(
    gateway: Gateway, provider: Provider | None = None
) -> AsyncIterator[TurnAnswerer]:
    async with AsyncRomashka.connect(gateway.url, "a.service.key") as client:
        base = KnowledgeBase(client)
        if provider is None:
            yield TurnAnswerer(base, None, (), LANGUAGES)
            return
        async with open_client(provider.url, "key") as http:
            models = [OpenAIResponder(Endpoint(http, "some-model"))]
            yield TurnAnswerer(base, None, models, LANGUAGES)


def searches(result: str) -> float:
    return REGISTRY.get_sample_value("romashka_searches_total", {"result": result}) or 0.0


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_search_that_fails_for_a_moment_is_made_again(fault: Fault) -> None:
    """The turn was handed over, with four and a half seconds left."""
    async with open_gateway(answer=[ROW]) as gateway, answering(gateway) as turns:
        gateway.will("search_knowledge", fault())
        answer = await turns.answer(job())

    assert (answer.action, answer.text) == ("reply", ROW["content"])
    assert gateway.asked == ["search_knowledge"] * 2


@pytest.mark.parametrize(
    "refusal",
    [
        lambda: says(404, "PGRST202", "Could not find the function"),
        lambda: says(403, "42501", "permission denied"),
        lambda: says(400, "22P02", "invalid input"),
    ],
)
async def test_a_refusal_is_not_asked_for_again(refusal: Fault) -> None:
    """It would be the same, and the customer waits."""
    async with open_gateway(answer=[ROW]) as gateway, answering(gateway) as turns:
        gateway.will("search_knowledge", refusal())
        answer = await turns.answer(job())

    assert (answer.action, answer.reason) == ("escalate", "ai_failure")
    assert gateway.asked == ["search_knowledge"]


async def test_a_search_is_not_waited_for_longer_than_a_model_can() -> None:
    """A model without knowledge answers a greeting; what it cannot know is nobody's scope."""
    before = searches("ok"), searches("failed")
    async with open_provider() as provider, open_gateway(answer=[ROW]) as gateway:
        async with answering(gateway, provider) as turns:
            gateway.will("search_knowledge", *(FAULTS["a gateway's page"]() for _ in range(99)))
            provider.will(answers(analysis(reply="Hello!")))
            hello = await turns.answer(job(user_message="Hello, can you hear me over there?"))
            unsure = analysis(needs_human=True, reason="out_of_scope", confidence=0.2)
            provider.will(answers(unsure))
            question = await turns.answer(job())
            # What a model is to a turn shows no breaker; that it is closed is what this is about.
            calls = turns._models[0]._endpoint.breaker.lets_pass  # type: ignore[attr-defined]  # a breaker shows nothing else

    assert (hello.action, hello.text) == ("reply", "Hello!")
    assert (question.action, question.reason) == ("escalate", "low_confidence")
    assert len(provider.requests) == 2
    assert calls
    assert (searches("ok") - before[0], searches("failed") - before[1]) == (0, 2)


@pytest.mark.parametrize(
    "names",
    [
        ("a gateway's page", "another gateway's page"),
        ("a key from the future", "a key from the future"),
        ("a cut", "a cut"),
    ],
    ids=("pages", "a key from the future", "a cut"),
)
async def test_a_worker_that_starts_waits_for_what_passes(
    stack: RunningStack, names: tuple[str, ...]
) -> None:
    """It ended, and whoever deployed it looked for a wrong key."""
    async with open_gateway(stack.api_url) as gateway:
        gateway.will("get_romashka_installation", *(FAULTS[name]() for name in names))
        async with run_worker(stack, gateway.url) as worker:
            assert await worker.end(signal.SIGTERM) == 0

    assert gateway.asked.count("get_romashka_installation") == 3


async def test_a_key_that_stays_refused_ends_a_worker_that_starts(stack: RunningStack) -> None:
    """Soon, and with the setting's name."""
    async with open_gateway(stack.api_url) as gateway:
        refused = (FAULTS["a key from the future"]() for _ in range(9))
        gateway.will("get_romashka_installation", *refused)
        key = stack.service_role_key
        process = await start_worker(
            {"SUPABASE_URL": gateway.url, "SUPABASE_SERVICE_ROLE_KEY": key}
        )
        _, said = await process.communicate()

    assert process.returncode == 2
    assert b"SUPABASE_SERVICE_ROLE_KEY is not the project's service role key" in said
