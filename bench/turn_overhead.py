"""What a turn takes beside the model: message committed to answer seen by a subscriber.

Starts a stack, a worker and a scripted model that takes no time, each in a process of its own, and
lets one conversation after the other have a turn, seen through the SDK. PGQueuer's insert to
handler on the same Postgres, in the same run, is what one hop costs there; a turn has four: wake,
claim, settle, seen. The processor's time is what a busy machine does not change.

    pip install 'pgqueuer[asyncpg]'
    .venv/bin/python bench/turn_overhead.py [--turns 300]
"""

import argparse
import asyncio
import os
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from statistics import quantiles
from typing import Any

import psutil
import psycopg
import uvloop
from romashka import AsyncRomashka, Broadcast, Listener
from turn_stack import System, running_system

GROUP = 50
"""Conversations that are subscribed at a time: a socket has at most 100 channels."""
WARM_UP = 20
_PATIENCE_SECONDS = 20
Database = psycopg.AsyncConnection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Turn:
    """When what happened to a customer's message, by the machine's clock."""

    conversation_id: str
    sent_at: float
    committed_at: float
    seen_at: float


async def take_turns(system: System, database: Database, count: int) -> list[Turn]:
    """Let `count` conversations have a turn, one after the other."""
    turns: list[Turn] = []
    while len(turns) < count:
        keys = system.keys
        async with (
            AsyncRomashka.connect(keys["API_URL"], keys["SERVICE_ROLE_KEY"]) as client,
            AsyncExitStack() as subscriptions,
        ):
            listeners = {}
            for conversation_id in await _open_conversations(database):
                listening = client.topics.listen(f"conversation:{conversation_id}")
                listeners[conversation_id] = await subscriptions.enter_async_context(listening)
            for conversation_id, listener in listeners.items():
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await anext(listener)  # it is subscribed
                turns.append(await _take_turn(database, conversation_id, listener))
    return turns[:count]


async def _open_conversations(database: Database) -> list[str]:
    opened = await database.execute(
        "insert into public.conversations (channel_type)"
        " select 'website' from generate_series(1, %s) returning id::text",
        [GROUP],
    )
    return [row[0] for row in await opened.fetchall()]


async def _take_turn(database: Database, conversation_id: str, listener: Listener) -> Turn:
    sent_at = time.time()
    await database.execute(
        "insert into public.messages (conversation_id, sender_type, content)"
        " values (%s, 'user', 'What is Romashka?')",
        [conversation_id],
    )
    committed_at = time.time()
    async with asyncio.timeout(_PATIENCE_SECONDS):
        async for signal in listener:
            if isinstance(signal, Broadcast) and signal.event == "message.created":
                if signal.payload["message"]["sender_type"] == "ai":
                    break
    return Turn(conversation_id, sent_at, committed_at, time.time())


async def stages(system: System, database: Database, turns: list[Turn]) -> dict[str, list[float]]:
    """Return the milliseconds of each stage of each turn, after the commit."""
    read = await database.execute(
        "select jobs.conversation_id::text, extract(epoch from jobs.processed_at)::float,"
        " extract(epoch from answers.created_at)::float"
        " from public.ai_response_queue as jobs join public.messages as answers"
        " on answers.turn_id = jobs.turn_id and answers.sender_type = 'ai'"
    )
    in_database = {row[0]: (row[1], row[2]) for row in await read.fetchall()}
    claimed = {
        line["conversation_id"]: datetime.fromisoformat(line["timestamp"]).timestamp()
        for line in system.worker.lines
        if line["event"] == "job.claimed"
    }
    requests = iter(line for line in system.model.lines if "asked_at" in line)
    found: dict[str, list[float]] = {}
    for turn in turns:
        taken_at, answered_at = in_database[turn.conversation_id]
        request = next(request for request in requests if request["asked_at"] > turn.sent_at)
        moments = {
            "wake": taken_at,
            "claim": claimed[turn.conversation_id],
            "context": request["asked_at"],
            "model": request["answered_at"],
            "settle": answered_at,
            "seen": turn.seen_at,
        }
        before = turn.committed_at
        for name, moment in moments.items():
            found.setdefault(name, []).append((moment - before) * 1000)
            before = moment
    return found


async def pgqueuer(host: str, count: int) -> list[float]:
    """Return the milliseconds from insert to handler of a PGQueuer in this process."""
    try:
        import asyncpg
        from pgqueuer import PgQueuer
        from pgqueuer.queries import Queries
    except ModuleNotFoundError:
        raise SystemExit("unable to compare; pip install 'pgqueuer[asyncpg]'") from None
    sending, working = await asyncpg.connect(host), await asyncpg.connect(host)
    queries = Queries.from_asyncpg_connection(sending)
    await queries.install()
    queue = PgQueuer.from_asyncpg_connection(working)
    handled = asyncio.Queue[float]()

    @queue.entrypoint("bench")
    async def handle(job: object) -> None:
        handled.put_nowait(time.time())

    running = asyncio.create_task(queue.run())
    times = []
    for _ in range(count):
        sent_at = time.time()
        await queries.enqueue("bench", b"What is Romashka?")
        times.append((await asyncio.wait_for(handled.get(), 40) - sent_at) * 1000)
        await asyncio.sleep(0.005)  # its worker ends the job after the handler
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await sending.close()
    await working.close()
    return times


def processor_seconds(system: System) -> dict[str, float]:
    """Return what each program has had of the processor; Postgres is the stack's child."""
    found = {}
    for name in ("stack", "worker"):
        process = psutil.Process(getattr(system, name).process.pid)
        found[name] = sum(process.cpu_times()[:2])
        if name == "stack":
            family = process.children(recursive=True)
            found["Postgres"] = sum(sum(child.cpu_times()[:2]) for child in family)
    return found


def report(name: str, times: list[float]) -> float:
    """Print one line of the table; return its median."""
    cuts = quantiles(times, n=100)
    print(f"{name:32}{cuts[49]:9.1f}{cuts[94]:9.1f}{cuts[98]:9.1f}{max(times):9.1f}")
    return cuts[49]


async def main(count: int) -> None:
    """Run the whole benchmark."""
    async with (
        running_system(ROMASHKA_WORKER_ID="bench") as system,
        await psycopg.AsyncConnection.connect(system.keys["DB_URL"], autocommit=True) as database,
    ):
        await take_turns(system, database, WARM_UP)
        before = processor_seconds(system)
        turns = await take_turns(system, database, count)
        used = {name: now - before[name] for name, now in processor_seconds(system).items()}
        parts = await stages(system, database, turns)
        await database.execute("create database pgqueuer")
        peer_url = system.keys["DB_URL"].rpartition("/")[0] + "/pgqueuer"
        peer = (await pgqueuer(peer_url, WARM_UP + count))[WARM_UP:]
    print(f"{count} turns, load {os.getloadavg()[0]:.1f}; milliseconds")
    print(f"{'':32}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}")
    ours = report("committed to seen", [(t.seen_at - t.committed_at) * 1000 for t in turns])
    for name, times in parts.items():
        report(f"  {name}", times)
    insert = report("insert to seen", [(t.seen_at - t.sent_at) * 1000 for t in turns])
    theirs = report("PGQueuer, insert to handler", peer)
    print(f"{insert / theirs:.1f} times PGQueuer's (committed to seen: {ours / theirs:.1f})")
    for name, seconds in used.items():
        print(f"processor, {name}: {seconds * 1000 / len(turns):.1f} ms a turn")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=300)
    uvloop.run(main(parser.parse_args().turns))
