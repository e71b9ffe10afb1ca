"""Reading for a listener, beside it: no request holds up what the topic tells meanwhile."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from romashka._errors import may_pass
from romashka._limits import in_time
from romashka._listener import Listener, Page

_EAGER_TRIES = 20
"""So often a try follows within a second: who waits for an answer has six. Then within five."""


def retry_pause(failures: int, *, is_throttled: bool = False) -> float:
    """Return a pause before the next try: longer each time, and different for each client."""
    is_eager = failures <= _EAGER_TRIES and not is_throttled
    longest = min(0.1 * 2 ** min(failures, 10), 1.0) if is_eager else 5.0
    return random.uniform(longest / 2, longest)  # noqa: S311 -- spreads load, guards nothing


class Reader:
    """Reads a page at a time, and puts it among its listener's signals.

    Whoever gets a page calls `taken`: only then is the next one read, so a slow consumer is never
    flooded. A `Resync` may stand for a page that was put and not seen, so it calls for `restart`.
    """

    def __init__(self, listener: Listener, read: Callable[[], Awaitable[Page]]) -> None:
        self._listener = listener
        self._read = read
        self._task: asyncio.Task[None] | None = None
        self._page: Page | None = None  # that was put, and is not taken yet
        self._is_asked = False  # since that page was begun

    def ask(self) -> None:
        """Read once more: there may be something new."""
        if self._task is None:
            self.restart()
        else:
            self._is_asked = True

    def restart(self) -> None:
        """Read now, whatever is on its way."""
        self.close()
        self._page, self._is_asked = None, False
        self._task = asyncio.create_task(self._run())

    def taken(self, page: Page) -> None:
        """Go on after a page, if there is more or was asked for."""
        if page is not self._page:
            return  # of before a restart
        self._task = None
        if self._is_asked or not page.is_last:
            self.restart()

    def close(self) -> None:
        """Read no more."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                async with in_time():
                    self._page = await self._read()
                self._listener.put(self._page)
                return
            except Exception as error:  # noqa: BLE001 -- a task that nobody awaits: its listener does
                if not may_pass(error, failures):
                    self._listener.refuse(error)
                    return
            failures += 1
            await asyncio.sleep(retry_pause(failures))
