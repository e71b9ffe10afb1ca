"""The project under test: a local stack in a folder of its own, which may stop and start."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bench.faults.history import History
from tests.support.stacks import RunningStack, start_stack, stop_stack, wait_until_ready

_PROBE_SECONDS = 0.2
_GAP_SECONDS = 0.7
"""A database that takes no write for longer than this is down, whatever the reason."""
WRITABLE = "-c default_transaction_read_only=off"


class Project:
    """A running stack; its keys, ports and rows outlive a restart."""

    def __init__(self, stack: RunningStack, folder: Path, history: History) -> None:
        self.stack = stack
        self.folder = folder
        self._history = history

    @property
    def admin_url(self) -> str:
        return self.stack.admin_url()

    async def restart(self, seconds: float) -> None:
        """Stop everything, database included, for so long."""
        began = time.time()
        await asyncio.to_thread(stop_stack, self.stack.process, 30)
        await asyncio.sleep(seconds)
        api, database = (urlsplit(url).port for url in (self.stack.api_url, self.stack.db_url))
        self.stack = await asyncio.to_thread(
            _start, self.folder, "--port", str(api), "--db-port", str(database)
        )
        self._history.add("outage", begin=began, end=time.time(), why="the project was stopped")

    def crash_database(self) -> None:
        """Kill a process of the server: it ends all others, recovers, and starts anew."""
        with psycopg.connect(self.admin_url, autocommit=True) as database:
            os.kill(database.info.backend_pid, signal.SIGKILL)

    async def probe(self) -> None:
        """Write a row again and again, and note when that does not go: the outages of a run.

        It knows nothing of the product and of the faults, and it is as slow as the machine is.
        """
        good_at = time.time()
        while True:
            with suppress(psycopg.Error, OSError, TimeoutError):
                async with asyncio.timeout(1):
                    database = await psycopg.AsyncConnection.connect(
                        self.stack.db_url, autocommit=True
                    )
                async with database:
                    while True:
                        async with asyncio.timeout(1):
                            await database.execute(_PROBE)
                        good_at = self._note_gap(good_at)
                        await asyncio.sleep(_PROBE_SECONDS)
            await asyncio.sleep(_PROBE_SECONDS)

    def _note_gap(self, good_at: float) -> float:
        """Note an outage, if it is long since a write went through; return that one did now."""
        now = time.time()
        if now - good_at > _GAP_SECONDS:
            self._history.add("outage", begin=good_at, end=now, why="no write went through")
        return now


_PROBE = """
insert into faults_probe.writes (id, at) values (1, clock_timestamp())
on conflict (id) do update set at = excluded.at
"""
_PREPARE = """
create schema faults_probe;
create table faults_probe.writes (id integer primary key, at timestamptz);
grant usage on schema faults_probe to postgres;
grant all on faults_probe.writes to postgres;
"""


def _start(folder: Path, *options: str) -> RunningStack:
    return wait_until_ready(start_stack(*options, cwd=folder))


@asynccontextmanager
async def open_project(folder: Path, history: History) -> AsyncIterator[Project]:
    """Run a stack in `folder` until the block is left."""
    project = Project(await asyncio.to_thread(_start, folder), folder, history)
    try:
        with psycopg.connect(project.admin_url, autocommit=True) as database:
            database.execute(_PREPARE)
        probing = asyncio.create_task(project.probe())
        yield project
        probing.cancel()
        await asyncio.wait([probing])
    finally:
        await asyncio.to_thread(stop_stack, project.stack.process, 30)
