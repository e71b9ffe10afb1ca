"""The Supabase CLI's part: starts the servers of one stack in order, watches them, stops them."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path
from typing import Any

import psycopg
import uvicorn
import uvloop
from romashka._migrations import MigrationError, apply_migrations, apply_seed

from romashka_local.auth import open_auth
from romashka_local.bootstrap import bootstrap_database
from romashka_local.config import StackConfig, read_settings
from romashka_local.cron import open_cron
from romashka_local.data_folder import open_data_folder
from romashka_local.errors import StackError
from romashka_local.functions import open_functions
from romashka_local.gateway import App, Gateway
from romashka_local.postgres import Cluster, find_binaries, free_port, log_file, run_cluster
from romashka_local.realtime import open_realtime
from romashka_local.rest import open_rest
from romashka_local.storage import open_storage

_log = logging.getLogger("romashka.local.stack")

# Realtime's own limit; a larger frame ends the connection there too.
_MAX_FRAME = 5_000_000


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


class _End(Enum):
    STOP = auto()
    RESET = auto()


def run_stack(options: StackOptions, on_ready: Callable[[StackConfig], None]) -> None:
    """Run a stack until SIGINT or SIGTERM; at SIGHUP it starts anew with an empty database.

    Raises:
        StackError: a part cannot start, or crashed; all the others are stopped by then.
    """
    binaries = find_binaries(options.postgres_bin)
    settings = _read_settings(options.project_dir)
    with (
        _signals_as_interrupt(),
        _listen(options.port) as listener,
        open_data_folder(options.data_dir) as folder,
    ):
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
            on_ready(config)

        while True:
            with run_cluster(
                folder.cluster,
                port=config.db_port,
                ephemeral=options.data_dir is None,
                binaries=binaries,
            ) as cluster:
                _prepare_database(config, cluster, migrate=options.migrate)
                end = _run_servers(config, cluster, listener, announce)
            if end is _End.STOP:
                return
            folder.clear()


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


@contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end what blocks while starting as Ctrl-C does, so that all is cleaned up."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _prepare_database(config: StackConfig, cluster: Cluster, *, migrate: bool) -> None:
    try:
        bootstrap_database(cluster.url(), jwt_secret=config.keys.jwt_secret)
        if migrate:
            apply_migrations(config.database_url(), config.project_dir)
            apply_seed(config.database_url(), config.project_dir)
    except MigrationError as error:
        raise StackError(f"unable to apply the migrations; {error}") from error
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        raise StackError(f"unable to prepare the database; {reason}") from error


def _run_servers(
    config: StackConfig, cluster: Cluster, listener: socket.socket, announce: Callable[[], None]
) -> _End:
    """Serve until a signal. Whatever crashes ends everything: a stack is never half-alive."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_serve(config, cluster, listener, announce))
    except Exception as error:
        if cluster.process.poll() is not None:
            log = log_file(config.data_dir / "postgres")
            raise StackError(f"Postgres ended by itself; see {log}") from error
        _log.error("stack.crashed", exc_info=error)
        raise StackError(f"a part of the stack crashed; {_innermost(error)!r}") from error


async def _serve(
    config: StackConfig, cluster: Cluster, listener: socket.socket, announce: Callable[[], None]
) -> _End:
    end = _end_by_signal()
    serving = asyncio.create_task(_serve_for_ever(config, cluster, listener, announce))
    either: list[asyncio.Future[Any]] = [end, serving]
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not end.done():
        await serving  # raises what crashed
    serving.cancel()
    await asyncio.wait([serving])
    return end.result()


async def _serve_for_ever(
    config: StackConfig, cluster: Cluster, listener: socket.socket, announce: Callable[[], None]
) -> None:
    """Serve until cancelled.

    Each part runs in a task group, so that one which crashes cancels this task and so the others.
    """
    async with (
        asyncio.TaskGroup() as tasks,
        _open_gateway(config) as gateway,
        open_cron(config),
    ):
        tasks.create_task(_watch(cluster))
        server = _HttpServer(gateway, announce)
        http = asyncio.create_task(server.serve(sockets=[listener.dup()]))
        try:
            await asyncio.wait([http])
            raise RuntimeError("the HTTP server ended by itself")
        finally:
            server.should_exit = True
            await http


def _end_by_signal() -> asyncio.Future[_End]:
    loop = asyncio.get_running_loop()
    end: asyncio.Future[_End] = loop.create_future()

    def finish(how: _End) -> None:
        if not end.done():
            end.set_result(how)

    loop.add_signal_handler(signal.SIGINT, finish, _End.STOP)
    loop.add_signal_handler(signal.SIGTERM, finish, _End.STOP)
    loop.add_signal_handler(signal.SIGHUP, finish, _End.RESET)
    return end


@asynccontextmanager
async def _open_gateway(config: StackConfig) -> AsyncIterator[Gateway]:
    async with (
        open_rest(config) as rest,
        open_auth(config) as auth,
        open_realtime(config) as realtime,
        open_storage(config) as storage,
        open_functions(config) as functions,
    ):
        servers: dict[str, App] = {
            "rest": rest,
            "auth": auth,
            "realtime": realtime,
            "storage": storage,
            "functions": functions,
        }
        yield Gateway(config.keys, servers)


async def _watch(cluster: Cluster) -> None:
    # A process has no event to wait for that works everywhere.
    while cluster.process.poll() is None:  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    raise RuntimeError("Postgres ended by itself")


class _HttpServer(uvicorn.Server):
    """uvicorn, with the signals left to the stack."""

    def __init__(self, gateway: Gateway, on_started: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                gateway,
                http="httptools",
                ws="websockets-sansio",
                ws_max_size=_MAX_FRAME,
                ws_ping_interval=None,  # Realtime has heartbeats of its own
                ws_per_message_deflate=False,  # costs more than it saves on one machine
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=2,
            )
        )
        self._on_started = on_started

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
