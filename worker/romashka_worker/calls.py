"""What the errors of the database's functions mean for whoever called one."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count
from typing import Any, TypeVar

from romashka import RomashkaError, ServerError
from romashka._errors import may_pass
from romashka._reader import retry_pause

from romashka_worker.faults import contained

T = TypeVar("T")

_TIES = frozenset({"40001", "40P01", "55P03"})
"""Two transactions were in each other's way, and Postgres ended this one: nothing has happened."""


def is_tie(error: BaseException) -> bool:
    """Is the call worth trying again at once?"""
    return isinstance(error, ServerError) and error.name in _TIES


_OF_NOW = frozenset({"57014", "0A000", "25006", "XX000"})
"""The statement was cancelled, as the database was busy or stopped; its plan, or what it looked up,
had changed under it, as it does while somebody migrates; a standby is taking over."""


async def repeated(call: Callable[[], Awaitable[T]], seconds: float) -> T:
    """Return what a reading gives, made again for so long while what stops it may pass.

    A gateway, a pool without a connection, a cut, a key that is too new for the server's clock.

    Raises:
        RomashkaError: it does not pass, or did not in time.
    """
    ends_at = time.monotonic() + seconds
    for failures in count(1):
        try:
            return await call()
        except RomashkaError as error:
            pause = retry_pause(failures)
            passes = may_pass(error, failures) or getattr(error, "name", "") in _OF_NOW
            if not passes or time.monotonic() + pause > ends_at:
                raise
        await asyncio.sleep(pause)
    raise AssertionError("it returns or raises")


def is_refusal(error: BaseException) -> bool:
    """Did the project look at the call and say no?

    A gateway's word is none, and the token that it makes of a key may be too new for the server.
    """
    return isinstance(error, ServerError) and not (may_pass(error, 1) or is_tie(error))


def parsed(rows: Sequence[Mapping[str, Any]], parse: Callable[[Mapping[str, Any]], T]) -> list[T]:
    """Return what the rows of a claim are; one that cannot be read does not cost the others.

    Its lease runs out.
    """
    items = []
    for row in rows:
        with contained("claim"):
            items.append(parse(row))
    return items
