"""What goes wrong: each trouble a function that begins it, lasts, and ends it."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from time import time as now
from typing import Literal

import psycopg

from bench.faults.crew import Worker
from bench.faults.network import Network, Part, Trap
from bench.faults.project import WRITABLE
from bench.faults.system import System, set_model
from tests.channels.graph import Behaviour, accepts, accepts_and, hangs, refuses, resets, shows
from tests.channels.mail_server import DROP
from tests.support.stacks import ROMASHKA, ROOT
from tests.worker import provider


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault to come: what, on whom, when and for how long, by the seed alone."""

    at: float
    """Seconds after the beginning."""
    trouble: str
    target: str
    seconds: float
    choice: float
    """Which kind of it, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A kind of fault."""

    begin: Callable[[System, Planned], Awaitable[None]]
    targets: tuple[str, ...]
    """On one of these: of two that would meet on one target, the second waits."""
    weight: float
    seconds: tuple[float, float]


def plan(seed: int, count: int, pace_seconds: float) -> list[Planned]:
    """Draw the faults of a run: the same ones for the same seed."""
    chance = random.Random(f"faults {seed}")
    names = sorted(TROUBLES)
    weights = [TROUBLES[name].weight for name in names]
    planned, at = [], 1.0
    for _ in range(count):
        at += chance.uniform(0.2, 1.8) * pace_seconds
        [name] = chance.choices(names, weights)
        trouble = TROUBLES[name]
        planned.append(
            Planned(
                round(at, 3),
                name,
                chance.choice(trouble.targets),
                round(chance.uniform(*trouble.seconds), 3),
                round(chance.random(), 6),
            )
        )
    return planned


async def make_trouble(system: System, planned: list[Planned]) -> None:
    """Let all that is planned happen, and return when it is over."""
    began = now()
    locks = {target: asyncio.Lock() for one in planned for target in [one.target]}

    async def make(number: int, one: Planned) -> None:
        await asyncio.sleep(max(0.0, began + one.at - now()))
        async with locks[one.target]:
            begin = now()
            named = {"number": number, "trouble": one.trouble, "target": one.target}
            system.history.add("fault.begins", **named)
            await TROUBLES[one.trouble].begin(system, one)
            system.history.add("fault", begin=begin, end=now(), **named)

    async with asyncio.TaskGroup() as tasks:
        for number, one in enumerate(planned):
            tasks.create_task(make(number, one))


# ---- workers


async def kill(system: System, one: Planned) -> None:
    """Kill a worker; another one comes in its place."""
    _worker(system, one).signal(signal.SIGKILL)
    await asyncio.sleep(one.seconds)


async def stop(system: System, one: Planned) -> None:
    """Stop a worker in order, as a deployment does."""
    _worker(system, one).signal(signal.SIGTERM)
    await asyncio.sleep(one.seconds)


async def freeze(system: System, one: Planned) -> None:
    """Stop the time of a worker, which then believes that it still has what it had."""
    worker = _worker(system, one)
    worker.signal(signal.SIGSTOP)
    await asyncio.sleep(one.seconds)
    worker.signal(signal.SIGCONT)


async def kill_at_point(system: System, one: Planned) -> None:
    """Kill a worker just where it would hurt: the first one that comes to a named point."""
    function, keeps, holding = POINTS[int(one.choice * len(POINTS))]
    for worker in system.workers:
        worker.network.trap = Trap(function, keeps, holding)
    give_up_at = now() + one.seconds
    caught: list[Worker] = []
    while not caught and now() < give_up_at:
        await asyncio.sleep(0.005)
        caught = [worker for worker in system.workers if worker.network.has_caught]
    named = {"function": function.decode(), "keeps": keeps}
    system.history.add("point", **named, workers=[worker.name for worker in caught])
    for worker in caught:
        worker.signal(signal.SIGKILL)
    for worker in system.workers:
        worker.network.trap = None
    for worker in caught:
        worker.network.cut("rest")


