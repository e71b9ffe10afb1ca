"""Commands of ours beside this process: started, heard to be ready, and stopped for certain."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from romashka_local.lines import lines_of
from romashka_local.orphans import ending_with_parent

_STOP_SECONDS = 15.0
_LEFTOVER_SECONDS = 5.0
ROMASHKA = "from romashka._cli import main; main()"

Line = Mapping[str, Any]


class ProgramError(Exception):
    """A program did not get ready; the message is one line."""


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give programs a folder for what they keep; it goes even if they crashed."""
    folder = Path(tempfile.mkdtemp(prefix="romashka-"))
    folder.chmod(0o711)  # under root, Postgres runs as another account, inside of it
    try:
        yield folder
    finally:
        deadline = time.monotonic() + _LEFTOVER_SECONDS
        while folder.exists() and time.monotonic() < deadline:  # a dying Postgres still writes
            shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def running(
    *arguments: str,
    is_ready: Callable[[Line], bool],
    ready_seconds: float,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    program: str = ROMASHKA,
) -> AsyncIterator[Line]:
    """Run `romashka <arguments>` in `folder`; give the line of JSON that said that it is ready.

    Another `program` is Python's code.

    When the block is left, in whatever way, the program is gone.

    Raises:
        ProgramError: it ended instead, or took too long.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", program, *arguments),  # -P: no modules of the folder
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        start_new_session=True,  # Ctrl-C is for this process, which stops the others in order
        preexec_fn=ending_with_parent(signal.SIGTERM),
    )
    assert process.stdout is not None  # noqa: S101 -- they are pipes
    assert process.stderr is not None  # noqa: S101
    errors: deque[str] = deque(maxlen=1)
    readers = [asyncio.create_task(_read(process.stderr, errors.append))]
    try:
        try:
            async with asyncio.timeout(ready_seconds):
                ready = await _ready_line(process.stdout, is_ready)
        except (EOFError, TimeoutError) as error:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(readers[0]), 1)
            reason = errors[-1] if errors else "it said nothing"
            raise ProgramError(f"romashka {arguments[0]} did not get ready; {reason}") from error
        # It must never block on a full pipe.
        readers.append(asyncio.create_task(_read(process.stdout, lambda _: None)))
        yield ready
    finally:
        await _stop(process)
        await asyncio.gather(*readers, return_exceptions=True)


async def _ready_line(output: asyncio.StreamReader, is_ready: Callable[[Line], bool]) -> Line:
    while line := await output.readline():
        with suppress(ValueError):
            said = json.loads(line)
            if isinstance(said, dict) and is_ready(said):
                return said
    raise EOFError


async def _read(output: asyncio.StreamReader, take: Callable[[str], None]) -> None:
    async for line in lines_of(output):
        if text := line.strip():
            take(text)


async def _stop(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the session is its own: children too
        await process.wait()
