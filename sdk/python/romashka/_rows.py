"""Requests to REST: their rows, their errors as ours, and another try where that is safe."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

from romashka._errors import RateLimited, RomashkaError, Unreachable, translated

T = TypeVar("T")

_TRIES = 3
_PAUSE_SECONDS = 0.1


class Query(Protocol):
    """A request of the PostgREST client that was not sent yet."""

    async def execute(self) -> Any: ...


async def fetch(query: Query) -> list[Mapping[str, Any]]:
    """Send a query and return the rows of its answer.

    Raises:
        ServerError: the project refused.
        Unreachable: it did not answer.
    """
    with translated():
        rows: list[Mapping[str, Any]] = (await query.execute()).data
    if isinstance(rows, str):
        raise Unreachable("the project does not answer; somebody else's page came instead of rows")
    return rows


async def repeated(request: Callable[[], Awaitable[T]]) -> T:
    """Send a request again while what stops it may pass: sent twice, it must do what once does."""
    for tries in range(1, _TRIES):
        try:
            return await request()
        except RomashkaError as error:
            if not error.retryable or isinstance(error, RateLimited):
                raise
        await asyncio.sleep(_PAUSE_SECONDS * 2**tries)
    return await request()
