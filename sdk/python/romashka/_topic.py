"""One private broadcast topic that stays subscribed, and says when something may have been missed.

The Realtime client of supabase-py gives up after a few failed reconnects, never rejoins a channel
that the server closed, and loses what was sent meanwhile. Here a topic stays subscribed for as long
as somebody listens, and after every interruption each listener gets a `Resync`. What to read then
is the listener's business.
"""

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

from realtime import AsyncRealtimeChannel, AsyncRealtimeClient, BroadcastPayload, NotConnectedError
from realtime.types import RealtimeChannelOptions, RealtimeSubscribeStates
from websockets.exceptions import InvalidStatus, WebSocketException

from romashka._bell import Bell
from romashka._errors import NotSignedIn, PermissionDenied, RomashkaError, Unreachable
from romashka._listener import Broadcast, Listener, OnConnection, Resync, Signal
from romashka._session import Session

_EAGER_TRIES = 20
"""So often a connection is tried each second: who waits for an answer has six. Then each fifth."""
_CHECK_SECONDS = 30.0
"""A broadcast can get lost with none after it to tell: so what is live is read this often too."""
_CONNECTION_ERRORS = (OSError, TimeoutError, WebSocketException, NotConnectedError, Unreachable)
_TOKEN_ERRORS = ("InvalidJWTToken", "MalformedJWT", "JwtSignatureError", "JwtSignerError")


