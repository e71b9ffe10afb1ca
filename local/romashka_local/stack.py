"""The Supabase CLI's part: starts the servers of one stack in order, watches them, stops them."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import uvloop
from romashka._installation import install
from romashka._migrations import MigrationError, apply_migrations, apply_seed

from romashka_local.bootstrap import EXPOSES_NEW_TABLES, bootstrap_database
from romashka_local.config import StackConfig, read_settings
from romashka_local.data_folder import open_data_folder
from romashka_local.errors import StackError
from romashka_local.open_files import allow_open_files
from romashka_local.postgres import Cluster, find_binaries, free_port, log_file, run_cluster
from romashka_local.serve import End, serve

_log = logging.getLogger("romashka.local.stack")


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What `romashka start` was asked for."""

    project_dir: Path
    data_dir: Path | None
    """None: a temporary folder, and no care for what a power failure would do."""
    port: int
    db_port: int
    migrate: bool = True
    postgres_bin: Path | None = None


def run_stack(options: StackOptions, on_ready: Callable[[StackConfig], None]) -> None:
    """Run a stack until SIGINT, SIGTERM or SIGHUP; SIGUSR1 starts it anew, with no data.

    Raises:
        StackError: a part cannot start, or crashed; all the others are stopped by then.
    """
    binaries = find_binaries(options.postgres_bin)
    settings = _read_settings(options.project_dir)
    _expect_signals()
    allow_open_files()
    with _listen(options.port) as listener, open_data_folder(options.data_dir) as folder:
        config = StackConfig(
            project_dir=options.project_dir,
            data_dir=folder.path,
            port=listener.getsockname()[1],
            db_port=options.db_port or free_port(),
            settings=settings,
        )

        def announce() -> None:
            # With what `romashka status` and `romashka db reset` need beside it.
            started_at = datetime.now(UTC).isoformat()
            folder.say(describe(config) | {"PID": str(os.getpid()), "STARTED_AT": started_at})
            if not is_reset:
                on_ready(config)

        exposes = config.checked_setting("api.auto_expose_new_tables", EXPOSES_NEW_TABLES)
        is_reset = False
        while True:
            with run_cluster(
                folder.cluster,
                port=config.db_port,
                ephemeral=options.data_dir is None,
                binaries=binaries,
            ) as cluster:
                _prepare_database(config, cluster, migrate=options.migrate, exposes=exposes)
                end = _run_servers(config, cluster, listener, announce)
            if end is End.STOP:
                return
            folder.clear()
            is_reset = True


def describe(config: StackConfig) -> dict[str, str]:
    """Return what a client needs to know, under the names of `supabase status -o env`."""
    return {
        "API_URL": config.api_url,
        "DB_URL": config.database_url(),
        "ANON_KEY": config.keys.anon_key,
        "SERVICE_ROLE_KEY": config.keys.service_role_key,
        "JWT_SECRET": config.keys.jwt_secret,
        "PUBLISHABLE_KEY": config.keys.publishable_key,
        "SECRET_KEY": config.keys.secret_key,
    }


def bring_up_to_date(url: str, project: Path) -> list[str]:
    """Apply the migrations that a database lacks, and return the names of their files.

    Raises:
        MigrationError: a file failed.
        psycopg.OperationalError: the database cannot be reached.
    """
    if (project / "repeatable").is_dir():
        return install(url, project)
    return apply_migrations(url, project)


def _read_settings(project_dir: Path) -> Mapping[str, object]:
    try:
        return read_settings(project_dir)
    except (ValueError, OSError) as error:
        raise StackError(str(error)) from error


@contextmanager
def _listen(port: int) -> Iterator[socket.socket]:
    """Listen at once, so that a taken port is known before anything was started."""
    try:
        listener = socket.create_server(("127.0.0.1", port), backlog=2048)
    except OSError as error:
        raise StackError(f"port {port} is taken; choose another one with --port") from error
    with listener:
        yield listener


def _expect_signals() -> None:
    """Let what ends the stack end it also while it blocks, starting; all is cleaned up then."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, interrupt)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # it is about to have a new database anyway


def _prepare_database(
    config: StackConfig, cluster: Cluster, *, migrate: bool, exposes: bool
) -> None:
    try:
        bootstrap_database(
            cluster.url(), jwt_secret=config.keys.jwt_secret, exposes_new_tables=exposes
        )
        if migrate:
            bring_up_to_date(config.database_url(), config.project_dir)
            apply_seed(config.database_url(), config.project_dir)
    except MigrationError as error:
        raise StackError(f"unable to apply the migrations; {error}") from error
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        raise StackError(f"unable to prepare the database; {reason}") from error


def _run_servers(
    config: StackConfig, cluster: Cluster, listener: socket.socket, announce: Callable[[], None]
) -> End:
    """Serve until a signal. Whatever crashes ends everything: a stack is never half-alive."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(serve(config, cluster, listener, announce))
    except Exception as error:
        if cluster.process.poll() is not None:
            log = log_file(config.data_dir / "postgres")
            raise StackError(f"Postgres ended by itself; see {log}") from error
        cause = _innermost(error)
        if isinstance(cause, StackError):  # a setting that a server cannot use
            raise cause from error
        _log.error("stack.crashed", exc_info=error)
        raise StackError(f"a part of the stack crashed; {cause!r}") from error
    finally:
        _expect_signals()  # the event loop took its handlers with it


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
