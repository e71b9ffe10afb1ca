"""Sessions that stay in the middle of a transaction: run, hold, commit, crash, see who waits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg.rows import dict_row

from tests.support.databases import as_user
from tests.support.waiting import eventually

Row = dict[str, Any]

_BUSY = "PT503"
"""Somebody held the conversation for longer than a message waits: the client comes again."""
_IS_STUCK = """
select cardinality(pg_blocking_pids(pid)) > 0 or wait_event is not distinct from 'PgSleep' as stuck
from pg_stat_activity where pid = %s
"""


@dataclass(frozen=True, slots=True)
class Action:
    """One request: a statement that somebody runs in a transaction of its own."""

    who: str | None
    statement: str
    values: tuple[Any, ...] = ()
    then: Callable[[list[Row]], None] = lambda rows: None
    """Called with the rows when the transaction has committed, and only then."""
    refusal: str | None = None
    """The SQLSTATE that the action must fail with."""


class Session:
    """A connection that does one action at a time, in a thread of its own, so that it may wait."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread = ThreadPoolExecutor(1)
        self._connect()

    def _connect(self) -> None:
        self.connection = psycopg.connect(self._url, row_factory=dict_row)
        self.pid = self.connection.info.backend_pid
        self.state: Literal["free", "running", "held"] = "free"

    @property
    def statement(self) -> str:
        """What it does, or did last."""
        return self._action.statement

    def start(self, action: Action, *, hold: bool) -> None:
        """Begin; with `hold` the transaction stays open until `commit` or a crash."""
        self._action, self._hold = action, hold
        self.state = "running"
        self.future = self._thread.submit(self._perform)

    def _perform(self) -> list[Row]:
        as_user(self.connection, self._action.who)
        cursor = self.connection.execute(self._action.statement, self._action.values)
        rows = cursor.fetchall() if cursor.description else []
        if not self._hold:
            self.connection.commit()
        return rows

    def collect(self) -> None:
        """Take what the finished statement gave.

        Raises:
            AssertionError: it failed, and should not have, or the other way round.
        """
        error = self.future.exception()
        if error is not None or self._action.refusal is not None:
            self.connection.rollback()
            self.state = "free"
            code = error.sqlstate if isinstance(error, psycopg.Error) else None
            if code != _BUSY and (code is None or code != self._action.refusal):
                raise AssertionError(f"{self._action} ended with {error!r}") from error
        elif self._hold:
            self.state = "held"
        else:
            self._finish()

    def commit(self) -> None:
        """End a held transaction."""
        self.connection.commit()
        self._finish()

    def _finish(self) -> None:
        self.state = "free"
        self._action.then(self.future.result())

    def crash(self, admin: psycopg.Connection[Any]) -> None:
        """Lose the connection, wherever it is; come back as a new one."""
        admin.execute("select pg_terminate_backend(%s)", [self.pid])
        eventually(lambda: not _backends(admin, self.pid))
        if self.state == "running":
            self.future.exception()
        self.connection.close()
        self._connect()

    def close(self) -> None:
        self._thread.shutdown()
        self.connection.close()


def _backends(admin: psycopg.Connection[Any], pid: int) -> list[Row]:
    return admin.execute("select from pg_stat_activity where pid = %s", [pid]).fetchall()


def let_them_run(sessions: list[Session], admin: psycopg.Connection[Any]) -> None:
    """Wait until each statement has finished, or waits for a lock or for time to pass."""
    is_moving = True
    while is_moving:  # whoever finishes may free somebody
        is_moving = False
        for session in sessions:
            if session.state == "running" and not _is_stuck(session, admin):
                session.collect()
                is_moving = True


def _is_stuck(session: Session, admin: psycopg.Connection[Any]) -> bool:
    while not wait([session.future], timeout=0.002).done:
        row = admin.execute(_IS_STUCK, [session.pid]).fetchone()
        if row is not None and row["stuck"]:
            return True
    return False
