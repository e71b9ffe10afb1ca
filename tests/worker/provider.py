"""A model provider on loopback: it notes what it is asked, and answers as a test tells it to."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.waiting import becomes

Behaviour = Callable[[], Awaitable[Response]]


class Provider:
    """An OpenAI-compatible server. Each request takes the next behaviour; the last one stays."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self._behaviours: list[Behaviour] = [answers(analysis())]

    def will(self, *behaviours: Behaviour) -> None:
        """Set what the next requests get."""
        self._behaviours = list(behaviours)

    async def complete(self, request: Request) -> Response:
        self.requests.append(await request.json())
        self.keys.append(request.headers["authorization"])
        is_last = len(self._behaviours) == 1
        return await (self._behaviours[0] if is_last else self._behaviours.pop(0))()


@asynccontextmanager
async def open_provider() -> AsyncIterator[Provider]:
    """Run a provider on a free port."""
    provider = Provider()
    app = Starlette(routes=[Route("/v1/chat/completions", provider.complete, methods=["POST"])])
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off")
    config.timeout_graceful_shutdown = 1  # some of its requests hang on purpose
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await becomes(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    provider.url = f"http://127.0.0.1:{port}/v1"
    try:
        yield provider
    finally:
        server.should_exit = True
        await serving


def analysis(**changes: Any) -> dict[str, Any]:
    """Return a good structured answer, with some members changed."""
    good = {
        "intent": "question",
        "sentiment": "neutral",
        "language": "en",
        "confidence": 0.9,
        "needs_human": False,
        "reason": None,
        "reply": "It is an inbox.",
    }
    return good | changes


def answers(content: dict[str, Any] | str, finish_reason: str = "stop") -> Behaviour:
    """Answer with that content."""
    text = content if isinstance(content, str) else json.dumps(content)
    message = {"role": "assistant", "content": text}

    async def behave() -> Response:
        return JSONResponse(
            {
                "id": "completion",
                "object": "chat.completion",
                "created": 0,
                "model": "model-of-the-test",
                "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
                "usage": {"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42},
            }
        )

    return behave


def fails(status: int) -> Behaviour:
    """Answer with an error."""

    async def behave() -> Response:
        return JSONResponse({"error": {"message": "no"}}, status_code=status)

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
