"""How the sync classes are made of the async ones: a method runs its twin on an event loop.

The loop runs in a thread of its own (anyio's portal). A sync class says what it has in a line a
method, `send = forward(AsyncConversation.send)`: parameters, result and documentation are the
twin's, for readers and for type checkers. `to` makes what the twin returns sync too.
"""

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
)
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager, suppress
from functools import partial, wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from anyio.from_thread import BlockingPortal

P = ParamSpec("P")
A = TypeVar("A")
T = TypeVar("T")
S = TypeVar("S")

To = Callable[[T, BlockingPortal], S]


class Facade(Generic[A]):
    """The sync side of an async object, its twin."""

    def __init__(self, twin: A, portal: BlockingPortal) -> None:
        self._twin = twin
        self._portal = portal


def run(portal: BlockingPortal, function: Callable[[], Awaitable[T]]) -> T:
    """Run `function` on the portal's loop and return its result; Ctrl-C cancels it."""
    running = portal.start_task_soon(function)
    try:
        return running.result()
    except BaseException:
        running.cancel()
        raise


@overload
def forward(
    method: Callable[Concatenate[A, P], Awaitable[T]],
) -> Callable[Concatenate[Any, P], T]: ...
@overload
def forward(
    method: Callable[Concatenate[A, P], Awaitable[T]], to: To[T, S]
) -> Callable[Concatenate[Any, P], S]: ...
def forward(method: Any, to: To[Any, Any] | None = None) -> Any:
    """Make the sync twin of a coroutine method."""

    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = run(self._portal, partial(method, self._twin, *args, **kwargs))
        return to(result, self._portal) if to else result

    return call


@overload
def iterate(
    method: Callable[Concatenate[A, P], AsyncIterator[T]],
) -> Callable[Concatenate[Any, P], Generator[T]]: ...
@overload
def iterate(
    method: Callable[Concatenate[A, P], AsyncIterator[T]], to: To[T, S]
) -> Callable[Concatenate[Any, P], Generator[S]]: ...
def iterate(method: Any, to: To[Any, Any] | None = None) -> Any:
    """Make the sync twin of an asynchronous generator method."""

    @wraps(method)
    def items(self: Any, *args: Any, **kwargs: Any) -> Generator[Any]:
        twin = method(self._twin, *args, **kwargs)
        while True:
            try:
                item = run(self._portal, twin.__anext__)
            except StopAsyncIteration:
                return
            try:
                yield to(item, self._portal) if to else item
            except BaseException:
                with suppress(RuntimeError):  # the portal may be closed: then the twin is, too
                    run(self._portal, twin.aclose)
                raise

    return items


@overload
def manage(
    method: Callable[Concatenate[A, P], AbstractAsyncContextManager[T]],
) -> Callable[Concatenate[Any, P], AbstractContextManager[T]]: ...
@overload
def manage(
    method: Callable[Concatenate[A, P], AbstractAsyncContextManager[T]], to: To[T, S]
) -> Callable[Concatenate[Any, P], AbstractContextManager[S]]: ...
def manage(method: Any, to: To[Any, Any] | None = None) -> Any:
    """Make the sync twin of a method that gives an asynchronous context manager."""

    @wraps(method)
    @contextmanager
    def block(self: Any, *args: Any, **kwargs: Any) -> Generator[Any]:
        twin = method(self._twin, *args, **kwargs)
        with self._portal.wrap_async_context_manager(twin) as value:
            yield to(value, self._portal) if to else value

    return block
