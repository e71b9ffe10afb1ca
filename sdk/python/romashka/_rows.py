"""Requests to REST: their rows, their errors as ours, and another try where that is safe."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from romashka._errors import NotSignedIn, RateLimited, RomashkaError, Unreachable, translated
from romashka._limits import in_time
from romashka._storable import check_storable

T = TypeVar("T")

_PAGE = 500
_TRIES = 3
_PAUSE_SECONDS = 0.1


class Query(Protocol):
    """A request of the PostgREST client that was not sent yet."""

    request: Any

    async def execute(self) -> Any: ...


async def fetch(query: Query) -> list[Mapping[str, Any]]:
    """Send a query and return the rows of its answer.

    Raises:
        InvalidRequest: it has text that cannot be stored.
        ServerError: the project refused.
        Unreachable: it did not answer.
    """
    check_storable((query.request.json, query.request.params.multi_items()))
    with translated():
        async with in_time():
            rows: list[Mapping[str, Any]] = (await query.execute()).data
    if not isinstance(rows, list):
        raise Unreachable("the project does not answer; somebody else's page came instead of rows")
    return rows


async def fetch_up_to(
    limit: int, read: Callable[[T | None, int], Awaitable[Sequence[T]]]
) -> list[T]:
    """Return up to `limit` of what `read` gives after the last one, so many at most.

    A page ends when it is empty: a project may give fewer rows at a time than it is asked for.
    """
    found: list[T] = []
    while len(found) < limit:
        page = await read(found[-1] if found else None, limit - len(found))
        if not page:
            break
        found += page
    return found


async def fetch_all(query: Callable[[], Any], limit: int | None = None) -> list[Mapping[str, Any]]:
    """Return all rows of a query that has an order, or the first; each page is a new query."""
    rows: list[Mapping[str, Any]] = []
    while limit is None or len(rows) < limit:
        count = _PAGE if limit is None else limit - len(rows)
        page = await fetch(query().range(len(rows), len(rows) + count - 1))
        if not page:
            break
        rows += page
    return rows


def _is_too_new(error: RomashkaError) -> bool:
    """Is the token from the future, by the clock of the server that read it?"""
    return isinstance(error, NotSignedIn) and error.name == "PGRST303"


async def repeated(request: Callable[[], Awaitable[T]]) -> T:
    """Send a request again while what stops it may pass: sent twice, it must do what once does."""
    for tries in range(1, _TRIES):
        try:
            return await request()
        except RomashkaError as error:
            if not (error.retryable or _is_too_new(error)) or isinstance(error, RateLimited):
                raise
        await asyncio.sleep(_PAUSE_SECONDS * 2**tries)
    return await request()
