"""Programs that must not outlive the one that started them, however that one ends."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def ending_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """Return what, run in a new child, makes the kernel send it this when its parent is gone.

    Elsewhere than on Linux there is nothing of that kind.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask_kernel() -> None:  # runs after a change of user, which would clear the request
        prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os._exit(1)

    return ask_kernel