async def jump_clock(system: System, one: Planned) -> None:
    """Let a worker's clock be wrong for a while."""
    worker = _worker(system, one)
    worker.set_clock((-86400, -30, -2, 2, 30, 86400)[int(one.choice * 6)])
    await asyncio.sleep(one.seconds)
    worker.set_clock(0)


# ---- networks


async def cut(system: System, one: Planned) -> None:
    """Reset connections, and refuse new ones for a while."""
    network, part = _network(system, one), _part(one)
    network.refused.add(part)
    network.cut(part)
    await asyncio.sleep(one.seconds)
    network.refused.discard(part)


async def half_open(system: System, one: Planned) -> None:
    """Let connections pass nothing, with nobody told of it."""
    network, part = _network(system, one), _part(one)
    network.silence(part)
    await asyncio.sleep(one.seconds)
    network.cut(part)
    network.resume(part)


async def delay(system: System, one: Planned) -> None:
    """Let everything take longer."""
    network = _network(system, one)
    network.delay_seconds = 0.02 + one.choice * 0.3
    await asyncio.sleep(one.seconds)
    network.delay_seconds = 0


# ---- the project


async def crash_database(system: System, one: Planned) -> None:
    """Let the server of the database crash and recover."""
    with suppress(psycopg.Error):
        await asyncio.to_thread(system.project.crash_database)
    await asyncio.sleep(one.seconds)


async def restart_project(system: System, one: Planned) -> None:
    """Stop everything, and start it again."""
    await system.project.restart(one.seconds)


async def fill_disk(system: System, one: Planned) -> None:
    """Let the database take no writes: what hosted projects do when their disk is full."""
    for value in ("on", "off"):
        await _administrate(system, f"alter system set default_transaction_read_only = {value}")
        await _administrate(system, "select pg_reload_conf()")
        if value == "on":
            await asyncio.sleep(one.seconds)


async def lock_conversation(system: System, one: Planned) -> None:
    """Hold the row of a conversation that is in use."""
    with suppress(psycopg.Error):
        async with await psycopg.AsyncConnection.connect(system.project.admin_url) as database:
            found = await database.execute(
                "select id::text from public.conversations"
                " order by last_message_at desc nulls last offset %s limit 1"
                " for update skip locked",
                [int(one.choice * 4)],
            )
            rows, begin = await found.fetchall(), now()
            await asyncio.sleep(one.seconds)
            await database.rollback()
            for [conversation] in rows:
                system.history.add("locked", conversation=conversation, begin=begin, end=now())


async def upgrade(system: System, one: Planned) -> None:
    """Bring the schema to this edition from one with another file: all functions are made anew."""
    await _administrate(
        system,
        "update private.applied_files set digest = 'another' where name = '1000_turns.sql'",
    )
    for _ in range(10):
        if await _migrate(system) == 0:
            break
        await asyncio.sleep(one.seconds)


async def _migrate(system: System) -> int | None:
    command = (str(ROMASHKA), "migrate", "--db-url", system.project.stack.db_url)
    with (system.project.folder / "migrate.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=log, stderr=log)
        return await process.wait()


async def _administrate(system: System, statement: str) -> None:
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                system.project.admin_url, autocommit=True, options=WRITABLE
            ) as database:
                await database.execute(statement.encode())
                return
        except psycopg.Error:
            await asyncio.sleep(0.2)


# ---- the model and the channels


async def mislead_model(system: System, one: Planned) -> None:
    """Let the model hang, fail, break off, talk nonsense, or say what no article says."""
    half = provider.token(provider.beginning("It is an"))
    moods = (
        provider.hangs(),
        provider.fails(500),
        provider.fails(429, Retry_After="1"),
        provider.answers("Once upon a time {"),
        provider.streams(half, is_whole=True),
        provider.streams(half, None),
        provider.answers(provider.analysis(sources=["K99"])),
        provider.answers(provider.analysis(reply="It costs 4,711 euros a day.", sources=["K1"])),
        provider.answers(provider.analysis(confidence=7, reply="")),
        provider.sends(b"\x00\xff" * 500),
    )
    mood = moods[int(one.choice * len(moods))]
    set_model(system, lambda: mood)
    await asyncio.sleep(one.seconds)
    set_model(system, system.usual_mood)


