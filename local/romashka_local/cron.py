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
_RECORD_RESTART = """
update cron.job_run_details set status = 'failed', return_message = 'server restarted'
where status in ('starting', 'running')
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
    """What the scheduler remembers of a job, which it learns about a second after its creation."""

    job: Job
    last_due: datetime
    waiting: int = 0
    is_running: bool = False


@dataclass(slots=True)
class _Scheduler:
    config: StackConfig
    tasks: asyncio.TaskGroup
    records: psycopg.AsyncConnection[Any] = field(init=False)  # the scheduler's own
    known: dict[int, _Progress] = field(default_factory=dict)

    async def run(self) -> None:
        """Look at the jobs each second, for ever; survive a lost connection."""
        while True:
            try:
                async with await self._connect(self.config.database) as connection:
                    self.records = connection
                    await self._close_unfinished(connection)
                    while True:
                        await asyncio.sleep(1 - datetime.now(UTC).microsecond / 1_000_000)
                        self._look_at(await _active_jobs(connection), datetime.now(UTC))
            except psycopg.OperationalError:
                _log.warning("the scheduler lost its connection and connects again")
                await asyncio.sleep(1)

    async def _close_unfinished(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Record what a crash of the stack cut off; never at a mere loss of the connection."""
        if not self.known and await _has_cron(connection):
            await connection.execute(_RECORD_RESTART)

    def _look_at(self, jobs: list[Job], now: datetime) -> None:
        for jobid in self.known.keys() - {job.jobid for job in jobs}:
            self.known.pop(jobid).waiting = 0
        for job in jobs:
            progress = self.known.setdefault(job.jobid, _Progress(job, now))
            progress.job = job
            if is_due(job.schedule, progress.last_due, now):
                # A job of the calendar makes up for each run that it missed because the one before
                # took so long; a job of each N seconds for one.
                is_interval = _SECONDS.fullmatch(job.schedule) is not None
                progress.waiting = 1 if is_interval else progress.waiting + 1
                progress.last_due = now
            if progress.waiting and not progress.is_running:
                self.tasks.create_task(self._run(progress))

    async def _run(self, progress: _Progress) -> None:
        """Run a job as often as it waits to. What is wrong with a job stays its own affair."""
        progress.is_running = True
        while progress.waiting:
            progress.waiting -= 1
            if _SECONDS.fullmatch(progress.job.schedule):
                progress.last_due = datetime.now(UTC)  # it counts from its start
            try:
                await self._run_once(progress.job)
            except psycopg.Error as error:
                _log.warning("job %d did not run: %s", progress.job.jobid, error.sqlstate)
        progress.is_running = False

    async def _run_once(self, job: Job) -> None:
        async with await self._connect(job.database) as connection:
            await connection.execute(_ROLE_SETTINGS, [job.username])
            await connection.execute(
                sql.SQL("set session authorization {}").format(sql.Identifier(job.username))
            )
            await self._run_recorded(job, connection)

    async def _run_recorded(self, job: Job, connection: psycopg.AsyncConnection[Any]) -> None:
        started = await self.records.execute(
            _RECORD_START,
            [job.jobid, connection.info.backend_pid, job.database, job.username, job.command],
        )
        row = await started.fetchone()
        status, message = await _outcome(job, connection)
        await self.records.execute(_RECORD_END, [status, message, row and row[0]])

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
    if not await _has_cron(connection):
        return []
    async with connection.cursor(row_factory=class_row(Job)) as cursor:
        await cursor.execute(
            "select jobid, schedule, command, database, username from cron.job where active"
        )
        return await cursor.fetchall()


async def _has_cron(connection: psycopg.AsyncConnection[Any]) -> bool:
    found = await connection.execute("select to_regclass('cron.job') is not null")
    return await found.fetchone() == (True,)


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
        scheduler = tasks.create_task(_run_scheduler(config))
        try:
            yield
        finally:
            scheduler.cancel()


async def _run_scheduler(config: StackConfig) -> None:
    async with asyncio.TaskGroup() as jobs:
        await _Scheduler(config, jobs).run()
