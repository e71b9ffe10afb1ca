"""How long a committed row takes to be seen by many subscribers of the local stack.

Starts a stack of its own, connects the subscribers (each as another user, on one table with row
security and on one private topic), commits rows one after the other and measures, for each
subscriber, the time from sending the commit to reading the message. A bare LISTEN/NOTIFY of the
same rows, in the same run, is what the machine can do at best.

    .venv/bin/python bench/local_stack_realtime.py [--subscribers 100] [--commits 100]
"""

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any
from uuid import uuid4

import psycopg
import uvloop
import websockets
from romashka_local.keys import Keys

ROMASHKA = Path(sys.executable).with_name("romashka")
SCHEMA = """
create table public.bench (id bigint generated always as identity primary key, body text);
grant select on public.bench to authenticated;
alter table public.bench enable row level security;
create policy "signed-in users read" on public.bench for select to authenticated
  using ((select auth.uid()) is not null);
alter publication supabase_realtime add table public.bench;
create policy "signed-in users read" on realtime.messages for select to authenticated
  using (realtime.topic() = 'bench' and (select auth.uid()) is not null);
"""
# A hundred hearers of a stream are more than a new project may have.
SETTINGS = "[realtime]\nmax_events_per_second = 1000000\n"
CHANGES = {"postgres_changes": [{"event": "INSERT", "schema": "public", "table": "bench"}]}
Database = psycopg.AsyncConnection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the stack under test is."""

    api_url: str
    db_url: str

    @property
    def socket_url(self) -> str:
        return self.api_url.replace("http", "ws", 1) + "/realtime/v1/websocket"


@contextmanager
def project() -> Iterator[str]:
    """Make an empty project with `SETTINGS`."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "supabase").mkdir()
        Path(folder, "supabase", "config.toml").write_text(SETTINGS)
        yield folder


@asynccontextmanager
async def running_stack() -> AsyncIterator[Stack]:
    """Run an empty stack in a process of its own until the block is left."""
    options = ("--ephemeral", "--no-migrate", "--json", "--port", "0", "--db-port", "0")
    with project() as folder:
        process = await asyncio.create_subprocess_exec(
            ROMASHKA, "start", *options, cwd=folder, stdout=subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            ready = json.loads(await process.stdout.readline())
            yield Stack(ready["API_URL"], ready["DB_URL"])
        finally:
            process.send_signal(signal.SIGINT)
            await process.wait()


async def subscriber(
    stack: Stack, keys: Keys, config: dict[str, Any], event: str, seen: asyncio.Queue[float]
) -> asyncio.Task[None]:
    """Join as a user of its own and put the time of each message of `event` into `seen`."""
    token = keys.sign({"role": "authenticated", "sub": str(uuid4()), "exp": 2_000_000_000})
    url = f"{stack.socket_url}?apikey={keys.anon_key}&vsn=2.0.0"
    connection = await websockets.connect(url, compression=None, max_queue=None)
    join = ["1", "1", "realtime:bench", "phx_join", {"config": config, "access_token": token}]
    await connection.send(json.dumps(join))
    awaited = '"Subscribed to PostgreSQL"' if "postgres_changes" in config else '"status":"ok"'
    while awaited not in str(await connection.recv()):
        pass
    return asyncio.create_task(_read(connection, event, seen))


async def _read(
    connection: websockets.ClientConnection, event: str, seen: asyncio.Queue[float]
) -> None:
    async with connection:
        async for frame in connection:
            if isinstance(frame, bytes) or frame.startswith(
                f'[null,null,"realtime:bench","{event}"'
            ):
                seen.put_nowait(time.perf_counter())


async def measure(
    commit: Callable[[], Awaitable[object]], seen: asyncio.Queue[float], hearers: int, commits: int
) -> list[float]:
    """Commit again and again; return the milliseconds after which each hearer saw each commit."""
    times: list[float] = []
    for number in range(commits + 5):
        started_at = time.perf_counter()
        await commit()
        arrivals = [await asyncio.wait_for(seen.get(), 20) for _ in range(hearers)]
        if number >= 5:  # the first ones warm up
            times += [(arrival - started_at) * 1000 for arrival in arrivals]
    return times


async def measure_subscribers(
    stack: Stack, database: Database, statement: str, config: dict[str, Any], event: str,
    subscribers: int, commits: int,
) -> list[float]:  # fmt: skip
    """Measure what `statement` takes to reach all subscribers."""
    keys, seen = Keys(), asyncio.Queue[float]()
    async with AsyncExitStack() as stack_of_tasks:
        for _ in range(subscribers):
            task = await subscriber(stack, keys, config, event, seen)
            stack_of_tasks.callback(task.cancel)
        return await measure(
            lambda: database.execute(statement.encode()), seen, subscribers, commits
        )


async def measure_notify(stack: Stack, database: Database, commits: int) -> list[float]:
    """Measure the same insert with a NOTIFY, heard by one bare connection."""
    seen = asyncio.Queue[float]()
    async with await psycopg.AsyncConnection.connect(stack.db_url, autocommit=True) as listener:
        await listener.execute("listen bench")

        async def listen() -> None:
            async for _ in listener.notifies():
                seen.put_nowait(time.perf_counter())

        listening = asyncio.create_task(listen())
        notify = (
            b"with row as (insert into public.bench (body) values ('x') returning id)"
            b" select pg_notify('bench', id::text) from row"
        )
        times = await measure(lambda: database.execute(notify), seen, 1, commits)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    return times


def report(name: str, times: list[float]) -> None:
    """Print one line of the table."""
    cuts = quantiles(times, n=100)
    print(f"{name:34} p50 {cuts[49]:7.2f} ms   p99 {cuts[98]:7.2f} ms   max {max(times):7.2f} ms")


async def main(subscribers: int, commits: int) -> None:
    """Run the whole benchmark."""
    broadcast = "select realtime.send('{\"n\": 1}', 'e', 'bench', true)"
    insert = "insert into public.bench (body) values ('hello')"
    async with running_stack() as stack:
        async with await psycopg.AsyncConnection.connect(stack.db_url, autocommit=True) as database:
            await database.execute(SCHEMA.encode())
            report("LISTEN/NOTIFY, 1 listener", await measure_notify(stack, database, commits))
            for name, statement, config, event in (
                ("broadcast from the database", broadcast, {"private": True}, "broadcast"),
                ("postgres_changes with RLS", insert, CHANGES, "postgres_changes"),
            ):
                times = await measure_subscribers(
                    stack, database, statement, config, event, subscribers, commits
                )
                report(f"{name}, {subscribers}", times)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subscribers", type=int, default=100)
    parser.add_argument("--commits", type=int, default=100)
    options = parser.parse_args()
    uvloop.run(main(options.subscribers, options.commits))
