"""A model's endpoint is not ours: whatever it sends, the worker keeps its memory and answers."""

import gzip
import json
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from romashka_worker.doctor.models import _look_at
from romashka_worker.embeddings import EmbeddingError
from romashka_worker.embeddings.choice import open_embedder
from romashka_worker.model_client import open_client
from romashka_worker.settings import EmbeddingSettings, ModelSettings
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from tests.worker.provider import (
    Behaviour,
    Handler,
    Provider,
    analysis,
    answers,
    beginning,
    ending,
    fails,
    open_provider,
    serving,
    streams,
    token,
)
from tests.worker.turns import ROW, job, open_answerer

MEGABYTE = 1024 * 1024
ENDLESS_MEGABYTES = 64

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Provider]:
    async with open_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.requests.clear()
    running.keys.clear()
    return running


def redirects(to: str, status: int) -> Behaviour:
    async def behave() -> Response:
        return RedirectResponse(to, status)

    return behave


def sends(start: bytes, piece: bytes, *, kind: str = "text/event-stream") -> Behaviour:
    """Send that piece again and again: more than anybody can want to keep."""

    async def behave() -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield start
            for _ in range(ENDLESS_MEGABYTES * MEGABYTE // len(piece)):
                yield piece

        return StreamingResponse(body(), media_type=kind)

    return behave


def packed() -> Behaviour:
    """Send a little that becomes very much."""

    content = gzip.compress(b"data: " + b" " * ENDLESS_MEGABYTES * MEGABYTE)

    async def behave() -> Response:
        headers = {"Content-Encoding": "gzip"}
        return Response(content, media_type="text/event-stream", headers=headers)

    return behave


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(provider: Provider, status: int) -> None:
    """It would take the key, or the customer's words, to a server that nobody named."""
    async with open_provider() as other:
        provider.will(redirects(f"{other.url}/chat/completions", status))
        async with open_answerer(provider) as turns:
            answer = await turns.answer(job())

        assert other.requests == []
        assert other.keys == []
    assert answer.text == ROW["content"]  # the knowledge base's
    assert len(provider.requests) == 1


ENDLESS = {
    "one line": sends(b"data: ", b"x" * 65536),
    "a line of nothing that is read": sends(b": ", b"x" * 65536),
    "one event of many lines": sends(b"", b"data: " + b"x" * 1000 + b"\n"),
    "comments": sends(b"", b": " + b"x" * 1000 + b"\n\n"),
    "tokens before the answer": sends(b"", f"data: {token('so, ' * 100)}\n\n".encode()),
    "thoughts": sends(
        f"data: {token('<think>')}\n\n".encode(), f"data: {token('so, ' * 100)}\n\n".encode()
    ),
    "a member before the reply": sends(
        f"data: {token('{')}\n\n".encode(), f"data: {token(' ' * 400)}\n\n".encode()
    ),
    "a body that is no stream": sends(b"", b"x" * 65536, kind="application/json"),
    "a packed line": packed(),
}


@pytest.mark.parametrize("endless", ENDLESS.values(), ids=ENDLESS)
async def test_an_answer_without_an_end_is_not_kept(provider: Provider, endless: Behaviour) -> None:
    """One such answer at each of a hundred slots ends the process, and all its turns."""
    provider.will(endless, fails(401))
    async with open_answerer(provider) as turns:
        tracemalloc.start()
        try:
            answer = await turns.answer(job(seconds=60))
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert answer.text == ROW["content"]
    assert most < 40 * MEGABYTE


def _with_usage(**usage: Any) -> Behaviour:
    text = json.dumps(analysis())
    first, last = json.loads(token(text)), json.loads(ending()[1])
    return streams(
        json.dumps(first | {"usage": usage}), json.dumps(last | {"usage": usage}), "[DONE]"
    )


@pytest.mark.parametrize(
    "told", [-1, 10**9, 10**400, 1.5, "42", "many", None, True, [], {}, float("inf"), float("nan")]
)
async def test_a_strange_number_of_tokens_loses_no_answer(provider: Provider, told: Any) -> None:
    """-1 was refused by the database, and a good answer with it; null ended calls elsewhere."""
    provider.will(_with_usage(total_tokens=told))
    async with open_answerer(provider) as turns:
        answer = await turns.answer(job())

    assert answer.text == "It is an inbox."
    assert answer.tokens_used is None


async def test_a_usage_without_its_sum_loses_no_answer(provider: Provider) -> None:
    """Proxies leave members out."""
    provider.will(_with_usage(prompt_tokens=3))
    async with open_answerer(provider) as turns:
        answer = await turns.answer(job())

    assert (answer.text, answer.tokens_used) == ("It is an inbox.", None)


@pytest.mark.parametrize("told", [0, 42, 999_999_999])
async def test_a_number_of_tokens_is_told(provider: Provider, told: int) -> None:
    provider.will(_with_usage(total_tokens=told))
    async with open_answerer(provider) as turns:
        assert (await turns.answer(job())).tokens_used == told


@pytest.mark.parametrize(
    ("told", "stored"),
    [(1e-100, 0.0), (1e-7, 0.0), (0.123456789, 0.123457), (100, 1.0), (95, 0.95)],
)
async def test_a_confidence_has_few_digits(provider: Provider, told: float, stored: float) -> None:
    """The database knows exponents of two digits."""
    provider.will(answers(analysis(confidence=told)))
    async with open_answerer(provider) as turns:
        answer = await turns.answer(job(settings=job().settings | {"min_confidence": 0.0}))

    assert answer.confidence == stored


@pytest.mark.parametrize(
    "event",
    [
        "[" * 100_000,
        '{"a":' * 40_000,
        "9" * 100_000,
        '{"choices": [{"delta": {"content": ' + "[" * 50_000 + "]" * 50_000 + "}}]}",
        token(beginning("So, ") + "[" * 5000),
        token('{"confidence": 0.9, "needs_human": false, "x": ' + "[" * 10_000),
        token('{"confidence": ' + "9" * 10_000 + ', "needs_human": false, "reply": "x"}'),
    ],
)
async def test_what_cannot_be_parsed_is_no_answer(provider: Provider, event: str) -> None:
    """Depth is a stack, and digits are time."""
    provider.will(streams(event, "[DONE]"))
    async with open_answerer(provider) as turns:
        answer = await turns.answer(job())

    assert answer.text == ROW["content"]


async def test_what_no_database_stores_is_left_out(provider: Provider) -> None:
    """Half a character in the model's name refused the whole batch of answers."""
    chunk = json.loads(token(json.dumps(analysis(intent="a\x00b")))) | {"model": "m\ud83d\x00x"}
    provider.will(streams(json.dumps(chunk), *ending()[:1], "[DONE]"))
    async with open_answerer(provider) as turns:
        answer = await turns.answer(job())

    assert (answer.text, answer.intent, answer.model) == ("It is an inbox.", "ab", "mx")


# ---- what else is asked of it: vectors, and which models it has


def _vectors(*vectors: Any) -> Handler:
    rows = [
        {"object": "embedding", "index": at, "embedding": one} for at, one in enumerate(vectors)
    ]
    body = json.dumps({"object": "list", "data": rows, "model": "m", "usage": {}})
    return lambda _: Response(body, media_type="application/json")


@pytest.mark.parametrize(
    "handler",
    [
        _vectors([float("nan")] * 384),
        _vectors([float("inf")] * 384),
        _vectors([1e308] * 384),
        _vectors([0.0] * 384),
        _vectors(["x"] * 384),
        _vectors("x" * 384),
        _vectors(None),
        _vectors(),
        _vectors([1.0] * 3),
        lambda _: JSONResponse([]),
        lambda _: Response("[" * 100_000, media_type="application/json"),
        lambda _: JSONResponse({"data": None}),
        lambda _: RedirectResponse("http://127.0.0.1:9/v1/embeddings", 307),
        lambda _: Response(b"x" * 17 * MEGABYTE, media_type="application/json"),
    ],
)
async def test_strange_vectors_are_none(handler: Handler) -> None:
    """A vector with what is no number would be stored, and be like everything."""
    async with serving(handler) as url:
        settings = EmbeddingSettings(
            embeddings="openai", embeddings_base_url=url, embeddings_model="m"
        )
        async with open_embedder(settings) as embedder:
            assert embedder is not None
            with pytest.raises(EmbeddingError):
                await embedder.embed_question("x")


async def test_doctor_follows_no_redirect() -> None:
    """It carries the key as the worker does."""
    asked = []

    def elsewhere(request: Request) -> Response:
        asked.append(request.url.path)
        return JSONResponse({"id": "m"})

    async with serving(elsewhere) as other, serving(lambda _: RedirectResponse(other, 307)) as url:
        found = await _look_at(ModelSettings("primary", url, None, "m"))

    assert found.state == "warning"
    assert "status 307" in found.says
    assert asked == []


async def test_a_packed_answer_is_refused_before_it_is_unpacked() -> None:
    """A thousandth of its size is what is sent."""
    body = gzip.compress(b" " * ENDLESS_MEGABYTES * MEGABYTE)

    def bomb(request: Request) -> Response:
        assert request.headers["accept-encoding"] == "identity"
        return Response(body, media_type="application/json", headers={"Content-Encoding": "gzip"})

    async with serving(bomb) as url, open_client(url, "key") as client:
        with pytest.raises(openai.APIConnectionError):
            await client.models.list()
