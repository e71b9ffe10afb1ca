"""The private broadcast topics of one client: each is joined once, however many listen to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from realtime import AsyncRealtimeClient

from romashka._listener import Listener, OnConnection
from romashka._session import Session
from romashka._topic import Topic

_LINGER_SECONDS = 5.0
"""How long a topic stays subscribed without a listener: the next one need not join again."""


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
            topic = self._topics[name] = Topic(self._realtime, self._session, name)
        listener = topic.add_listener(on_connection)
        try:
            yield listener
        finally:
            topic.listeners.discard(listener)
            if not topic.listeners:
                asyncio.get_running_loop().call_later(
                    0 if topic.is_refused else _LINGER_SECONDS, self._drop_if_idle, name, topic
                )

    def _drop_if_idle(self, name: str, topic: Topic) -> None:
        if not topic.listeners:
            topic.task.cancel()
            if self._topics.get(name) is topic:
                del self._topics[name]

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
