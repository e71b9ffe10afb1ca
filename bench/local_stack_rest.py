"""Requests a second of the local stack's REST server, beside bare round trips to its Postgres.

Starts a stack of its own, and calls it as clients do: through the gateway, with a key.

    .venv/bin/python bench/local_stack_rest.py [--concurrency 16] [--seconds 3]
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

GOAL = 800
WARM_UP_SECONDS = 1.0
SCHEMA = """
create table items (id int primary key, name text, kind int, payload jsonb);
grant select on items to anon, authenticated, service_role;
insert into items select i, 'item ' || i, i % 100, '{"a": 1}' from generate_series(1, 10000) as i;
create index on items (kind);
create function add(a int, b int) returns int language sql immutable as 'select a + b';
"""

Call = Callable[[], Awaitable[None]]


@contextmanager
def running_stack() -> Iterator[dict[str, str]]:
    """Run an empty stack and give what `romashka start --json` says of it."""
    program = [str(Path(sys.executable).with_name("romashka")), "start"]
    options = ["--port", "0", "--db-port", "0", "--ephemeral", "--no-migrate", "--json"]
    with subprocess.Popen([*program, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


class HttpConnection:
    """One kept-alive connection that costs the client next to nothing."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, request: bytes) -> None:
        """Send a request and read its answer to the end."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = head.lower().split(b"content-length:")[1].split(b"\r\n")[0]
        await self._reader.readexactly(int(length))


def get(stack: dict[str, str], path: str) -> bytes:
    return _request(stack, "GET", path)


def post(stack: dict[str, str], path: str, body: object) -> bytes:
    return _request(stack, "POST", path, json.dumps(body).encode())


def _request(stack: dict[str, str], method: str, path: str, body: bytes = b"") -> bytes:
    head = [
        f"{method} /rest/v1{path} HTTP/1.1",
        f"Host: {urlsplit(stack['API_URL']).netloc}",
        f"apikey: {stack['ANON_KEY']}",
        f"Authorization: Bearer {stack['ANON_KEY']}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


@dataclass(frozen=True)
class Figures:
    per_second: float
    p50: float
    p99: float


async def measure(calls: list[Call], seconds: float) -> Figures:
    """Repeat each call, all side by side, for that long."""
    times: list[float] = []

    async def repeat(call: Call, until: float) -> None:
        while (started := time.perf_counter()) < until:
            await call()
            times.append(time.perf_counter() - started)

    for duration in (WARM_UP_SECONDS, seconds):  # first, statements are prepared, pools filled
        times.clear()
        until = time.perf_counter() + duration
        await asyncio.gather(*(repeat(call, until) for call in calls))
    cuts = statistics.quantiles(times, n=100)
    return Figures(len(times) / seconds, cuts[49] * 1000, cuts[98] * 1000)


async def measure_http(
    stack: dict[str, str], request: bytes, concurrency: int, seconds: float
) -> Figures:
    address = urlsplit(stack["API_URL"])
    writers = []
    calls: list[Call] = []
    for _ in range(concurrency):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writers.append(writer)
        connection = HttpConnection(reader, writer)
        calls.append(lambda connection=connection: connection.send(request))
    try:
        return await measure(calls, seconds)
    finally:
        for writer in writers:
            writer.close()
            await writer.wait_closed()


async def measure_database(stack: dict[str, str], concurrency: int, seconds: float) -> Figures:
    async with AsyncExitStack() as opened:
        calls: list[Call] = []
        for _ in range(concurrency):
            connection = await opened.enter_async_context(
                await psycopg.AsyncConnection.connect(stack["DB_URL"], autocommit=True)
            )

            async def round_trip(connection: psycopg.AsyncConnection = connection) -> None:
                await (await connection.execute("select 1")).fetchone()

            calls.append(round_trip)
        return await measure(calls, seconds)


async def run(stack: dict[str, str], concurrency: int, seconds: float) -> int:
    with psycopg.connect(stack["DB_URL"]) as connection:
        connection.execute(SCHEMA)
    requests = {
        "rpc, two numbers": post(stack, "/rpc/add", {"a": 1, "b": 2}),
        "select by key": get(stack, "/items?select=id,name,payload&id=eq.4711"),
        "select, 20 of 100 rows": get(
            stack, "/items?select=id,name&kind=eq.7&order=id.desc&limit=20"
        ),
    }
    bare = await measure_database(stack, concurrency, seconds)
    print(f"{'':24}{'per second':>12}{'p50 ms':>9}{'p99 ms':>9}{'of select 1':>13}")
    print(_line("bare select 1", bare, bare))
    slowest = bare.per_second
    for name, request in requests.items():
        figures = await measure_http(stack, request, concurrency, seconds)
        slowest = min(slowest, figures.per_second)
        print(_line(name, figures, bare))
    print(f"goal: over {GOAL} a second: {'met' if slowest > GOAL else 'MISSED'}")
    return 0 if slowest > GOAL else 1


def _line(name: str, figures: Figures, bare: Figures) -> str:
    ratio = figures.per_second / bare.per_second
    times = f"{figures.p50:>9.2f}{figures.p99:>9.2f}"
    return f"{name:24}{figures.per_second:>12.0f}{times}{ratio:>12.0%}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3.0)
    arguments = parser.parse_args()
    with running_stack() as stack:
        return asyncio.run(run(stack, arguments.concurrency, arguments.seconds))


if __name__ == "__main__":
    sys.exit(main())
