"""Waiting for what must become true soon, without sleeping for a fixed time.

The bound shows a hang; a busy machine may take its time.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(check: Callable[[], T], within: float = 30) -> T:
    """Return the first truthy answer of `check`; an AssertionError in it means "not yet".

    Raises:
        AssertionError: there was none `within` that many seconds.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            answer = check()
            failure: AssertionError | None = None
        except AssertionError as error:
            failure = error
        else:
            if answer:
                return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {within} s") from failure
        time.sleep(0.02)


async def becomes(check: Callable[[], T | Awaitable[T]], within: float = 30) -> T:
    """Return the first truthy answer of `check`, which may be a coroutine function.

    Raises:
        AssertionError: there was none `within` that many seconds.
    """
    deadline = time.monotonic() + within
    while True:
        answer = check()
        answer = await answer if isinstance(answer, Awaitable) else answer
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {within} s")
        await asyncio.sleep(0.02)
