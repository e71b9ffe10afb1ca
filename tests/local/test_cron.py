"""Jobs that `cron.schedule` recorded run as pg_cron runs them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from romashka_local.cron import is_due

from tests.support.stacks import RunningStack

Eventually = Callable[..., Any]


@pytest.fixture
def cron_db(bare_stack: RunningStack) -> Any:
    """A connection to a running stack where pg_cron exists; its jobs are removed afterwards."""
    with psycopg.connect(bare_stack.db_url, autocommit=True, row_factory=dict_row) as connection:
        connection.execute("create extension if not exists pg_cron with schema pg_catalog")
        connection.execute("drop table if exists public.ticks")
        connection.execute("create table public.ticks (at timestamptz default clock_timestamp())")
        yield connection
        connection.execute("select cron.unschedule(jobid) from cron.job")


def _runs(connection: psycopg.Connection[dict[str, Any]], jobid: int, status: str) -> list[Any]:
    return connection.execute(
        "select * from cron.job_run_details where jobid = %s and status = %s order by runid",
        [jobid, status],
    ).fetchall()


def _two(runs: list[Any]) -> list[Any]:
    return runs if len(runs) > 1 else []


def _schedule(connection: psycopg.Connection[dict[str, Any]], command: str) -> int:
    row = connection.execute(
        "select cron.schedule('job', '1 second', %s) as jobid", [command]
    ).fetchone()
    assert row is not None
    return int(row["jobid"])


def test_a_job_of_each_second_runs_each_second(cron_db: Any, eventually: Eventually) -> None:
    """The sweep that keeps the deadline when no worker runs is such a job."""
    jobid = _schedule(cron_db, "insert into public.ticks default values")
    runs = eventually(lambda: _two(_runs(cron_db, jobid, "succeeded")))

    gaps = [b["start_time"] - a["start_time"] for a, b in pairwise(runs)]
    assert all(gap > timedelta(seconds=0.5) for gap in gaps)
    assert runs[0]["return_message"] == "INSERT 0 1"
    assert (runs[0]["username"], runs[0]["database"]) == ("postgres", "postgres")


@pytest.mark.parametrize("table", ["cron.job", "cron.job_run_details"])
def test_a_project_makes_no_trigger_on_its_tables(cron_db: Any, table: str) -> None:
    """As on hosted projects: a broken trigger would end all jobs."""
    cron_db.execute(
        "create or replace function public.note() returns trigger language plpgsql"
        " as 'begin return new; end'"
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        cron_db.execute(
            f"create trigger t after insert on {table} for each row execute function public.note()"
        )


def test_a_procedure_may_commit(cron_db: Any, eventually: Eventually) -> None:
    """Romashka's sweep commits four times a run."""
    cron_db.execute(
        "create or replace procedure public.tick_twice() language plpgsql as $$ begin"
        " insert into public.ticks default values; commit;"
        " insert into public.ticks default values; rollback; end $$"
    )
    jobid = _schedule(cron_db, "call public.tick_twice()")
    [run] = eventually(lambda: _runs(cron_db, jobid, "succeeded"))[:1]

    assert run["return_message"] == "CALL"
    assert cron_db.execute("select count(*) as n from public.ticks").fetchone()["n"] >= 1


def test_a_failing_job_is_recorded_and_tried_again(cron_db: Any, eventually: Eventually) -> None:
    """What is wrong with one job must not stop the scheduler."""
    jobid = _schedule(cron_db, "select 1 / 0")
    runs = eventually(lambda: _two(_runs(cron_db, jobid, "failed")))

    assert runs[0]["return_message"] == "ERROR: division by zero"
    assert runs[0]["end_time"] >= runs[0]["start_time"]


def test_a_job_never_overlaps_itself(cron_db: Any, eventually: Eventually) -> None:
    """Two sweeps at once would wait for one another's locks."""
    jobid = _schedule(cron_db, "select pg_sleep(1.5)")
    runs = eventually(lambda: _two(_runs(cron_db, jobid, "succeeded")))

    assert all(b["start_time"] >= a["end_time"] for a, b in pairwise(runs))


def test_an_unscheduled_job_runs_no_more(cron_db: Any, eventually: Eventually) -> None:
    """Both forms of `unschedule`, and the same name twice is one job."""
    assert _schedule(cron_db, "select 1") == _schedule(cron_db, "select 2")
    jobs = cron_db.execute("select command from cron.job").fetchall()
    cron_db.execute("select cron.unschedule('job')")

    assert jobs == [{"command": "select 2"}]
    assert cron_db.execute("select from cron.job").rowcount == 0
    with pytest.raises(psycopg.errors.RaiseException, match="could not find valid entry for job"):
        cron_db.execute("select cron.unschedule('job')")


@pytest.mark.parametrize("schedule", ["soon", "* * * *", "0 seconds", "60 seconds", "* * * * * *"])
def test_a_schedule_that_is_none_is_refused(cron_db: Any, schedule: str) -> None:
    """Better at the call than never run."""
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="invalid schedule"):
        cron_db.execute("select cron.schedule('bad', %s, 'select 1')", [schedule])


@pytest.mark.parametrize(
    ("schedule", "last", "now", "due"),
    [
        ("5 seconds", "12:00:00", "12:00:04", False),
        ("5 seconds", "12:00:00", "12:00:05", True),
        ("*/5 * * * *", "12:01:00", "12:04:59", False),
        ("*/5 * * * *", "12:01:00", "12:05:00", True),
        ("30 13 * * sun", "12:00:00", "13:30:01", True),
        ("30 13 * * mon", "12:00:00", "13:30:01", False),
        ("0 13 $ * *", "12:00:00", "13:00:00", False),
        ("@hourly", "12:00:30", "13:00:00", True),
        ("61 * * * *", "12:00:00", "14:00:00", False),
    ],
)
def test_when_a_job_is_due(schedule: str, last: str, now: str, due: bool) -> None:
    """2026-11-22, a Sunday, in UTC as pg_cron has it."""
    last_due, at = (
        datetime.fromisoformat(f"2026-11-22T{clock}").replace(tzinfo=UTC) for clock in (last, now)
    )

    assert is_due(schedule, last_due, at) is due
