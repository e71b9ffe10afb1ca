"""A part of what runs: a program that is started again when it ends, or when it is to run anew."""

import asyncio
import os
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from romashka_local.dev.stream import Stream
from romashka_local.lines import lines_of
from romashka_local.orphans import ending_with_parent

_PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Between an end that nobody asked for and the next start; each time that it happens the next."""
_STEADY_SECONDS = 30.0
"""What ran for so long begins with the first pause again."""
_STOP_SECONDS = 15.0
_READ_SECONDS = 2.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Command:
    """How a program is started."""

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    """All of it: a program sees nothing else."""


Read = Callable[[str], None]


class Part:
    """A program by its name; what it prints goes to `read_output` and `read_errors`."""

    def __init__(
        self,
        name: str,
        stream: Stream,
        command: Callable[[], Command],
        *,
        is_hurried: asyncio.Event | None = None,
    ) -> None:
        self.name = name
        self.is_ready = asyncio.Event()
        """Set by whoever reads its output."""
        self.has_ended = asyncio.Event()
        """Has it ended by itself, ever?"""
        self.read_output: Read = lambda _: None
        self.read_errors: Read = lambda _: None
        self._stream = stream
        self._command = command
        self._again = asyncio.Event()
        self._is_hurried = is_hurried or asyncio.Event()

    def run_anew(self) -> None:
        """Stop it in order, and start it at once, whether or not it runs."""
        self._again.set()

    async def run(self) -> None:
        """Run it until cancelled."""
        ends = 0
        while True:
            began = time.monotonic()
            self._again.clear()
            how = await self._run_once()
            if how is None:
                ends = 0
                continue
            ends = 0 if time.monotonic() - began > _STEADY_SECONDS else ends
            pause = _PAUSES[min(ends, len(_PAUSES) - 1)]
            ends += 1
            self._stream.say(self.name, f"{how}; it is started again in {pause:.0f} s", "error")
            self.has_ended.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._again.wait(), pause)

    async def _run_once(self) -> str | None:
        """Run it until it ends, and say how; None where it is to run anew."""
        try:
            process = await _start(self._command())
        except (OSError, LookupError, ValueError) as error:  # no program, no such script
            return f"it cannot be started ({type(error).__name__}: {error})"
        readers = [
            asyncio.create_task(_read(process.stdout, self.read_output)),
            asyncio.create_task(_read(process.stderr, self.read_errors)),
        ]
        asked = asyncio.create_task(self._again.wait())
        ended = asyncio.create_task(_ended(process))
        try:
            await asyncio.wait({asked, ended}, return_when=asyncio.FIRST_COMPLETED)
            return _how(process) if ended.done() else None
        finally:
            asked.cancel()
            self.is_ready.clear()
            await self._stop(process)
            await process.wait()
            ended.cancel()
            # A child that it left behind may keep the pipes open.
            _, late = await asyncio.wait(readers, timeout=_READ_SECONDS)
            for reader in late:
                reader.cancel()

    async def _stop(self, process: Process) -> None:
        """End it: politely, and by force when that takes too long or there is a hurry."""
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            waits = [
                asyncio.create_task(_ended(process)),
                asyncio.create_task(self._is_hurried.wait()),
            ]
            await asyncio.wait(waits, timeout=_STOP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        # Its session is its own: what it started, too.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


@asynccontextmanager
async def running(*parts: Part) -> AsyncIterator[None]:
    """Run parts within the block; when it is left, they are stopped, all at the same time."""
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _start(command: Command) -> Process:
    return await asyncio.create_subprocess_exec(
        *command.arguments,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        cwd=command.folder,
        env=command.environment,
        start_new_session=True,  # Ctrl-C is for us, who stop them in order
        preexec_fn=ending_with_parent(signal.SIGTERM),
    )


async def _read(stream: asyncio.StreamReader | None, read: Read) -> None:
    assert stream is not None  # noqa: S101 -- a pipe was asked for
    async for line in lines_of(stream):
        if line.strip():
            read(line)


async def _ended(process: Process) -> None:
    """Wait until it has ended: `process.wait` waits for what it started, too, by the pipes."""
    while process.returncode is None:  # noqa: ASYNC110 -- there is no event for this
        await asyncio.sleep(_LOOK_SECONDS)


def _how(process: Process) -> str:
    code = process.returncode or 0
    if code < 0:
        return f"it was ended by {signal.Signals(-code).name}"
    return f"it ended with exit code {code}"
