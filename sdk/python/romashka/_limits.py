"""How long a request may take: one that is never answered stops nothing for good."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from romashka._errors import Unreachable

REQUEST_SECONDS = 10.0
"""So long a request may take; the next try may find a network that works."""
CALL_SECONDS = 35.0
"""So long a call of the application's: a database function may wait for 30 s."""
FILE_SECONDS = 300.0
"""So long a file may be on its way."""


@asynccontextmanager
async def in_time(seconds: float = REQUEST_SECONDS) -> AsyncIterator[None]:
    """Give up what takes longer.

    Raises:
        Unreachable: it did.
    """
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise  # somebody else's
        raise Unreachable(f"the project does not answer; it had {seconds:g} s") from error
