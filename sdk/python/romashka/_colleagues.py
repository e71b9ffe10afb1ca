"""Which of the team are here, where they look, and what they type; nobody else hears it.

Staff write to this topic themselves: show it, and let nothing else depend on it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from romashka._listener import Broadcast, Listener
from romashka._storable import check_storable
from romashka._topics import Topics

Writing = Literal["reply", "note"]
_TOPIC = "inbox:presence"
_TYPING_EACH_SECONDS = 3.0
_TYPING_ENDS_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody else of the team, in one window."""

    key: str
    name: str
    looks_at: str | None
    """The conversation that they look at."""
    writes_in: str | None
    """The conversation that they write in."""
    writes: Writing | None


class Colleagues:
    """Oneself among the team."""

    def __init__(self, listener: Listener, name: str) -> None:
        self._listener = listener
        self._name = name
        self._said_at: float | None = None
        self._typed: dict[str, tuple[str, Writing, float]] = {}

    async def look(self, conversation_id: str | None) -> None:
        """Say which conversation one looks at; Realtime takes five such changes in half a minute.

        Example:
            async with staff.inbox.colleagues("Ada") as colleagues:
                await colleagues.look(conversation.id)
        """
        check_storable(conversation_id)
        self._listener.topic.track({"name": self._name, "looking_at": conversation_id})

    async def typing(self, conversation_id: str, writing: Writing | None) -> None:
        """Say at each key that one types a reply or a note; it is sent each three seconds at most.

        Example:
            async with staff.inbox.colleagues("Ada") as colleagues:
                await colleagues.typing(conversation.id, "note")
                await colleagues.typing(conversation.id, None)  # no more
        """
        now = asyncio.get_running_loop().time()
        is_repeated = self._said_at is not None and now - self._said_at < _TYPING_EACH_SECONDS
        if writing is not None and is_repeated:
            return
        self._said_at = now if writing else None
        key = self._listener.topic.presence_key
        said = {"key": key, "conversation_id": conversation_id, "writing": writing}
        await self._listener.topic.send("typing", said)

    async def people(self) -> AsyncGenerator[tuple[Colleague, ...]]:
        """Yield the others who are there, now and each time that something about them changes.

        Example:
            async with staff.inbox.colleagues("Ada") as colleagues:
                async for people in colleagues.people():
                    print([colleague.name for colleague in people])
                    break
        """
        shown: tuple[Colleague, ...] | None = None
        while True:
            signal = None
            try:
                ends = min((until for *_, until in self._typed.values()), default=None)
                async with asyncio.timeout_at(ends):
                    signal = await anext(self._listener)
            except TimeoutError:
                pass  # somebody types no more, or went without a word
            if isinstance(signal, Broadcast) and signal.event == "typing":
                self._note(signal.payload)
            people = tuple(self._others())
            if people != shown:
                shown = people
                yield people

    def _note(self, payload: Mapping[str, Any]) -> None:
        key, writing = str(payload.get("key")), payload.get("writing")
        if writing in ("reply", "note"):
            until = asyncio.get_running_loop().time() + _TYPING_ENDS_SECONDS
            self._typed[key] = (str(payload.get("conversation_id")), writing, until)
        else:
            self._typed.pop(key, None)

    def _others(self) -> Iterator[Colleague]:
        present, now = self._listener.topic.present, asyncio.get_running_loop().time()
        self._typed = {
            key: typed for key, typed in self._typed.items() if typed[2] > now and key in present
        }
        for key, tracked in sorted(present.items()):
            if key != self._listener.topic.presence_key and tracked:
                looks_at = tracked[-1].get("looking_at")
                where, writing, _ = self._typed.get(key, (None, None, 0))
                yield Colleague(
                    key,
                    str(tracked[-1].get("name", "")),
                    looks_at if isinstance(looks_at, str) else None,
                    where,
                    writing,
                )


@asynccontextmanager
async def colleagues_in(topics: Topics, name: str) -> AsyncIterator[Colleagues]:
    """Be one of the team until the block is left."""
    check_storable(name)
    async with topics.listen(_TOPIC) as listener:
        colleagues = Colleagues(listener, name)
        await colleagues.look(None)
        yield colleagues
