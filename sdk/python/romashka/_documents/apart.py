"""Reading in a process of its own: what a file makes its parser do is no trouble of ours."""

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple, Unpack

from anyio import BrokenWorkerProcess, fail_after, to_process

from romashka._documents import DocumentError

_SECONDS = 60
_MEMORY_BYTES = 2_000_000_000

_Arguments = TypeVarTuple("_Arguments")
_Read = TypeVar("_Read")


async def read_apart(read: Callable[[Unpack[_Arguments]], _Read], *arguments: *_Arguments) -> _Read:
    """Return what `read` returns, within bounds of time and memory.

    Raises:
        DocumentError: it needs more of them, or ends its process.
    """
    try:
        with fail_after(_SECONDS):
            return await to_process.run_sync(_bounded, read, arguments, cancellable=True)
    except TimeoutError as error:
        raise DocumentError(f"reading it takes longer than {_SECONDS} s") from error
    except MemoryError as error:
        raise DocumentError("reading it takes more than 2 GB of memory") from error
    except BrokenWorkerProcess as error:
        raise DocumentError("it is damaged: what reads it did not survive it") from error


def _bounded(read: Callable[..., _Read], arguments: tuple[object, ...]) -> _Read:
    try:
        import resource
    except ModuleNotFoundError:  # Windows: its time alone is bounded
        return read(*arguments)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = _MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(hard, _MEMORY_BYTES)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    return read(*arguments)