async def fail_graph(system: System, one: Planned) -> None:
    """Let the Graph API refuse, fail, hang, or take a message and not say so."""
    moods: tuple[Behaviour, ...] = (
        refuses(131000, status=500),
        refuses(131016, status=503, Retry_After="1"),
        shows("<h1>Sorry</h1>", 502),
        resets,
        hangs,
        accepts_and(resets),
        accepts_and(shows("<h1>Sorry</h1>", 500)),
    )
    system.graph_mood = moods[int(one.choice * len(moods))]
    await asyncio.sleep(one.seconds)
    system.graph_mood = accepts


async def fail_mail(system: System, one: Planned) -> None:
    """Let the mail server refuse for now, hang up, or keep a mail and not say so."""
    command, answer = (
        ("MAIL", "451 4.3.0 later"),
        ("RCPT", "450 4.2.1 later"),
        ("DATA", "452 4.3.1 later"),
        ("DATA", DROP),
        ("RCPT", DROP),
    )[int(one.choice * 5)]
    system.mail.answers[command] = [answer] * 100
    await asyncio.sleep(one.seconds)
    system.mail.answers[command] = []


def _worker(system: System, one: Planned) -> Worker:
    return next(worker for worker in system.workers if worker.name == one.target)


def _network(system: System, one: Planned) -> Network:
    return system.customers if one.target == "customers" else _worker(system, one).network


def _part(one: Planned) -> Part:
    return "rest" if one.choice < 0.5 else "realtime"


POINTS: tuple[tuple[bytes, Literal["request", "answer"], bytes], ...] = (
    (b"/rpc/get_next_ai_response_job", "answer", b'"job_id"'),  # claimed
    (b"/rpc/extend_ai_response_leases", "request", b""),
    (b"/rpc/complete_ai_response_jobs", "request", b""),  # drafted, and not settled
    (b"/rpc/complete_ai_response_jobs", "answer", b""),  # settled, which it does not know
    (b"/rpc/claim_channel_deliveries", "answer", b'"delivery_id"'),
    (b"/rpc/settle_channel_deliveries", "request", b""),  # sent, and not settled
    (b"/rpc/settle_channel_deliveries", "answer", b""),
)

_WORKERS = ("worker-0", "worker-1")
_NETWORKS = ("customers", *_WORKERS)
_PROJECT = ("project",)

TROUBLES = {
    "kill": Trouble(kill, _WORKERS, 2, (0.5, 2)),
    "stop": Trouble(stop, _WORKERS, 1, (0.5, 2)),
    "freeze": Trouble(freeze, _WORKERS, 2, (0.5, 7)),
    "kill at a point": Trouble(kill_at_point, ("points",), 4, (5, 10)),
    "jump the clock": Trouble(jump_clock, _WORKERS, 1, (2, 8)),
    "cut": Trouble(cut, _NETWORKS, 2, (0.2, 4)),
    "half-open": Trouble(half_open, _NETWORKS, 1, (1, 8)),
    "delay": Trouble(delay, _NETWORKS, 1, (2, 6)),
    "crash the database": Trouble(crash_database, _PROJECT, 1, (3, 5)),
    "restart the project": Trouble(restart_project, _PROJECT, 0.5, (0, 3)),
    "fill the disk": Trouble(fill_disk, _PROJECT, 0.7, (0.5, 4)),
    "upgrade": Trouble(upgrade, _PROJECT, 0.5, (0.5, 2)),
    "lock a conversation": Trouble(lock_conversation, _PROJECT, 1.5, (0.5, 4)),
    "mislead the model": Trouble(mislead_model, ("model",), 3, (1, 6)),
    "fail the Graph API": Trouble(fail_graph, ("graph",), 2, (1, 5)),
    "fail the mail server": Trouble(fail_mail, ("mail",), 1, (1, 5)),
}
