"""What the errors of the database's functions mean for whoever called one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from romashka import RomashkaError, ServerError

from romashka_worker.faults import contained

T = TypeVar("T")

_TIES = frozenset({"40001", "40P01", "55P03"})
"""Two transactions were in each other's way, and Postgres ended this one: nothing has happened."""


def is_tie(error: BaseException) -> bool:
    """Is the call worth trying again at once?"""
    return isinstance(error, ServerError) and error.name in _TIES


def is_transient(error: BaseException) -> bool:
    """Is the call worth trying again, in a while?"""
    return (
        isinstance(error, TimeoutError)
        or (isinstance(error, RomashkaError) and error.retryable)
        or is_tie(error)
    )


def is_refusal(error: BaseException) -> bool:
    """Did the server look at the call and say no?"""
    return isinstance(error, ServerError) and not is_transient(error)


def parsed(rows: Sequence[Mapping[str, Any]], parse: Callable[[Mapping[str, Any]], T]) -> list[T]:
    """Return what the rows of a claim are; one that cannot be read does not cost the others.

    Its lease runs out.
    """
    items = []
    for row in rows:
        with contained("claim"):
            items.append(parse(row))
    return items
