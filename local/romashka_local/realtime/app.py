"""The Realtime server as an ASGI application: the socket's handshake, the HTTP API, its life."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from romashka_local.config import StackConfig
from romashka_local.realtime.broadcast import broadcast_inserted, is_messages
from romashka_local.realtime.changes import ChangeFeed
from romashka_local.realtime.database import open_pool
from romashka_local.realtime.http_api import routes
from romashka_local.realtime.hub import Hub
from romashka_local.realtime.partitions import maintain_partitions, maintain_partitions_regularly
from romashka_local.realtime.presence import Presence
from romashka_local.realtime.protocol import Version
from romashka_local.realtime.publications import (
    MESSAGES_PUBLICATION,
    ensure_messages_publication,
    watch_published_tables,
)
from romashka_local.realtime.rate_limit import RateLimit
from romashka_local.realtime.replication import Replication
from romashka_local.realtime.services import Services
from romashka_local.realtime.socket import Socket
from romashka_local.realtime.subscriptions import PUBLICATION, Subscriptions
from romashka_local.realtime.tokens import InvalidToken, verify

_log = logging.getLogger("romashka.local.realtime")

# A new project's; there is no such setting of the Supabase CLI, which has the same figure.
_EVENTS_PER_SECOND: Final = 100
_LIVE_SECONDS: Final = 30
_GOODBYE_SECONDS: Final = 2
_RESTART_SECONDS: Final = 1
_SOCKET_PATHS: Final = ("/websocket", "/socket/websocket")


@asynccontextmanager
async def open_realtime(config: StackConfig) -> AsyncIterator[ASGIApp]:
    """Open the server; inside the block every commit is seen, after it nothing is left.

    Raises:
        TimeoutError: the WAL cannot be followed; the log says why.
        psycopg_pool.PoolTimeout: Postgres cannot be reached.
    """
    url = config.database_url("supabase_admin")
    async with (
        open_pool(url, max_size=8) as pool,
        open_pool(url, max_size=2) as feed_pool,  # joins with slow policies must not delay changes
        AsyncExitStack() as opened,
    ):
        await maintain_partitions(pool)
        await ensure_messages_publication(pool)
        per_second = config.checked_setting("realtime.max_events_per_second", _EVENTS_PER_SECOND)
        hub, subscriptions = Hub(RateLimit(per_second, of="broadcasts")), Subscriptions(pool)
        change_limit = RateLimit(per_second, of="changes")
        feed = ChangeFeed(feed_pool, subscriptions, change_limit)
        broadcasts = _follow_broadcasts(url, hub)
        changes = _follow_changes(url, feed, subscriptions)
        for work in (
            feed.run,
            broadcasts.run,
            changes.run,
            hub.limit.run,
            change_limit.run,
            partial(watch_published_tables, pool, subscriptions),
            partial(maintain_partitions_regularly, pool),
        ):
            opened.push_async_callback(_stop, asyncio.create_task(_run_for_ever(work)))
        async with asyncio.timeout(_LIVE_SECONDS):
            await broadcasts.is_live.wait()
            await changes.is_live.wait()
        secret, presence = config.keys.jwt_secret, Presence(hub)
        live = (broadcasts.is_live, changes.is_live)
        services = Services(secret, pool, hub, presence, subscriptions, *live)
        endpoint = SocketEndpoint(services)
        sockets = [WebSocketRoute(path, endpoint) for path in _SOCKET_PATHS]
        yield Starlette(routes=[*sockets, *routes(services)])
        await endpoint.disconnect_all()


def _follow_broadcasts(url: str, hub: Hub) -> Replication:
    return Replication(
        url,
        MESSAGES_PUBLICATION,
        is_wanted=is_messages,
        hand_on=partial(broadcast_inserted, hub),
        announce=lambda: None,  # as in the original, nobody is told
    )


def _follow_changes(url: str, feed: ChangeFeed, subscriptions: Subscriptions) -> Replication:
    return Replication(
        url,
        PUBLICATION,
        is_wanted=feed.concerns_somebody,
        hand_on=feed.put,
        announce=subscriptions.resubscribe_all,
    )


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _run_for_ever(work: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run `work`; when a defect ends it, say so and begin again."""
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 -- the one place that keeps the server whole
            _log.exception("part.crashed")
        await asyncio.sleep(_RESTART_SECONDS)


class SocketEndpoint:
    """Accepts sockets that bring a valid key, and remembers them until they end."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._sockets: set[Socket] = set()
        self._all_gone = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        query = parse_qs(scope["query_string"].decode("latin-1"))
        headers = Headers(scope=scope)
        try:
            version = Version(query.get("vsn", ["1.0.0"])[-1])
            key = headers.get("x-api-key") or query.get("apikey", [None])[-1]
            if key is None:
                raise InvalidToken("MissingAPIKey", "API key is missing")
            token = verify(key, self._services.jwt_secret)
        except InvalidToken as error:
            _log.info("socket.refused", extra={"code": error.code})
            await _refuse(401, error.handshake_text, scope, receive, send)
        except ValueError:
            await _refuse(
                403, "The requested protocol version is not supported", scope, receive, send
            )
        else:
            await send({"type": "websocket.accept"})
            shown = {name: value for name, value in headers.items() if name.startswith("x-")}
            await self._serve(Socket(self._services, version, token, shown), receive, send)

    async def _serve(self, socket: Socket, receive: Receive, send: Send) -> None:
        self._sockets.add(socket)
        try:
            await socket.run(receive, send)
        finally:
            self._sockets.discard(socket)
            if not self._sockets:
                self._all_gone.set()

    async def disconnect_all(self) -> None:
        """Tell every client that the server goes, and wait a little until they are gone."""
        if not self._sockets:
            return
        self._all_gone.clear()
        for socket in self._sockets:
            socket.disconnect()
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._all_gone.wait()
        except TimeoutError:
            _log.info("sockets.left", extra={"count": len(self._sockets)})


async def _refuse(status: int, text: str, scope: Scope, receive: Receive, send: Send) -> None:
    if "websocket.http.response" in scope.get("extensions", {}):
        await JSONResponse({"error": text}, status)(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": text})
