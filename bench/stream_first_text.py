"""How soon a customer sees the reply begin: from the end of its first sentence to the first delta.

Starts a stack and a worker; the model is scripted, in this process, and writes thirty tokens a
second. Each customer has a turn, `--at-once` of them at a time. Beside it, in the same run: a bare
broadcast from this process to a subscriber, through Realtime's HTTP interface and through a socket
that has joined the topic already, which is what the way itself costs.

    .venv/bin/python bench/stream_first_text.py [--turns 100] [--at-once 4]
"""

import argparse
import asyncio
import json
import sys
import time
import uuid
from collections.abc import AsyncIterator
from statistics import quantiles

import uvicorn
from romashka import AsyncRomashka, Broadcast, Listener
from romashka_worker.broadcasts import Broadcasts
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route
from turn_stack import ROMASHKA, running

ANALYSIS = (
    '{"intent": "question", "sentiment": "neutral", "language": "en", "sources": ["K1"],'
    ' "confidence": 0.9, "needs_human": false, "reason": "none", "reply": "'
)
TOKENS = [
    "It",
    " is",
    " an",
    " inbox",
    " for",
    " all",
    " your",
    " customers",
    ".",
    " Ask",
    " me",
    "!",
]
_SENTENCE = TOKENS.index(".") + 1
"""With the token after it a sentence is known to have ended: nothing of it is shown before."""
TOKEN_SECONDS = 1 / 30
_PATIENCE_SECONDS = 20


class Model:
    """Writes the same reply to everybody, and notes when its first sentence ended."""

    def __init__(self) -> None:
        self.began_at: dict[str, float] = {}

    async def complete(self, request: Request) -> StreamingResponse:
        asked = await request.json()
        question = json.loads(asked["messages"][1]["content"])["message"]
        return StreamingResponse(self._write(question), media_type="text/event-stream")

    async def _write(self, question: str) -> AsyncIterator[str]:
        yield _chunk(ANALYSIS)
        await asyncio.sleep(TOKEN_SECONDS)
        for number, token in enumerate(TOKENS):
            if number == _SENTENCE:
                self.began_at[question] = time.perf_counter()
            yield _chunk(token)
            await asyncio.sleep(TOKEN_SECONDS)
        yield _chunk('"}') + "data: [DONE]\n\n"


def _chunk(content: str) -> str:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": None}
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}
    return f"data: {json.dumps(chunk | {'choices': [choice]})}\n\n"


async def _serve(model: Model) -> tuple[uvicorn.Server, asyncio.Task[None], str]:
    app = Starlette(routes=[Route("/v1/chat/completions", model.complete, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- it tells in no other way
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    return server, serving, f"http://127.0.0.1:{port}/v1"


async def _turn(client: AsyncRomashka, model: Model) -> tuple[float, int]:
    """Return the seconds from the end of the first sentence to its subscriber, and the deltas seen.

    A reply whose row was there before its first delta has its row's time.
    """
    question = f"What is Romashka? ({uuid.uuid4()})"
    conversation = await client.conversations.create(str(uuid.uuid4()))
    seen_at, deltas = 0.0, 0
    async with (
        asyncio.timeout(_PATIENCE_SECONDS),
        client.topics.listen(f"conversation:{conversation.id}") as listener,
    ):
        await anext(listener)
        await conversation.send(question)
        async for signal in listener:
            if not isinstance(signal, Broadcast):
                continue
            if signal.event == "reply.delta":
                seen_at = seen_at or time.perf_counter()
                deltas += 1
            elif signal.event == "message.created" and signal.payload["message"]["turn_id"]:
                seen_at = seen_at or time.perf_counter()
                break
    return seen_at - model.began_at[question], deltas


async def _ways(keys: dict[str, str], count: int) -> dict[str, list[float]]:
    """Return the seconds that a bare broadcast takes, by HTTP and through a joined socket."""
    url, key = keys["API_URL"], keys["SERVICE_ROLE_KEY"]
    topic = "conversation:00000000-0000-4000-8000-000000000000"
    async with (
        AsyncRomashka.connect(url, key) as sender,
        AsyncRomashka.connect(url, key) as receiver,
        receiver.topics.listen(topic) as listener,
        sender.topics.listen(topic) as joined,
    ):
        await anext(listener)
        await anext(joined)
        broadcasts = Broadcasts(sender)
        (channel,) = sender.supabase.realtime.get_channels()
        took: dict[str, list[float]] = {"by HTTP": [], "by socket": []}
        for _ in range(count):
            began = time.perf_counter()
            await broadcasts.send([{"topic": topic, "event": "bare", "payload": {}}])
            took["by HTTP"].append(await _seen(listener) - began)
            began = time.perf_counter()
            await channel.send_broadcast("bare", {})
            took["by socket"].append(await _seen(listener) - began)
    return took


async def _seen(listener: Listener) -> float:
    async for signal in listener:
        if isinstance(signal, Broadcast):
            break
    return time.perf_counter()


def _report(name: str, seconds: list[float]) -> None:
    parts = quantiles(seconds, n=100, method="inclusive")
    print(f"{name:<28} p50 {parts[49] * 1000:6.1f} ms   p99 {parts[98] * 1000:6.1f} ms")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=4)
    arguments = parser.parse_args()
    model = Model()
    server, serving, model_url = await _serve(model)
    start = (ROMASHKA, "start", "--ephemeral", "--json", "--port", "0", "--db-port", "0")
    async with running(*start, ready="API_URL") as stack:
        keys = stack.lines[0]
        environment = {
            "SUPABASE_URL": keys["API_URL"],
            "SUPABASE_SERVICE_ROLE_KEY": keys["SERVICE_ROLE_KEY"],
            "OPENAI_BASE_URL": model_url,
            "ROMASHKA_EMBEDDINGS": "off",
        }
        async with (
            running(ROMASHKA, "worker", ready="worker.started", **environment),
            AsyncRomashka.connect(keys["API_URL"], keys["SERVICE_ROLE_KEY"]) as client,
        ):
            slots = asyncio.Semaphore(arguments.at_once)

            async def turn() -> tuple[float, int]:
                async with slots:
                    return await _turn(client, model)

            await asyncio.gather(*(turn() for _ in range(arguments.at_once)))  # warms everything up
            turns = await asyncio.gather(*(turn() for _ in range(arguments.turns)))
            ways = await _ways(keys, arguments.turns)
    server.should_exit = True
    await serving
    _report("first word to first delta", [seconds for seconds, _ in turns])
    deltas = sum(count for _, count in turns) / len(turns)
    print(f"{'deltas a reply':<28} {deltas:.1f} of {len(TOKENS)} tokens")
    for name, took in ways.items():
        _report(f"a bare broadcast {name}", took)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
