"""What one trouble costs everybody else: a locked conversation, and many workers without Realtime.

    python bench/stalls.py [--seconds 10] [--workers 40]

Prints milliseconds, p50 and p99, each beside the same without the trouble, in one run on one
stack.
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import quantiles
from typing import Any
from uuid import uuid4

import httpx
import psycopg
from romashka._migration_files import product_folder
from romashka_local.programs import running, temporary_folder

_CONVERSATIONS = 40
_OPEN = """
with opened as (
  insert into public.conversations (channel_type)
  select 'website' from generate_series(1, %s) returning id
)
insert into public.messages (conversation_id, sender_type, content)
select id, 'user', 'What does it cost?' from opened returning conversation_id::text
"""
_CLAIM = """
select job_id::text, attempt, conversation_id::text
from public.get_next_ai_response_job('bench', 100, 10) where conversation_id::text = any (%s)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=40)
    options = parser.parse_args()
    asyncio.run(_measure(options))


async def _measure(options: argparse.Namespace) -> None:
    with temporary_folder() as folder:
        async with running(
            *("start", "--ephemeral", "--port", "0", "--db-port", "0", "--json"),
            is_ready=lambda line: "API_URL" in line,
            ready_seconds=90.0,
            folder=product_folder().parent,
            environment={"TMPDIR": str(folder)},
        ) as stack:
            print(f"{'milliseconds':44}{'p50':>10}{'p99':>10}")
            for is_locked in (False, True):
                times = _settle(stack["DB_URL"], options.seconds / 2, is_locked=is_locked)
                trouble = "one locked" if is_locked else "none locked"
                _show(f"a batch of {_CONVERSATIONS} answers, {trouble}", times)
            for workers in (0, options.workers):
                async with _polling(stack, workers):
                    times = await _insert(stack, options.seconds)
                _show(f"an insert, {workers} workers polling", times)


def _settle(url: str, seconds: float, *, is_locked: bool) -> list[float]:
    """Return how long settles took until all but the locked one had their answer."""
    times = []
    with psycopg.connect(url, autocommit=True) as database, psycopg.connect(url) as other:
        database.execute(
            "select cron.unschedule(jobname) from cron.job where jobname like 'romashka-%'"
        )
        give_up_at = time.monotonic() + seconds
        while time.monotonic() < give_up_at:
            opened = [row[0] for row in database.execute(_OPEN, [_CONVERSATIONS]).fetchall()]
            jobs = database.execute(_CLAIM, [opened]).fetchall()
            if is_locked:
                other.execute(
                    "select from public.conversations where id = %s for update", [jobs[0][2]]
                )
            results = [
                {"job_id": job, "attempt": attempt, "action": "reply", "ai_response": "It is free."}
                for job, attempt, _ in jobs
            ]
            begun_at = time.perf_counter()
            told = database.execute(
                "select outcome from public.complete_ai_response_jobs(%s)", [json.dumps(results)]
            ).fetchall()
            times.append(time.perf_counter() - begun_at)
            other.rollback()
            expected = len(jobs) - is_locked
            if sum(outcome == "replied" for (outcome,) in told) != expected:
                raise AssertionError(f"{told}: {expected} were to be answered")
    return times


@asynccontextmanager
async def _polling(stack: dict[str, str], count: int) -> AsyncIterator[None]:
    """Let so many workers ask for jobs as they do while Realtime is away."""
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=None)) as http:

        async def poll(number: int) -> None:
            while True:
                asked_at = time.monotonic()
                claim = {"worker_id": f"worker-{number}", "max_jobs": 10, "lease_seconds": 2}
                await _call(
                    http, stack, "rpc/get_next_ai_response_job", claim | {"wait_seconds": 5}
                )
                if time.monotonic() - asked_at < 2.5:  # it found no place to wait in
                    await asyncio.sleep(0.25)

        polls = [asyncio.create_task(poll(number)) for number in range(count)]
        await asyncio.sleep(min(count, 2))
        yield
        for task in polls:
            task.cancel()


async def _insert(stack: dict[str, str], seconds: float) -> list[float]:
    """Return how long agents' messages took to be stored, ten a second."""
    with psycopg.connect(stack["DB_URL"], autocommit=True) as database:
        opened = [row[0] for row in database.execute(_OPEN, [20]).fetchall()]
        database.execute("delete from public.ai_response_queue")
    times: list[float] = []
    async with httpx.AsyncClient(timeout=60) as http, asyncio.TaskGroup() as inserts:

        async def insert(conversation: str) -> None:
            begun_at = time.perf_counter()
            row = {"id": str(uuid4()), "conversation_id": conversation, "sender_type": "agent",
                   "content": "Hello"}  # fmt: skip
            await _call(http, stack, "messages", row)
            times.append(time.perf_counter() - begun_at)

        for number in range(round(seconds * 10)):
            inserts.create_task(insert(opened[number % len(opened)]))
            await asyncio.sleep(0.1)
    return times


async def _call(http: httpx.AsyncClient, stack: dict[str, str], path: str, body: Any) -> None:
    key = stack["SERVICE_ROLE_KEY"]
    headers = {"apikey": key, "Authorization": f"Bearer {key}"}
    answer = await http.post(f"{stack['API_URL']}/rest/v1/{path}", json=body, headers=headers)
    answer.raise_for_status()


def _show(name: str, times: list[float]) -> None:
    cuts = quantiles(times, n=100)
    print(f"{name:44}{cuts[49] * 1000:>10.1f}{cuts[98] * 1000:>10.1f}")


if __name__ == "__main__":
    main()
