"""Many turns at once in one worker: does one miss a deadline that the model would have met?

Starts a stack, a worker and a model that takes its time, each in a process of its own, lets many
customers write as quickly as the database takes it, and reads off what became of their turns.

    .venv/bin/python bench/turn_load.py [--turns 500] [--seconds 2] [--concurrency 500]
"""

import argparse
import asyncio
import os
import time
from collections import Counter
from statistics import quantiles
from typing import Any

import psutil
import psycopg
import uvloop
from turn_stack import System, running_system

WRITERS = 4
_PATIENCE_SECONDS = 30
Database = psycopg.AsyncConnection[tuple[Any, ...]]


async def write_messages(system: System, count: int) -> float:
    """Let `count` customers write, several at a time; return the seconds that it took."""
    url = system.keys["DB_URL"]
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as database:
        opened = await database.execute(
            "insert into public.conversations (channel_type)"
            " select 'website' from generate_series(1, %s) returning id",
            [count],
        )
        ids = [row[0] for row in await opened.fetchall()]

    async def write(mine: list[Any]) -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as database:
            for conversation_id in mine:
                await database.execute(
                    "insert into public.messages (conversation_id, sender_type, content)"
                    " values (%s, 'user', 'What is Romashka?')",
                    [conversation_id],
                )

    began = time.monotonic()
    await asyncio.gather(*(write(ids[number::WRITERS]) for number in range(WRITERS)))
    return time.monotonic() - began


async def watch_memory(system: System, found: list[int]) -> None:
    """Note the worker's resident memory, ten times a second."""
    process = psutil.Process(system.worker.process.pid)
    while True:
        found.append(process.memory_info().rss)
        await asyncio.sleep(0.1)


async def settled(database: Database, count: int) -> list[tuple[Any, ...]]:
    """Wait until all turns have ended; return outcome, attempt and seconds of each."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            read = await database.execute(
                "select jobs.outcome || coalesce(' ' || (answers.metadata ->> 'reason'), ''),"
                " jobs.attempt,"
                " extract(epoch from answers.created_at - jobs.turn_started_at)::float"
                " from public.ai_response_queue as jobs join public.messages as answers"
                " on answers.turn_id = jobs.turn_id and answers.sender_type = 'ai'"
            )
            rows = await read.fetchall()
            if len(rows) == count:
                return rows
            await asyncio.sleep(0.5)


def most_at_once(lines: list[dict[str, Any]]) -> int:
    """Return how many requests the model had at a time, at most."""
    moments = [(line["asked_at"], 1) for line in lines if "asked_at" in line]
    moments += [(line["answered_at"], -1) for line in lines if "asked_at" in line]
    running = most = 0
    for _, change in sorted(moments):
        running += change
        most = max(most, running)
    return most


async def main(turns: int, seconds: float, concurrency: int) -> None:
    """Run the whole benchmark."""
    memory: list[int] = []
    async with (
        running_system(seconds, ROMASHKA_CONCURRENCY=str(concurrency)) as system,
        await psycopg.AsyncConnection.connect(system.keys["DB_URL"], autocommit=True) as database,
    ):
        watching = asyncio.create_task(watch_memory(system, memory))
        await asyncio.sleep(1)
        wrote_in = await write_messages(system, turns)
        rows = await settled(database, turns)
        watching.cancel()
    print(f"{turns} turns of a model of {seconds:g} s; load {os.getloadavg()[0]:.1f}")
    print(f"written in {wrote_in:.1f} s")
    print("outcomes:", dict(Counter(row[0] for row in rows)))
    print("attempts:", dict(Counter(row[1] for row in rows)))
    times = [row[2] for row in rows]
    cuts = quantiles(times, n=100)
    print(f"answered after p50 {cuts[49]:.2f}, p99 {cuts[98]:.2f}, at most {max(times):.2f} s")
    print(f"model calls at once, at most: {most_at_once(system.model.lines)}")
    print(f"worker's memory: idle {memory[0] / 2**20:.0f} MB, at most {max(memory) / 2**20:.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--concurrency", type=int, default=500)
    options = parser.parse_args()
    uvloop.run(main(options.turns, options.seconds, options.concurrency))
