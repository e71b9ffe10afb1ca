"""What a fault in one place costs: what was under way there, and nothing else of the worker.

The one place that catches everything. What is expected (the project does not answer, it refuses) is
a warning; what nobody thought of is logged with where it was, and counted.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import structlog
from romashka import RomashkaError

from romashka_worker.embeddings import EmbeddingError
from romashka_worker.logs import describe
from romashka_worker.metrics import CRASHES

EXPECTED = (RomashkaError, EmbeddingError, TimeoutError)
"""What the project and the models are known to do to us."""
_TROUBLE_SECONDS = 1.0

log = structlog.get_logger()


class contained:
    """Lets no error out of the block: it is logged as `<part>.failed`, or `<part>.crashed`.

    Example:
        with contained("sweep") as trouble:
            await queue.sweep()
        if trouble.error: ...
    """

    def __init__(self, part: str, **fields: Any) -> None:
        self._part = part
        self._fields = fields
        self.error: Exception | None = None
        """What was raised."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _: type[BaseException] | None,
        error: BaseException | None,
        __: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):  # nothing, or the order to stop
            return False
        self.error = error
        report(self._part, error, **self._fields)
        return True


def report(part: str, error: Exception, **fields: Any) -> None:
    """Log what went wrong in a part of the worker, and count what nobody thought of."""
    is_expected = isinstance(error, EXPECTED)
    event = f"{part}.{'failed' if is_expected else 'crashed'}"
    if is_expected:
        log.warning(event, error=describe(error), **fields)
    else:
        CRASHES.labels(part).inc()
        log.error(event, exc_info=error, **fields)


@asynccontextmanager
async def beside(**services: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run services, by their names, beside the block; one that fails begins again."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_kept(name, run)) for name, run in services.items()]
        yield
        for service in running:
            service.cancel()


async def _kept(name: str, run: Callable[[], Awaitable[None]]) -> None:
    while True:
        with contained(name):
            return await run()
        await asyncio.sleep(_TROUBLE_SECONDS)
