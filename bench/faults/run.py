"""One run: traffic and troubles beside one another, a quiet end, and the verdict."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psycopg

from bench.faults import traffic
from bench.faults.history import History
from bench.faults.system import System, open_system
from bench.faults.troubles import make_trouble, plan
from tests.support.waiting import becomes

_QUIET_SECONDS = 240
"""A worker that died with a delivery leaves it in doubt for as long as its lease, and 20 s."""
_TURNS_EACH = 3
_FORGERIES = 5
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    turns: int
    faults: int
    pace_seconds: float


async def run(folder: Path, size: Size, seed: int, check: Callable[[str, Path], R]) -> R:
    """Let it all happen in `folder`; return what `check` says of the database and the folder."""
    with History(folder / "history.jsonl") as history:
        history.add("run", seed=seed, turns=size.turns, faults=size.faults)
        async with open_system(folder, history, seed) as system:
            await traffic.open_accounts(system)
            planned = plan(seed, size.faults, size.pace_seconds)
            lasts = planned[-1].at if planned else size.turns / 2
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(make_trouble(system, planned))
                tasks.create_task(let_write(system, size.turns, seed, lasts))
            with suppress(AssertionError):  # what never ends is the checker's to find
                await becomes(lambda: _is_quiet(system), _QUIET_SECONDS)
            await asyncio.sleep(1)
            return check(system.project.admin_url, folder)


async def let_write(system: System, turns: int, seed: int, seconds: float) -> None:
    """Let customers come evenly over the time, each with a few turns."""
    chance = random.Random(f"traffic {seed}")
    visits = -(-turns // _TURNS_EACH)
    async with asyncio.TaskGroup() as tasks:
        for number in range(visits):
            own = random.Random(f"visit {seed} {number}")
            how = chance.choices(
                (traffic.visit_website, traffic.write_whatsapp, traffic.write_mail), (6, 3, 2)
            )[0]
            tasks.create_task(how(system, own, min(_TURNS_EACH, turns - number * _TURNS_EACH)))
            if number % (visits // _FORGERIES + 1) == 0:
                tasks.create_task(traffic.forge(system))
                tasks.create_task(traffic.snoop(system))
            await asyncio.sleep(seconds / visits)


async def _is_quiet(system: System) -> bool:
    """Tell whether nothing is left to be done."""
    try:
        async with await psycopg.AsyncConnection.connect(system.project.admin_url) as database:
            row = await (await database.execute(_OPEN)).fetchone()
    except psycopg.Error:
        return False
    await asyncio.sleep(0.5)
    return row == (0,) and system.told == len(system.graph.accepted)


_OPEN = """
select (select count(*) from public.ai_response_queue where status in ('pending', 'processing'))
  + (select count(*) from public.channel_deliveries where settled_at is null and kind = 'message')
"""
