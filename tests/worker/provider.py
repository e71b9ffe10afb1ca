"""A model provider on loopback: it checks what it is asked, and answers as a test tells it to."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.support.waiting import becomes

Asked = dict[str, Any]
MODEL = "model-of-the-test"
Behaviour = Callable[[], Awaitable[Response]]
Pause = asyncio.Event | None
"""In a stream: wait for the event, or for ever."""


class Provider:
    """An OpenAI-compatible server. Each request takes the next behaviour; the last one stays."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Asked] = []
        self.keys: list[str] = []
        self._behaviours: list[Behaviour] = [answers(analysis())]

    def knows_no(self, *forms: str) -> None:
        """Refuse these types of `response_format`, and answer otherwise."""

        async def behave() -> Response:
            form = self.requests[-1].get("response_format", {}).get("type")
            return await (fails(400) if form in forms else answers(analysis()))()

        self.will(behave)

    def is_like(self, server: Callable[[Asked], Behaviour]) -> None:
        """Answer each request as that server would."""

        async def behave() -> Response:
            return await server(self.requests[-1])()

        self.will(behave)

    def will(self, *behaviours: Behaviour) -> None:
        """Set what the next requests get."""
        self._behaviours = list(behaviours)

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The data that came with each request."""
        return [json.loads(asked["messages"][1]["content"]) for asked in self.requests]

    async def complete(self, request: Request) -> Response:
        asked = await request.json()
        self.requests.append(asked)
        self.keys.append(request.headers["authorization"])
        if problem := _problem(asked):  # as the real one does: 400, and no test gets its answer
            return JSONResponse({"error": {"message": problem}}, status_code=400)
        is_last = len(self._behaviours) == 1
        return await (self._behaviours[0] if is_last else self._behaviours.pop(0))()

    async def list_models(self, request: Request) -> Response:
        self.keys.append(request.headers["authorization"])
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "the test"}
        return JSONResponse({"object": "list", "data": [model]})


def _problem(asked: Asked) -> str | None:
    if not asked.get("model") or asked.get("stream") not in (True, False):
        return "no model, or not said whether to stream"
    if [message["role"] for message in asked["messages"]] not in (["system", "user"], ["user"]):
        return "messages are not the rules and the data"
    form = asked.get("response_format", {})
    if form.get("type") == "json_schema":
        schema, strict = form["json_schema"]["schema"], form["json_schema"]["strict"]
        members = list(schema["properties"])
        if not strict or schema["additionalProperties"] or schema["required"] != members:
            return "a strict schema requires all members, and no others"
    return None


@asynccontextmanager
async def open_provider() -> AsyncIterator[Provider]:
    """Run a provider on a free port."""
    provider = Provider()
    routes = [
        Route("/v1/chat/completions", provider.complete, methods=["POST"]),
        Route("/v1/models", provider.list_models),
    ]
    async with running(routes) as provider.url:
        yield provider


@asynccontextmanager
async def running(routes: list[Route]) -> AsyncIterator[str]:
    """Serve on a free port, and give the URL of an endpoint."""
    app = Starlette(routes=routes)
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off")
    config.timeout_graceful_shutdown = 0  # some of its requests hang on purpose
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await becomes(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        await task


def analysis(**changes: Any) -> dict[str, Any]:
    """Return a good structured answer, with some members changed."""
    good = {
        "intent": "question",
        "sentiment": "neutral",
        "language": "en",
        "sources": ["K1"],
        "confidence": 0.9,
        "needs_human": False,
        "needs_clarification": False,
        "open": [],
        "reason": "none",
        "reply": "It is an inbox.",
    }
    return good | changes


def answers(content: dict[str, Any] | str, finish_reason: str = "stop") -> Behaviour:
    """Answer with that content, token by token."""
    text = content if isinstance(content, str) else json.dumps(content)
    pieces = [text[start : start + 7] for start in range(0, len(text), 7)]
    return streams(*(token(piece) for piece in pieces), *ending(finish_reason))


def sends(body: str | bytes, kind: str = "text/event-stream") -> Behaviour:
    """Send exactly that, and hang up."""

    async def behave() -> Response:
        return Response(body, media_type=kind)

    return behave


def streams(*events: str | Pause, is_whole: bool = True) -> Behaviour:
    """Send these events, and wait where there is a pause; or break off after the last one."""

    async def behave() -> Response:
        return StreamingResponse(_events(events, is_whole), media_type="text/event-stream")

    return behave


async def _events(events: Sequence[str | Pause], is_whole: bool) -> AsyncIterator[str]:
    for event in events:
        if isinstance(event, str):
            yield f"data: {event}\n\n"
        elif event is None:
            await asyncio.Event().wait()
        else:
            await event.wait()
    if not is_whole:
        raise ConnectionResetError


def token(text: str | None, finish_reason: str | None = None, **delta: Any) -> str:
    """Return the event that carries a piece of the answer."""
    choice = {"index": 0, "delta": {"content": text, **delta}, "finish_reason": finish_reason}
    return json.dumps(_CHUNK | {"choices": [choice]})


def ending(finish_reason: str = "stop") -> tuple[str, ...]:
    """Return the events at the end of an answer."""
    usage = {"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42}
    return (
        token(None, finish_reason),
        json.dumps(_CHUNK | {"choices": [], "usage": usage}),
        "[DONE]",
    )


_CHUNK = {
    "id": "completion",
    "object": "chat.completion.chunk",
    "created": 0,
    "model": MODEL,
}


def beginning(reply: str, **changes: Any) -> str:
    """Return an answer as far as to the end of `reply`, which goes on."""
    return json.dumps(analysis(reply=reply, **changes)).removesuffix('"}')


def fails(status: int, **headers: str) -> Behaviour:
    """Answer with an error that says nothing."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return refuses(status, {"error": {"message": "no"}}, named)


def refuses(status: int, body: Any, headers: dict[str, str] | None = None) -> Behaviour:
    """Answer with an error and what a server says with it: JSON, or a text."""

    async def behave() -> Response:
        if isinstance(body, str):
            return PlainTextResponse(body, status_code=status, headers=headers)
        return JSONResponse(body, status_code=status, headers=headers)

    return behave


def answers_after(seconds: float, content: dict[str, Any]) -> Behaviour:
    """Take that long."""

    async def behave() -> Response:
        await asyncio.sleep(seconds)
        return await answers(content)()

    return behave


def hangs() -> Behaviour:
    """Never answer."""
    return answers_after(3600, analysis())


Handler = Callable[[Request], Response]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """Serve one function at every path, and give the URL of an endpoint."""

    async def answer(request: Request) -> Response:
        return handler(request)

    async with running([Route("/{path:path}", answer, methods=["GET", "POST"])]) as url:
        yield url
