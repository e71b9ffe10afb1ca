"""How long a request may take: one that is never answered stops nothing for good."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from romashka._errors import Unreachable

SECONDS = {
    "request": 10.0,  # the next try may find a network that works
    "call": 35.0,  # of the application's: a database function may wait for 30 s
    "file": 300.0,
}


@asynccontextmanager
async def in_time(what: Literal["request", "call", "file"] = "request") -> AsyncIterator[None]:
    """Give up what takes longer.

    Raises:
        Unreachable: it did.
    """
    limit = asyncio.timeout(SECONDS[what])
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise  # somebody else's
        reason = f"the project does not answer; it had {SECONDS[what]:g} s"
        raise Unreachable(reason) from error
