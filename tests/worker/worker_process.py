"""A worker as its operators run it: the command, in a process of its own."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.support.stacks import ROMASHKA, RunningStack
from tests.support.waiting import becomes

_OURS = ("SUPABASE_", "OPENAI_", "ROMASHKA_", "PYTHONWARNINGS")


class WorkerProcess:
    """A running `romashka worker` and what it has logged."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self.output = ""

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.output += line.decode()
            self.events.append(json.loads(line))

    def logged(self, name: str, **fields: Any) -> list[dict[str, Any]]:
        """Return the log lines of that event which have these fields."""
        return [
            event
            for event in self.events
            if event["event"] == name and fields.items() <= event.items()
        ]

    async def has_logged(self, name: str, within: float = 45, **fields: Any) -> dict[str, Any]:
        """Wait for such a log line and return it."""
        return (await becomes(lambda: self.logged(name, **fields), within))[0]

    def pause(self) -> None:
        """Stop the clock of the process."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    async def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 15)


@asynccontextmanager
async def run_worker(
    stack: RunningStack, url: str | None = None, **environment: str
) -> AsyncIterator[WorkerProcess]:
    """Run a worker on `stack` (through `url`, if given) until the block is left."""
    settings = {"SUPABASE_URL": url or stack.api_url}
    settings |= {"SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key}
    process = await start_worker(settings | environment)
    worker = WorkerProcess(process)
    reading = asyncio.create_task(worker.read())
    try:
        await becomes(lambda: worker.logged("worker.started") or process.returncode is not None, 90)
        assert process.stderr is not None
        assert process.returncode is None, (await process.stderr.read()).decode()
        yield worker
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await reading


async def start_worker(environment: dict[str, str]) -> asyncio.subprocess.Process:
    """Start `romashka worker` with that environment and nothing of ours beside it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    inherited["ROMASHKA_EMBEDDINGS"] = "off"  # a second of work for each worker, where it adds none
    return await asyncio.create_subprocess_exec(
        *(str(ROMASHKA), "worker"),
        env=inherited | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
