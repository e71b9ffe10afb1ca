"""Waiting for what must become true soon, without sleeping for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(check: Callable[[], T], within: float = 5) -> T:
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
