"""The private broadcast topics of one client: each is joined once, however many listen to it.

Clients that were made around one Supabase client share its topics: that has one channel a name.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from weakref import WeakKeyDictionary

from realtime import AsyncRealtimeClient

from romashka._listener import Listener, OnConnection
from romashka._session import Session
from romashka._storable import check_storable
from romashka._topic import Topic

_SHARED: WeakKeyDictionary[AsyncRealtimeClient, dict[str, Topic]] = WeakKeyDictionary()


class Topics:
    """`client.topics`."""

    def __init__(self, realtime: AsyncRealtimeClient, session: Session) -> None:
        self._realtime = realtime
        self._session = session
        self._topics = _SHARED.setdefault(realtime, {})
        self._heard: Counter[Topic] = Counter()
        """How many of those who listen to a topic do so by us."""

    @asynccontextmanager
    async def listen(
        self, name: str, on_connection: OnConnection | None = None
    ) -> AsyncIterator[Listener]:
        """Give a listener to the private topic `name`; its first signal is a `Resync`.

        Example:
            async with client.topics.listen(f"conversation:{conversation.id}") as listener:
                signal = await anext(listener)  # Resync: read what is there, then go on listening
        """
        check_storable(name)
        topic = self._topics.get(name)
        if topic is None or topic.is_refused:  # somebody else may have signed in since
            topic = self._topics[name] = Topic(self._realtime, self._session, name, self._forget)
        listener = topic.add(on_connection)
        self._heard[topic] += 1
        try:
            yield listener
        finally:
            self._heard[topic] -= 1
            topic.remove(listener)

    async def close(self) -> None:
        """Leave all topics that nobody else listens to; close the socket if none is left."""
        topics = [*self._topics.values()]
        await asyncio.gather(
            *[topic.end() for topic in topics if topic.listeners <= self._heard[topic]]
        )
        if self._topics:
            return
        with suppress(TimeoutError):  # a dead server does not answer the closing handshake
            async with asyncio.timeout(2):
                await self._realtime.close()

    def _forget(self, ended: Topic) -> None:
        if self._topics.get(ended.name) is ended:
            del self._topics[ended.name]
