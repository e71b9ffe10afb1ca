"""Threads that nobody has for himself: the shortest work first, and one piece of each sender."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Piece:
    """Work that waits for a thread, or has one."""

    work: Callable[[], Any]
    size: int
    sender: str | None
    done: asyncio.Future[Any]


class FairPool:
    """A few threads for work that cannot be interrupted once it has begun."""

    def __init__(self, threads: ThreadPoolExecutor, count: int) -> None:
        self._threads = threads
        self._free = count
        self._waiting: list[_Piece] = []
        self._busy: set[str] = set()

    async def run(self, work: Callable[[], T], *, size: int, sender: str | None) -> T:
        """Run work in a thread, when it is its turn; cancelled before that, it does not begin."""
        piece = _Piece(work, size, sender, asyncio.get_running_loop().create_future())
        self._waiting.append(piece)
        self._begin()
        try:
            result: T = await piece.done
            return result
        finally:
            if piece in self._waiting:
                self._waiting.remove(piece)

    def _begin(self) -> None:
        while self._free and (piece := self._next()):
            self._waiting.remove(piece)
            self._free -= 1
            if piece.sender:
                self._busy.add(piece.sender)
            running = asyncio.get_running_loop().run_in_executor(self._threads, piece.work)
            running.add_done_callback(partial(self._end, piece))

    def _next(self) -> _Piece | None:
        ready = (piece for piece in self._waiting if piece.sender not in self._busy)
        return min(ready, key=lambda piece: piece.size, default=None)

    def _end(self, piece: _Piece, running: asyncio.Future[Any]) -> None:
        self._free += 1
        self._busy.discard(piece.sender or "")
        if not piece.done.done() and not running.cancelled():  # somebody still waits for it
            if error := running.exception():
                piece.done.set_exception(error)
            else:
                piece.done.set_result(running.result())
        self._begin()
