"""A model that says what it always says, after so many seconds: an OpenAI-compatible server.

Prints its URL as a line of JSON, then a line for each request: when it came, when it was answered.
Without `--seconds` it is a model that takes no time.
"""

import argparse
import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

ANSWER = json.dumps(
    {
        "intent": "question",
        "sentiment": "neutral",
        "language": "en",
        "sources": [],
        "confidence": 0.9,
        "needs_human": False,
        "reason": "none",
        "reply": "It is an inbox.",
    }
)
USAGE = {"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.0)
    seconds = parser.parse_args().seconds

    async def complete(request: Request) -> Response:
        asked_at = time.time()
        asked = await request.json()
        await asyncio.sleep(seconds)
        print(json.dumps({"asked_at": asked_at, "answered_at": time.time()}), flush=True)
        if asked.get("stream"):
            return StreamingResponse(_pieces(), media_type="text/event-stream")
        message = {"role": "assistant", "content": ANSWER}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return JSONResponse(_completion("chat.completion", choice) | {"usage": USAGE})

    app = Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])
    # Without the protocol's name asyncio leaves Nagle's algorithm on: 40 ms a response.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}/v1"}), flush=True)
    config = uvicorn.Config(app, backlog=4096, log_level="critical", lifespan="off")
    asyncio.run(uvicorn.Server(config).serve([listener]))


async def _pieces() -> AsyncIterator[str]:
    delta = {"role": "assistant", "content": ANSWER}
    for choice in (
        {"index": 0, "delta": delta, "finish_reason": None},
        {"index": 0, "delta": {}, "finish_reason": "stop"},
    ):
        yield f"data: {json.dumps(_completion('chat.completion.chunk', choice))}\n\n"
    last = _completion("chat.completion.chunk") | {"usage": USAGE}
    yield f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n"


def _completion(kind: str, *choices: object) -> dict[str, object]:
    return {"id": "1", "object": kind, "created": 0, "model": "scripted", "choices": choices}


if __name__ == "__main__":
    main()
