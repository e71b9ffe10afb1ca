"""The running functions: each started by its first request, and anew when its files change."""

import asyncio
import logging
import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from romashka_local.config import StackConfig
from romashka_local.functions.process import FunctionProcess, Place
from romashka_local.functions.settings import FunctionSettings, function_environment

_log = logging.getLogger("romashka.local.functions")
_SKIPPED = {"node_modules", ".git"}

Fingerprint = frozenset[tuple[str, int, int]]


@dataclass(slots=True)
class _Slot:
    """The process of one function; the lock lets a burst of requests start only one."""

    process: FunctionProcess | None = None
    fingerprint: Fingerprint = frozenset()
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Processes:
    """All function processes of a stack; `stop` leaves none."""

    def __init__(self, config: StackConfig) -> None:
        self._config = config
        self._functions_dir = (config.project_dir / "functions").resolve()
        self._slots: defaultdict[str, _Slot] = defaultdict(_Slot)
        self._retiring: dict[asyncio.Task[None], FunctionProcess] = {}

    async def serving(self, function: FunctionSettings) -> FunctionProcess:
        """Return a process that runs the function's present files.

        Raises:
            BootFailed: it cannot be started; the next request tries again.
        """
        slot = self._slots[function.slug]
        async with slot.lock:
            fingerprint = await asyncio.to_thread(self._fingerprint, function)
            running = slot.process
            if running and running.is_running and slot.fingerprint == fingerprint:
                return running
            if running:
                self._retire(running)
                slot.process = None
            place = Place(self._functions_dir, function_environment(self._config))
            slot.process = await FunctionProcess.start(function, place)
            slot.fingerprint = fingerprint
            _log.info("functions.started", extra={"function": function.slug})
            return slot.process

    def forget(self, function: FunctionSettings, process: FunctionProcess) -> None:
        """Start anew for the next request: `process` broke, whether or not it has ended yet."""
        slot = self._slots[function.slug]
        if slot.process is process:
            slot.process = None
            self._retire(process)

    async def stop(self) -> None:
        """End every process, at once."""
        for process in self._retiring.values():
            process.hurry()  # cancelling its task could leave it behind
        await asyncio.gather(*self._retiring, return_exceptions=True)
        running = [slot.process for slot in self._slots.values() if slot.process]
        await asyncio.gather(*(process.stop() for process in running))

    def _retire(self, process: FunctionProcess) -> None:
        task = asyncio.create_task(process.retire())
        self._retiring[task] = process
        task.add_done_callback(self._retiring.pop)

    def _fingerprint(self, function: FunctionSettings) -> Fingerprint:
        """Return what changes whenever a file does that the function may be made of."""
        files = {function.import_map} if function.import_map else set()
        for root in (self._functions_dir, function.entrypoint.parent):
            files |= _files_below(root)
        return frozenset(filter(None, map(_state, files)))


def _files_below(root: Path) -> set[Path]:
    found: set[Path] = set()
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _SKIPPED]
        found |= {Path(folder, name) for name in names}
    return found


def _state(path: Path) -> tuple[str, int, int] | None:
    try:
        found = path.stat()
    except OSError:  # it has just been removed
        return None
    return str(path), found.st_mtime_ns, found.st_size
