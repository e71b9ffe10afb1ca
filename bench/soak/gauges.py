"""What is read of the system: each process's memory and handles, the database, and two pages."""

import asyncio
import json
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypedDict

import psutil
import psycopg

from bench.faults.system import System
from bench.inbox import build, project, serve
from tests.support.javascript import NODE, WORKSPACE

_MIB = 1_048_576
_PAGES = Path(__file__).with_name("pages.mjs")
# Of the tables that turns go through; what is deleted is dead until a vacuum.
_DATABASE = """
select
  (select count(*) from pg_stat_activity where backend_type = 'client backend'),
  (select coalesce(100.0 * sum(n_dead_tup) / nullif(sum(n_live_tup + n_dead_tup), 0), 0)
    from pg_stat_user_tables where schemaname in ('public', 'private'))
"""


class Reading(TypedDict):
    """All gauges at one time."""

    minute: float
    values: dict[str, float]


class Gauges:
    """Everything that can be read; a name ends with its unit."""

    def __init__(self, system: System, pages: asyncio.subprocess.Process) -> None:
        self._system = system
        self._pages = pages

    async def read(self, minute: float) -> Reading:
        """Return what all of them show now."""
        values = self._processes() | await self._database() | await self._browser()
        return {"minute": round(minute, 3), "values": values}

    def _processes(self) -> dict[str, float]:
        values: dict[str, float] = {}
        for worker in self._system.workers:
            if worker.process is not None:
                values |= _of_process(worker.name, psutil.Process(worker.process.pid))
        stack = psutil.Process(self._system.project.stack.process.pid)
        values |= _of_process("stack", stack)
        below = stack.children(recursive=True)
        for name in ("postgres", "deno"):
            values[f"{name}, MB"] = _memory(each for each in below if name in _name(each))
        return values

    async def _database(self) -> dict[str, float]:
        async with await psycopg.AsyncConnection.connect(
            self._system.project.admin_url
        ) as database:
            row = await (await database.execute(_DATABASE)).fetchone()
        assert row is not None
        return {"database, connections": float(row[0]), "dead rows, %": float(row[1])}

    async def _browser(self) -> dict[str, float]:
        stdin, stdout = self._pages.stdin, self._pages.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(b"\n")
        line = await stdout.readline()
        assert line, "the browser's part ended"
        values: dict[str, float] = json.loads(line)
        return values


def _of_process(name: str, process: psutil.Process) -> dict[str, float]:
    with suppress(psutil.NoSuchProcess):
        return {f"{name}, MB": _memory([process]), f"{name}, handles": float(process.num_fds())}
    return {}


def _memory(processes: Iterable[psutil.Process]) -> float:
    """Return what they hold together; what they share counts once, where the system says so."""
    total = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            held = process.memory_full_info()
            total += getattr(held, "pss", held.uss)
    return total / _MIB


def _name(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        return process.name()
    return ""


@asynccontextmanager
async def open_gauges(system: System) -> AsyncIterator[Gauges]:
    """Open an inbox and a shop with the widget in Chromium, beside all that runs already."""
    stack = system.project.stack
    with tempfile.TemporaryDirectory(prefix="romashka-soak-") as folder:
        site = await asyncio.to_thread(build, Path(folder), stack)
        command = [NODE, "build.mjs", "--outDir", site / "widget"]
        await asyncio.to_thread(subprocess.run, command, cwd=WORKSPACE / "widget", check=True)
        (site / "shop.html").write_text(
            '<!doctype html><html lang="en"><title>A shop</title><h1>A shop</h1>'
            f'<script async src="widget/romashka-widget.js" data-project="{stack.api_url}"'
            f' data-key="{stack.anon_key}"></script></html>'
        )
        with serve(site, stack) as url:
            pages = await asyncio.create_subprocess_exec(
                *(NODE, _PAGES),
                env=project(stack) | {"SITE": url},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                yield Gauges(system, pages)
            finally:
                assert pages.stdin is not None
                pages.stdin.close()
                await pages.wait()