class Topic:
    """One channel, and whatever it takes to keep it subscribed."""

    def __init__(self, realtime: AsyncRealtimeClient, session: Session, name: str) -> None:
        self.listeners: set[Listener] = set()
        self.is_live = False
        self.is_refused = False
        self.presence_key = str(uuid4())
        self._realtime = realtime
        self._session = session
        self._name = name
        self._channel: AsyncRealtimeChannel | None = None
        self._changed = Bell()
        self._is_streaming = False  # the server said so
        self._is_token_refused = False
        self._is_renewed = False  # the token, since the topic was live
        self._tracked: Mapping[str, Any] | None = None
        self._is_tracked = False  # on the present connection
        self.task = asyncio.create_task(self._run(), name=f"topic {name}")

    @property
    def present(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Who is there: what each tracks, by key."""
        return self._channel.presence_state() if self._channel else {}

    def add_listener(self, on_connection: OnConnection | None) -> Listener:
        """Add a listener; it hears of everything from now on."""
        listener = Listener(self, on_connection)
        self.listeners.add(listener)
        if self.is_live:
            listener.tell_connection()
            listener.put(Resync())
        return listener

    async def send(self, event: str, payload: Mapping[str, Any]) -> None:
        """Broadcast an event to the others, if the topic is live at the moment."""
        if self.is_live and self._channel is not None:
            with suppress(*_CONNECTION_ERRORS):
                await self._channel.send_broadcast(event, dict(payload))

    def track(self, payload: Mapping[str, Any]) -> None:
        """Be present with this payload whenever the topic is live."""
        self._tracked, self._is_tracked = payload, False
        self._changed.ring()

    async def _run(self) -> None:
        try:
            await self._keep_subscribed()
        except RomashkaError as error:
            self._refuse(error)
        except Exception as error:  # noqa: BLE001 -- the end of a task nobody awaits: tell the listeners
            self._refuse(RomashkaError(f"unable to listen to {self._name}; {error}"))
        finally:
            with suppress(*_CONNECTION_ERRORS):
                await self._leave()

    async def _keep_subscribed(self) -> None:
        failures = checks = 0
        while not self.is_refused:
            if not self.is_live:
                checks = 0
                with suppress(*_CONNECTION_ERRORS):
                    await self._mend()
            await self._be_present()
            failures = 0 if self.is_live else failures + 1
            pause = self._check_pause(checks) if self.is_live else _retry_pause(failures)
            try:
                async with asyncio.timeout(pause):
                    await self._changed.wait()
            except TimeoutError:
                if self.is_live:
                    checks += 1
                    self._put(Resync(is_routine=True))

    def _check_pause(self, checks: int) -> float:
        """Return when to read again unasked: soon, where the server may not stream yet."""
        return _CHECK_SECONDS if self._is_streaming else min(2.0**checks, _CHECK_SECONDS)

    async def _mend(self) -> None:
        """Do the next thing that is needed. A channel in error is rejoined by the client itself."""
        if self._is_token_refused:
            await self._renew()
        elif self._channel is None:
            await self._join()
        elif self._channel.is_closed:
            # The server may not think so: it would close a new join with the old one. So leave now,
            # and join in the next round.
            await self._leave()
        elif not self._realtime.is_connected:
            await self._connect()

    async def _renew(self) -> None:
        """Get a new token, once; the next round joins with it."""
        if self._is_renewed:
            raise NotSignedIn("unable to listen; the project refuses the token", name="bad_token")
        self._is_token_refused = False
        await self._session.renew()
        self._is_renewed = True
        await self._leave()

    async def _connect(self) -> None:
        await self._session.renew_if_expired()
        try:
            await self._realtime.connect()
        except InvalidStatus as error:
            if error.response.status_code in (401, 403):
                raise NotSignedIn("the project does not know the key", name="bad_key") from error
            raise

    async def _join(self) -> None:
        await self._connect()
        channel = self._realtime.channel(self._name, self._options())
        channel.on_broadcast("*", self._on_broadcast)
        channel.on_system(lambda _: self._on_streaming())
        if self._has_presence:
            channel.on_presence_sync(lambda: self._put(Resync(is_routine=True)))
        self._channel = channel
        await channel.subscribe(partial(self._on_state, channel))

    async def _be_present(self) -> None:
        """Track what is to be tracked: each connection begins without."""
        if self.is_live and self._channel and self._tracked is not None and not self._is_tracked:
            self._is_tracked = True
            with suppress(*_CONNECTION_ERRORS):
                await self._channel.track(dict(self._tracked))

    async def _leave(self) -> None:
        channel, self._channel = self._channel, None
        self._set_live(False)
        if channel is None:
            return
        if self._realtime.is_connected:
            await channel.unsubscribe()
        else:
            self._realtime.channels.pop(channel.topic, None)

    def _on_state(
        self,
        channel: AsyncRealtimeChannel,
        state: RealtimeSubscribeStates,
        error: Exception | None,
    ) -> None:
        if channel is not self._channel:
            return
        reason = _reason(error)
        if reason.startswith("Unauthorized"):
            self._refuse(PermissionDenied(f"unable to listen; {reason}", name="unauthorized"))
        self._is_token_refused = reason.startswith(_TOKEN_ERRORS)
        self._set_live(state is RealtimeSubscribeStates.SUBSCRIBED)
        self._changed.ring()
        if self.is_live:
            self._is_renewed = False
            self._put(Resync())

    def _set_live(self, is_live: bool) -> None:
        self.is_live = is_live
        if not is_live:
            self._is_streaming = self._is_tracked = False
        for listener in self.listeners:
            listener.tell_connection()

    def _refuse(self, error: RomashkaError) -> None:
        self.is_refused = True
        self._changed.ring()
        for listener in self.listeners:
            listener.refuse(error)

    def _on_broadcast(self, payload: BroadcastPayload) -> None:
        # Nothing in here may raise: it would end the client's only reading task.
        self._put(Broadcast(payload["event"], payload["payload"]))

    def _on_streaming(self) -> None:
        self._is_streaming = True
        self._changed.ring()
        self._put(Resync())

    def _put(self, signal: Signal) -> None:
        for listener in self.listeners:
            listener.put(signal)

    @property
    def _has_presence(self) -> bool:
        return self._name.endswith(":typing")

    def _options(self) -> RealtimeChannelOptions:
        return {
            "config": {
                # A server can accept a join before it streams; asked like this, it says when.
                "broadcast": {"ack": False, "self": False, "replication_ready": True},
                "presence": {"key": self.presence_key, "enabled": self._has_presence},
                "private": True,
            }
        }


def _retry_pause(failures: int) -> float:
    """Return a pause before the next try: longer each time, and different for each client."""
    longest = min(0.1 * 2 ** min(failures, 10), 1.0 if failures <= _EAGER_TRIES else 5.0)
    return random.uniform(longest / 2, longest)  # noqa: S311 -- spreads load, guards nothing


def _reason(error: Exception | None) -> str:
    """Return the server's reason from what the client wrapped it into."""
    try:
        content = json.loads(str(error))
        return str(content.get("reason") or content.get("message") or "")
    except (ValueError, AttributeError):
        return ""
