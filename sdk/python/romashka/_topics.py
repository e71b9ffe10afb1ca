"""The private broadcast topics of one client: each is joined once, however many listen to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from realtime import AsyncRealtimeClient

from romashka._listener import Listener, OnConnection
from romashka._session import Session
from romashka._topic import Topic


class Topics:
    """`client.topics`."""

    def __init__(self, realtime: AsyncRealtimeClient, session: Session) -> None:
        self._realtime = realtime
        self._session = session
        self._topics: dict[str, Topic] = {}

    @asynccontextmanager
    async def listen(
        self, name: str, on_connection: OnConnection | None = None
    ) -> AsyncIterator[Listener]:
        """Give a listener to the private topic `name`; its first signal is a `Resync`.

        Example:
            async with client.topics.listen(f"conversation:{conversation.id}") as listener:
                signal = await anext(listener)  # Resync: read what is there, then go on listening
        """
        topic = self._topics.get(name)
        if topic is None or topic.is_refused:  # somebody else may have signed in since
            topic = self._topics[name] = Topic(self._realtime, self._session, name, self._forget)
        listener = topic.add(on_connection)
        try:
            yield listener
        finally:
            topic.remove(listener)

    async def close(self) -> None:
        """Leave all topics and close the socket."""
        await asyncio.gather(*[topic.end() for topic in self._topics.values()])
        with suppress(TimeoutError):  # a dead server does not answer the closing handshake
            async with asyncio.timeout(2):
                await self._realtime.close()

    def _forget(self, ended: Topic) -> None:
        if self._topics.get(ended.name) is ended:
            del self._topics[ended.name]
