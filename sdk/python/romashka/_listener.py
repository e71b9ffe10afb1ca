"""What a topic tells those who listen to it, and the queue of one of them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from romashka._bell import Bell

_MAX_UNREAD = 1000

OnConnection = Callable[[bool], None]
"""Is told when a subscription becomes live (True), and when it is interrupted (False)."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """An event of a topic, as the database sent it."""

    event: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Resync:
    """Events may have been missed up to here: read the present state."""


@dataclass(frozen=True, slots=True)
class Check:
    """Nothing was interrupted, or who is present changed; look at the present state all the same.

    Comes from time to time, as a broadcast can get lost.
    """


@dataclass(frozen=True, slots=True)
class Page:
    """What was read for the listener, beside it; only who asked for it gets it."""

    rows: Sequence[Any]
    is_last: bool


Signal = Broadcast | Resync | Check | Page


class Subscription(Protocol):
    """What a listener needs of its topic."""

    presence_key: str

    @property
    def is_live(self) -> bool: ...
    @property
    def trouble(self) -> str | None: ...
    @property
    def present(self) -> Mapping[str, Sequence[Mapping[str, Any]]]: ...
    async def send(self, event: str, payload: Mapping[str, Any]) -> None: ...
    def track(self, payload: Mapping[str, Any]) -> None: ...


class Listener:
    """What one reader of a topic has not seen yet; iterate over it.

    A slow reader costs a bounded amount of memory: what it missed becomes one `Resync`.
    """

    def __init__(self, topic: Subscription, on_connection: OnConnection | None = None) -> None:
        self.topic = topic
        """Where it comes from, for what is said there."""
        self._on_connection = on_connection
        self._was_live: bool | None = None
        self._unread: list[Signal] = []  # a deque takes 700 bytes, empty
        self._arrived = Bell()
        self._refusal: Exception | None = None

    @property
    def is_live(self) -> bool:
        """Is the topic subscribed at the moment?"""
        return self.topic.is_live

    @property
    def trouble(self) -> str | None:
        """Why the topic is not subscribed, where that is known; it is tried again."""
        return self.topic.trouble

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Signal:
        while not self._unread:
            if self._refusal is not None:
                raise self._refusal
            await self._arrived.wait()
        return self._unread.pop(0)

    def put(self, signal: Signal) -> None:
        """Add a signal. A `Resync` stands for everything before it."""
        if isinstance(signal, Resync) or len(self._unread) >= _MAX_UNREAD:
            self._unread.clear()
            signal = Resync()
        self._unread.append(signal)
        self._arrived.ring()

    def tell_connection(self) -> None:
        """Tell whoever asked that the subscription has become live, or is not."""
        if self.is_live is not self._was_live:
            self._was_live = self.is_live
            if self._on_connection is not None:
                # Not here: what it raises would end the Realtime client's only reading task.
                asyncio.get_running_loop().call_soon(self._on_connection, self.is_live)

    def refuse(self, error: Exception) -> None:
        """Raise `error` from the iteration, once what came before it was read."""
        self._refusal = error
        self._arrived.ring()
