"""One private broadcast topic that stays subscribed, and says when something may have been missed.

What refuses a connection or a join for now is asked again, for as long as somebody listens; after
every interruption each listener gets a `Resync`. What to read then is the listener's business. Of
the Realtime client of supabase-py nothing is left to chance: it would give up after a few failed
reconnects, and join again with the token that was refused.

docs/sdk.md says what ends a subscription; sdk/typescript/src/topic.ts is the same in TypeScript.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4
from weakref import WeakSet

import httpx
from realtime import AsyncRealtimeChannel, AsyncRealtimeClient, BroadcastPayload
from realtime.types import RealtimeChannelOptions, RealtimeSubscribeStates
from websockets.exceptions import InvalidStatus

from romashka._bell import Bell
from romashka._errors import Conflict, NotSignedIn, PermissionDenied, RomashkaError
from romashka._limits import SECONDS
from romashka._listener import Broadcast, Check, Listener, OnConnection, Resync, Signal
from romashka._reader import retry_pause
from romashka._session import Session, led_elsewhere

_LINGER_SECONDS = 2.0
"""How long a topic stays subscribed without a listener: the next one need not join again."""
_FIRST_CHECK_SECONDS = 1.0
_LAST_CHECK_SECONDS = 30.0
"""A broadcast can get lost with none after it to tell: so what is live is read this often too."""
_OURS: WeakSet[AsyncRealtimeChannel] = WeakSet()
_BAD_TOKEN = ("InvalidJWTToken", "MalformedJWT", "JwtSignatureError", "JwtSignerError")


class Topic:
    """One channel, and whatever it takes to keep it subscribed."""

    def __init__(
        self,
        realtime: AsyncRealtimeClient,
        session: Session,
        name: str,
        on_end: Callable[["Topic"], None],
    ) -> None:
        self.name = name
        self.presence_key = str(uuid4())
        """By what the others know this client here."""
        self.is_live = False
        self.is_refused = False
        self.trouble: str | None = None
        """Why it is not live, where that is known."""
        self._realtime = realtime
        self._session = session
        self._on_end = on_end
        self._listeners: set[Listener] = set()
        self._channel: AsyncRealtimeChannel | None = None
        self._changed = Bell()
        self._is_streaming = False  # the server said so
        self._is_throttled = False
        self._token: str | None = None  # that the present channel was joined with
        self._is_token_refused = False
        self._is_renewed = False  # the token, since the topic was live
        self._tracked: Mapping[str, Any] | None = None
        self._is_tracked = False  # on the present connection
        self._lingering: asyncio.TimerHandle | None = None
        self._task = asyncio.create_task(self._run(), name=f"topic {name}")

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @property
    def present(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Who is there: what each tracks, by key."""
        return self._channel.presence_state() if self._channel else {}

    def add(self, on_connection: OnConnection | None) -> Listener:
        """Add a listener; it hears of everything from now on."""
        if self._lingering is not None:
            self._lingering.cancel()
        listener = Listener(self, on_connection)
        self._listeners.add(listener)
        if self.is_live:
            listener.put(Resync())
        if self.is_live or self.trouble:
            listener.tell_connection()
        return listener

    def remove(self, listener: Listener) -> None:
        """Tell a listener nothing more; the topic is left soon after the last one."""
        self._listeners.discard(listener)
        if not self._listeners:
            seconds = 0 if self.is_refused else _LINGER_SECONDS
            self._lingering = asyncio.get_running_loop().call_later(seconds, self._begin_to_end)

    async def end(self) -> None:
        """Leave, whoever listens."""
        self._begin_to_end()
        await asyncio.gather(self._task, return_exceptions=True)

    def _begin_to_end(self) -> None:
        self._on_end(self)
        self._task.cancel()

    async def send(self, event: str, payload: Mapping[str, Any]) -> None:
        """Say something to the others here; it is lost while the topic is not live."""
        if self.is_live and self._channel is not None:
            with suppress(Exception):
                await self._channel.send_broadcast(event, dict(payload))

    def track(self, payload: Mapping[str, Any]) -> None:
        """Let the others see this whenever the topic is subscribed."""
        self._tracked, self._is_tracked = payload, False
        self._changed.ring()
        self._changed.ring()

    async def _run(self) -> None:
        try:
            await self._keep_subscribed()
        except RomashkaError as error:
            self._refuse(error)
        finally:
            with suppress(Exception):
                await self._leave()

    async def _keep_subscribed(self) -> None:
        failures = checks = 0
        while not self.is_refused:
            if not self.is_live:
                await self._mend()
            await self._be_present()
            failures, checks = (0, checks) if self.is_live else (failures + 1, 0)
            try:
                async with asyncio.timeout(self._pause(failures, checks)):
                    await self._changed.wait()
            except TimeoutError:
                if self.is_live:
                    checks += 1
                    self._tell_all(Check())

    def _pause(self, failures: int, checks: int) -> float:
        """Return for how long to wait for news: before the next check, or the next try."""
        if not self.is_live:
            return retry_pause(failures, is_throttled=self._is_throttled)
        if self._is_streaming:
            return _LAST_CHECK_SECONDS
        return min(_FIRST_CHECK_SECONDS * 2.0**checks, _LAST_CHECK_SECONDS)

    async def _mend(self) -> None:
        """Do the next thing that is needed; what goes wrong is told, and tried again.

        Raises:
            NotSignedIn: the session is over.
            Conflict: the application has a channel of that name.
        """
        try:
            async with asyncio.timeout(2 * SECONDS["request"]):
                if self._channel is None:
                    await self._join()
                else:
                    # It was refused or given up, and the server may not think so: it would close a
                    # new join with the old one. So leave now, and join in the next round.
                    await self._leave()
        except NotSignedIn as error:
            if error.name:
                raise
            self._note_trouble(str(error))  # not Auth's own word: a proxy's
        except Conflict:
            raise
        except Exception as error:  # noqa: BLE001 -- of all that a network does nothing is final
            self._note_trouble(_words_for(error))

    async def _join(self) -> None:
        await self._renew_token()
        await self._realtime.connect()
        await self._stay_where_it_is()
        self._refuse_channel_of_application()
        channel = self._realtime.channel(self.name, self._options())
        _OURS.add(channel)
        channel.on_broadcast("*", self._on_broadcast)
        channel.on_system(lambda _: self._on_streaming())
        if self._has_presence:
            channel.on_presence_sync(lambda: self._tell_all(Check()))
        self._channel = channel
        self._token = self._realtime.access_token
        await channel.subscribe(partial(self._on_state, channel))

    async def _stay_where_it_is(self) -> None:
        """Leave a server that another one led us to: the token is for the one that was named.

        Raises:
            Unreachable: it was another's.
        """
        socket = self._realtime._ws_connection  # it has no public way to ask
        request = socket.request if socket else None
        named = httpx.URL(self._realtime.url)
        if request is not None and request.headers["Host"] != named.netloc.decode():
            await self._realtime.close()
            raise led_elsewhere(named, f"//{request.headers['Host']}")

    def _refuse_channel_of_application(self) -> None:
        """Refuse where the application has a channel of this name: the client has one a name.

        Raises:
            Conflict: it has; ours would be that one, which never tells us anything.
        """
        present = self._realtime.channels.get(f"realtime:{self.name}")
        if present is not None and not present.is_leaving and present not in _OURS:
            raise Conflict(
                f"unable to listen; the application has a channel of its own on {self.name}: listen"
                " with client.topics.listen, or remove the channel first",
                name="channel_in_use",
            )

    async def _renew_token(self) -> None:
        """Get a new token if the present one is too old, or (once) if the server refused it."""
        async with asyncio.timeout(SECONDS["request"]):
            if self._is_token_refused and not self._is_renewed and self._session.is_there:
                await self._session.renew()
                self._is_renewed = True
            else:
                await self._session.renew_if_expired()

    async def _be_present(self) -> None:
        """Track what is to be tracked: each connection begins without."""
        if self.is_live and self._channel and self._tracked is not None and not self._is_tracked:
            self._is_tracked = True
            with suppress(Exception):
                await self._channel.track(dict(self._tracked))

    async def _leave(self) -> None:
        channel, self._channel = self._channel, None
        self.is_live = False
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
        self._changed.ring()
        if state is RealtimeSubscribeStates.SUBSCRIBED:
            self._is_token_refused = self._is_renewed = False
            self._note_live()
            return
        reason = _reason(error)
        self._is_token_refused = reason.startswith(_BAD_TOKEN)
        self._note_trouble(reason or f"the server says {state.value}")
        if reason.startswith("Unauthorized") and self._realtime.access_token == self._token:
            self._refuse(PermissionDenied(f"unable to listen; {reason}", name="unauthorized"))

    def _note_live(self) -> None:
        self.is_live, self.trouble = True, None
        self._tell_all(Resync())
        self._tell_connection()

    def _note_trouble(self, trouble: str) -> None:
        self.is_live, self.trouble = False, trouble
        self._is_streaming = self._is_tracked = False
        self._is_throttled = "RateLimit" in trouble or "HTTP 429" in trouble
        self._tell_connection()

    def _refuse(self, error: RomashkaError) -> None:
        self.is_refused = True
        self._changed.ring()
        for listener in self._listeners:
            listener.refuse(error)

    def _on_broadcast(self, payload: BroadcastPayload) -> None:
        # Nothing in here may raise: it would end the client's only reading task.
        self._tell_all(Broadcast(payload["event"], payload["payload"]))

    def _on_streaming(self) -> None:
        self._is_streaming = True
        self._changed.ring()
        self._tell_all(Check())

    def _tell_all(self, signal: Signal) -> None:
        for listener in self._listeners:
            listener.put(signal)

    def _tell_connection(self) -> None:
        for listener in self._listeners:
            listener.tell_connection()

    @property
    def _has_presence(self) -> bool:
        return self.name.endswith((":typing", ":presence"))

    def _options(self) -> RealtimeChannelOptions:
        return {
            "config": {
                # A server can accept a join before it streams; asked like this, it says when.
                "broadcast": {"ack": False, "self": False, "replication_ready": True},
                "presence": {"key": self.presence_key, "enabled": self._has_presence},
                "private": True,
            }
        }


def _reason(error: Exception | None) -> str:
    """Return the server's reason from what the client wrapped it into."""
    try:
        content = json.loads(str(error))
        return str(content.get("reason") or content.get("message") or "")
    except (ValueError, AttributeError):
        return ""


def _words_for(error: Exception) -> str:
    """Say what went wrong, without the address, which has the key in it."""
    match error:
        case InvalidStatus():
            return f"the server refuses the connection with HTTP {error.response.status_code}"
        case RomashkaError():
            return str(error)
        case TimeoutError():
            return "the server does not answer"
    return f"the server cannot be reached ({type(error).__name__})"
