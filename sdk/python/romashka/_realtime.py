"""Private broadcast topics that stay subscribed, and that say when something may have been missed.

The Realtime client of supabase-py gives up after a few failed reconnects, never rejoins a channel
that the server closed, and loses what was sent meanwhile. Here a topic stays subscribed for as long
as somebody listens, and after every interruption each listener gets a `Resync`. What to read then
is the listener's business.
"""

import asyncio
import json
import random
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from realtime import AsyncRealtimeChannel, AsyncRealtimeClient, BroadcastPayload, NotConnectedError
from realtime.types import RealtimeChannelOptions, RealtimeSubscribeStates
from websockets.exceptions import WebSocketException

from romashka._errors import PermissionDenied, RomashkaError

_LINGER_SECONDS = 5.0
"""How long a topic stays subscribed without a listener: the next one need not join again."""
_MAX_UNREAD = 1000
_EAGER_TRIES = 20
"""So often a connection is tried each second: who waits for an answer has six. Then each fifth."""
_CONNECTION_ERRORS = (OSError, TimeoutError, WebSocketException, NotConnectedError)


@dataclass(frozen=True, slots=True)
class Broadcast:
    """An event of a topic, as the database sent it."""

    event: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Resync:
    """Events may have been missed up to here: read the present state."""


Signal = Broadcast | Resync


class Listener:
    """What one reader of a topic has not seen yet; iterate over it.

    A slow reader costs a bounded amount of memory: what it missed becomes one `Resync`.
    """

    def __init__(self, topic: "_Topic") -> None:
        self._topic = topic
        self._unread: deque[Signal] = deque()
        self._arrived = asyncio.Event()
        self._refusal: RomashkaError | None = None

    @property
    def is_live(self) -> bool:
        """Is the topic subscribed at the moment?"""
        return self._topic.is_live

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Signal:
        while not self._unread:
            if self._refusal is not None:
                raise self._refusal
            self._arrived.clear()
            await self._arrived.wait()
        return self._unread.popleft()

    def put(self, signal: Signal) -> None:
        """Add a signal. A `Resync` stands for everything before it."""
        if isinstance(signal, Resync) or len(self._unread) >= _MAX_UNREAD:
            self._unread.clear()
            signal = Resync()
        self._unread.append(signal)
        self._arrived.set()

    def refuse(self, error: RomashkaError) -> None:
        """Raise `error` from the iteration, once what came before it was read."""
        self._refusal = error
        self._arrived.set()


class Topics:
    """The topics of one client: each is joined once, however many listen to it."""

    def __init__(self, realtime: AsyncRealtimeClient) -> None:
        self._realtime = realtime
        self._topics: dict[str, _Topic] = {}

    @asynccontextmanager
    async def listen(self, name: str) -> AsyncIterator[Listener]:
        """Give a listener to the private topic `name`; its first signal is a `Resync`."""
        topic = self._topics.get(name)
        if topic is None:
            topic = self._topics[name] = _Topic(self._realtime, name)
        listener = topic.add_listener()
        try:
            yield listener
        finally:
            topic.listeners.discard(listener)
            if not topic.listeners:
                asyncio.get_running_loop().call_later(
                    0 if topic.is_refused else _LINGER_SECONDS, self._drop_if_idle, name, topic
                )

    def _drop_if_idle(self, name: str, topic: "_Topic") -> None:
        if not topic.listeners and self._topics.get(name) is topic:
            del self._topics[name]
            topic.task.cancel()

    async def close(self) -> None:
        """Leave all topics and close the socket."""
        tasks = [topic.task for topic in self._topics.values()]
        self._topics.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(TimeoutError):  # a dead server does not answer the closing handshake
            async with asyncio.timeout(2):
                await self._realtime.close()


class _Topic:
    """One channel, and whatever it takes to keep it subscribed."""

    def __init__(self, realtime: AsyncRealtimeClient, name: str) -> None:
        self.listeners: set[Listener] = set()
        self.is_live = False
        self.is_refused = False
        self._realtime = realtime
        self._name = name
        self._channel: AsyncRealtimeChannel | None = None
        self._changed = asyncio.Event()
        self.task = asyncio.create_task(self._keep_subscribed(), name=f"topic {name}")

    def add_listener(self) -> Listener:
        listener = Listener(self)
        self.listeners.add(listener)
        if self.is_live:
            listener.put(Resync())
        return listener

    async def _keep_subscribed(self) -> None:
        failures = 0
        try:
            while True:
                self._changed.clear()
                with suppress(*_CONNECTION_ERRORS):
                    await self._mend()
                failures = 0 if self.is_live else failures + 1
                delay = None if self.is_live else _delay_seconds(failures)
                with suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self._changed.wait()
        except Exception as error:  # noqa: BLE001 -- the end of a task nobody awaits: tell the listeners
            self._refuse(RomashkaError(f"unable to listen to {self._name}; {error}"))
        finally:
            await self._leave()

    async def _mend(self) -> None:
        """Do the next thing that is needed. A channel in error is rejoined by the client itself."""
        if self._channel is None:
            await self._join()
        elif self._channel.is_closed:
            # The server may not think so: it would close a new join with the old one. So leave now,
            # and join in the next round.
            await self._leave()
        elif not self._realtime.is_connected:
            await self._realtime.connect()

    async def _join(self) -> None:
        await self._realtime.connect()
        channel = self._realtime.channel(self._name, _private_channel())
        channel.on_broadcast("*", self._on_broadcast)
        channel.on_system(
            lambda _: self._put(Resync())
        )  # the database's broadcasts flow from now on
        self._channel = channel
        await channel.subscribe(partial(self._on_state, channel))

    async def _leave(self) -> None:
        channel, self._channel, self.is_live = self._channel, None, False
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
        self.is_live = state is RealtimeSubscribeStates.SUBSCRIBED
        self._changed.set()
        if self.is_live:
            self._put(Resync())
        elif (reason := _reason(error)).startswith("Unauthorized"):
            self._refuse(PermissionDenied(f"unable to listen; {reason}", name="unauthorized"))

    def _refuse(self, error: RomashkaError) -> None:
        self.is_refused = True
        for listener in self.listeners:
            listener.refuse(error)

    def _on_broadcast(self, payload: BroadcastPayload) -> None:
        # Nothing in here may raise: it would end the client's only reading task.
        self._put(Broadcast(payload["event"], payload["payload"]))

    def _put(self, signal: Signal) -> None:
        for listener in self.listeners:
            listener.put(signal)


def _private_channel() -> RealtimeChannelOptions:
    return {
        "config": {
            # A server can accept a join before it streams; asked like this, it says when it does.
            "broadcast": {"ack": False, "self": False, "replication_ready": True},
            "presence": {"key": "", "enabled": False},
            "private": True,
        }
    }


def _delay_seconds(failures: int) -> float:
    """Return a pause before the next try: longer each time, and different for each client."""
    longest = min(0.1 * 2 ** min(failures, 10), 1.0 if failures <= _EAGER_TRIES else 5.0)
    return random.uniform(longest / 2, longest)  # noqa: S311 -- spreads load, guards nothing


def _reason(error: Exception | None) -> str:
    """Return the server's reason from what the client wrapped it into."""
    try:
        return str(json.loads(str(error)).get("reason", ""))
    except (ValueError, AttributeError):
        return ""
