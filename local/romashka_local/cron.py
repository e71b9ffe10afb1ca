"""pg_cron's part: runs what `cron.schedule` recorded, each job in a connection of its own."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from cronsim import CronSim, CronSimError
from psycopg import sql
from psycopg.rows import class_row

from romashka_local.config import StackConfig

_log = logging.getLogger("romashka.local.cron")

_SECONDS = re.compile(r"\s*(\d+)\s+seconds?\s*", re.IGNORECASE)
_NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_RECORD_START = """
insert into cron.job_run_details (jobid, job_pid, database, username, command, status, start_time)
values (%s, %s, %s, %s, %s, 'running', clock_timestamp()) returning runid
"""
_RECORD_END = """
update cron.job_run_details
set status = %s, return_message = %s, end_time = clock_timestamp() where runid = %s
"""
# What the role would have had, had it connected itself.
_ROLE_SETTINGS = """
select set_config(split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1), false)
from pg_roles, unnest(rolconfig) as setting where rolname = %s
"""


@dataclass(frozen=True, slots=True)
class Job:
    """A row of `cron.job`."""

    jobid: int
    schedule: str
    command: str
    database: str
    username: str


@dataclass(slots=True)
class _Progress:
    """When a job ran last, and how often it still has to."""

    last_due: datetime
    waiting: int = 0
    running: bool = False


@dataclass(slots=True)
class _Scheduler:
    config: StackConfig
    tasks: asyncio.TaskGroup
    progress: dict[int, _Progress] = field(default_factory=dict)

    async def run(self) -> None:
        """Look at the jobs each second, for ever; survive a lost connection."""
        while True:
            try:
                async with await self._connect(self.config.database) as connection:
                    while True:
                        await asyncio.sleep(1 - datetime.now(UTC).microsecond / 1_000_000)
                        self._start_due(await _active_jobs(connection), datetime.now(UTC))
            except psycopg.OperationalError:
                _log.warning("cron.connection_lost")
                await asyncio.sleep(1)

    def _start_due(self, jobs: list[Job], now: datetime) -> None:
        known = {job.jobid: self.progress.get(job.jobid, _Progress(now)) for job in jobs}
        # A job that was removed while it runs is remembered until it ends.
        self.progress = known | {i: p for i, p in self.progress.items() if p.running}
        for job in jobs:
            progress = self.progress[job.jobid]
            if is_due(job.schedule, progress.last_due, now):
                progress.last_due = now
                # A job of each second skips what it missed; one of the calendar makes up for it.
                waits = (
                    progress.waiting if _SECONDS.fullmatch(job.schedule) else progress.waiting + 1
                )
                progress.waiting = max(1, waits) if not progress.running else waits
            if progress.waiting and not progress.running:
                progress.waiting -= 1
                progress.running = True
                self.tasks.create_task(self._run(job, progress))

    async def _run(self, job: Job, progress: _Progress) -> None:
        """Run a job once and record how it ended. What is wrong with a job stays its own affair."""
        try:
            async with await self._connect(job.database) as connection:
                await connection.execute(_ROLE_SETTINGS, [job.username])
                await connection.execute(
                    sql.SQL("set session authorization {}").format(sql.Identifier(job.username))
                )
                await self._run_recorded(job, connection)
        except psycopg.Error as error:
            _log.warning("cron.job_failed", extra={"jobid": job.jobid, "sqlstate": error.sqlstate})
        finally:
            progress.running = False

    async def _run_recorded(self, job: Job, connection: psycopg.AsyncConnection[Any]) -> None:
        async with await self._connect(self.config.database) as records:
            started = await records.execute(
                _RECORD_START,
                [job.jobid, connection.info.backend_pid, job.database, job.username, job.command],
            )
            row = await started.fetchone()
            status, message = await _outcome(job, connection)
            await records.execute(_RECORD_END, [status, message, row and row[0]])

    async def _connect(self, database: str) -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(
            self.config.database_url("supabase_admin"),
            dbname=database,
            autocommit=True,
            application_name="pg_cron scheduler",
        )


async def _outcome(job: Job, connection: psycopg.AsyncConnection[Any]) -> tuple[str, str]:
    try:
        # No parameters and no transaction around it, so that a procedure may commit.
        cursor = await connection.execute(job.command.encode())
    except psycopg.Error as error:
        return "failed", f"ERROR: {error.diag.message_primary or error}"
    if cursor.description is not None:
        return "succeeded", f"{cursor.rowcount} row{'' if cursor.rowcount == 1 else 's'}"
    return "succeeded", cursor.statusmessage or ""


async def _active_jobs(connection: psycopg.AsyncConnection[Any]) -> list[Job]:
    async with connection.cursor() as cursor:
        found = await cursor.execute("select to_regclass('cron.job') is not null")
        if await found.fetchone() != (True,):
            return []
    async with connection.cursor(row_factory=class_row(Job)) as cursor:
        await cursor.execute(
            "select jobid, schedule, command, database, username from cron.job where active"
        )
        return await cursor.fetchall()


def is_due(schedule: str, last_due: datetime, now: datetime) -> bool:
    """Say whether a job that was due last at `last_due` is due again."""
    if interval := _SECONDS.fullmatch(schedule):
        # The clock is read shortly after each full second.
        return now - last_due >= timedelta(seconds=int(interval[1]), milliseconds=-100)
    expression = _NAMED.get(schedule.strip().lower(), schedule.strip()).replace("$", "L")
    try:
        return next(CronSim(expression, last_due)) <= now
    except (CronSimError, StopIteration):
        return False


@asynccontextmanager
async def open_cron(config: StackConfig) -> AsyncIterator[None]:
    """Run scheduled jobs until the block is left; a job that still runs then is cancelled."""
    async with asyncio.TaskGroup() as tasks:
        scheduler = tasks.create_task(_Scheduler(config, tasks).run())
        try:
            yield
        finally:
            scheduler.cancel()
