"""Who looks at a conversation, and who types: on a topic that its members write themselves.

Nothing on it is proved: show it, and let nothing else depend on it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from romashka._listener import Broadcast, Listener
from romashka._storable import check_storable
from romashka._topics import Topics

Role = Literal["customer", "agent"]

_TYPING_EACH_SECONDS = 3.0
_TYPING_ENDS_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody else who looks at the conversation."""

    key: str
    role: Role
    name: str
    is_typing: bool


class Presence:
    """One's own presence in a conversation, and the others'."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._said_typing_at: float | None = None
        self._typing_until: dict[str, float] = {}

    async def typing(self) -> None:
        """Say that one types; call it for each key: it is sent each three seconds at most.

        Example:
            async with conversation.presence("customer") as presence:
                await presence.typing()
        """
        now = _now()
        if self._said_typing_at is None or now - self._said_typing_at >= _TYPING_EACH_SECONDS:
            self._said_typing_at = now
            await self._say(is_typing=True)

    async def stopped_typing(self) -> None:
        """Say that one types no more; a message sent says so too, if it is followed by this.

        Example:
            async with conversation.presence("customer") as presence:
                await presence.stopped_typing()
        """
        if self._said_typing_at is not None:
            self._said_typing_at = None
            await self._say(is_typing=False)

    async def people(self) -> AsyncGenerator[tuple[Person, ...]]:
        """Yield the others who are there, now and each time that something about them changes.

        Example:
            async with conversation.presence("agent", "Ada") as presence:
                async for people in presence.people():
                    print([person.name for person in people if person.is_typing])
                    break
        """
        shown: tuple[Person, ...] | None = None
        while True:
            signal = None
            try:
                async with asyncio.timeout_at(min(self._typing_until.values(), default=None)):
                    signal = await anext(self._listener)
            except TimeoutError:
                pass  # somebody types no more, or went without a word
            if isinstance(signal, Broadcast) and signal.event == "typing":
                self._note_typing(signal.payload)
            people = tuple(self._others())
            if people != shown:
                shown = people
                yield people

    def _note_typing(self, payload: Mapping[str, Any]) -> None:
        key = str(payload.get("key"))
        if payload.get("is_typing") is True:
            self._typing_until[key] = _now() + _TYPING_ENDS_SECONDS
        else:
            self._typing_until.pop(key, None)

    def _others(self) -> Iterator[Person]:
        present, now = self._listener.topic.present, _now()
        self._typing_until = {
            key: until
            for key, until in self._typing_until.items()
            if until > now and key in present
        }
        for key, tracked in sorted(present.items()):
            if key != self._listener.topic.presence_key and tracked:
                role: Role = "agent" if tracked[-1].get("role") == "agent" else "customer"
                name = str(tracked[-1].get("name", ""))
                yield Person(key, role, name, is_typing=key in self._typing_until)

    async def _say(self, *, is_typing: bool) -> None:
        key = self._listener.topic.presence_key
        await self._listener.topic.send("typing", {"key": key, "is_typing": is_typing})


@asynccontextmanager
async def present_in(topics: Topics, topic: str, role: Role, name: str) -> AsyncIterator[Presence]:
    """Be present on a topic until the block is left."""
    check_storable(name)
    async with topics.listen(topic) as listener:
        listener.topic.track({"role": role, "name": name})
        yield Presence(listener)


def _now() -> float:
    return asyncio.get_running_loop().time()
