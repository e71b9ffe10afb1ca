"""Serves the gateway with all servers behind it until a signal; one that crashes ends them all."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import Enum, auto
from typing import Any

import uvicorn

from romashka_local.auth import open_auth
from romashka_local.config import StackConfig
from romashka_local.cron import open_cron
from romashka_local.functions import open_functions
from romashka_local.gateway import App, Gateway
from romashka_local.inbox import inbox_app
from romashka_local.open_files import watch_open_files
from romashka_local.pages import find_pages
from romashka_local.postgres import Cluster
from romashka_local.realtime import open_realtime
from romashka_local.rest import open_rest
from romashka_local.storage import open_storage
from romashka_local.widget import widget_app

# Realtime's own limit; a larger frame ends the connection there too.
_MAX_FRAME = 5_000_000


class End(Enum):
    """What the signal that ended it asked for."""

    STOP = auto()
    RESET = auto()


async def serve(
    config: StackConfig, cluster: Cluster, listener: socket.socket, announce: Callable[[], None]
) -> End:
    """Serve on `listener`, calling `announce` when all is ready, until a signal.

    Raises whatever crashed, the end of Postgres included.
    """
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
        tasks.create_task(watch_open_files())
        server = _HttpServer(gateway, announce)
        http = asyncio.create_task(server.serve(sockets=[listener.dup()]))
        try:
            await asyncio.wait([http])
            raise RuntimeError("the HTTP server ended by itself")
        finally:
            server.should_exit = True
            await http


def _end_by_signal() -> asyncio.Future[End]:
    loop = asyncio.get_running_loop()
    end: asyncio.Future[End] = loop.create_future()

    def finish(how: End) -> None:
        if not end.done():
            end.set_result(how)

    loop.add_signal_handler(signal.SIGINT, finish, End.STOP)
    loop.add_signal_handler(signal.SIGTERM, finish, End.STOP)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        loop.add_signal_handler(signal.SIGHUP, finish, End.STOP)  # the terminal was closed
    loop.add_signal_handler(signal.SIGUSR1, finish, End.RESET)
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
        yield Gateway(config.keys, servers, _pages(config))


def _pages(config: StackConfig) -> dict[str, App]:
    pages: dict[str, App] = {}
    if inbox := find_pages("inbox", "index.html"):
        pages["inbox"] = inbox_app(inbox, config.keys.anon_key)
    if widget := find_pages("widget", "romashka-widget.js"):
        pages["widget"] = widget_app(widget, config.keys.anon_key)
    return pages


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
                proxy_headers=False,
                log_config=None,
                access_log=False,
                server_header=False,
                # Longer than clients keep an idle connection: closing at the moment of its next use
                # would fail that request. Kong has the same figure.
                timeout_keep_alive=75,
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
