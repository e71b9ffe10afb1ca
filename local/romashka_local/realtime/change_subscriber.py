"""A channel's side of `postgres_changes`: subscribe, say how it went, do so again when needed."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import psycopg
from psycopg_pool import PoolTimeout

from romashka_local.realtime.access import Refused
from romashka_local.realtime.filters import BadParameters
from romashka_local.realtime.join import Join
from romashka_local.realtime.protocol import Frame, Version
from romashka_local.realtime.services import Services
from romashka_local.realtime.tokens import Token

_log = logging.getLogger("romashka.local.realtime")

_RETRY_SECONDS: Final = 5


class ChangeSubscriber:
    """The subscriptions of one channel. `send` and `tell` are the channel's ways to its client."""

    def __init__(
        self,
        services: Services,
        version: Version,
        topic_name: str,
        join: Join,
        send: Callable[[Frame], None],
        tell: Callable[[str, str, str], None],
    ) -> None:
        self._services = services
        self._changes = join.changes
        self._send = send
        self._tell = tell
        self._token: Token | None = None
        self._task: asyncio.Task[None] | None = None
        self.version = version
        self.topic_name = topic_name
        self.has_old_form = join.is_old_form

    def send(self, frame: Frame) -> None:
        """Send a change to the client."""
        self._send(frame)

    def subscribe(self, token: Token) -> None:
        """Subscribe with `token`, beside everything else; the client is told when it is done."""
        if self._changes:
            self._token = token
            self.resubscribe()

    def resubscribe(self) -> None:
        """Subscribe again."""
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.create_task(self._subscribe(), name="realtime.changes")

    async def subscribe_in_time(self, token: Token, milliseconds: int) -> None:
        """Subscribe, and return when changes are live.

        Raises:
            Refused: the parameters are wrong, or it takes longer than that.
        """
        self._token = token
        try:
            async with asyncio.timeout(milliseconds / 1000):
                await self._subscribe_once()
        except BadParameters as error:
            raise Refused("RealtimeDisabledForConfiguration", str(error)) from error
        except (TimeoutError, psycopg.Error, PoolTimeout) as error:
            text = f"Timed out after {milliseconds}ms waiting for the postgres_changes subscription"
            raise Refused("PostgresChangesSubscribeTimeout", text) from error

    def announce(self) -> None:
        """Tell the client that changes are live."""
        self._tell("postgres_changes", "ok", "Subscribed to PostgreSQL")

    def close(self) -> None:
        """Forget the subscriptions."""
        if self._task is not None:
            self._task.cancel()
        self._services.subscriptions.unsubscribe(self)

    async def _subscribe(self) -> None:
        while True:
            try:
                await self._subscribe_once()
            except BadParameters as error:  # trying again is no use
                self._tell("postgres_changes", "error", str(error))
                return
            except (psycopg.Error, PoolTimeout) as error:
                _log.warning("changes.not_subscribed", extra={"reason": type(error).__name__})
                self._tell("postgres_changes", "error", "Unable to subscribe to PostgreSQL")
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                self.announce()
                return

    async def _subscribe_once(self) -> None:
        if self._token is not None:
            await self._services.are_changes_live.wait()
            await self._services.subscriptions.subscribe(self, self._changes, self._token)
