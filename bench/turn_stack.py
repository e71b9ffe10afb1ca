"""What the benchmarks of turns start: a stack, a scripted model and a worker, each a process."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROMASHKA = str(Path(sys.executable).with_name("romashka"))
MODEL = str(Path(__file__).with_name("scripted_model.py"))
_READY_SECONDS = 60


@dataclass(slots=True)
class Program:
    """A running program and the lines of JSON that it has printed."""

    process: asyncio.subprocess.Process
    lines: list[dict[str, Any]] = field(default_factory=list)

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(json.loads(line))


@asynccontextmanager
async def running(*command: str, ready: str, **environment: str) -> AsyncIterator[Program]:
    """Run a program from when it has printed a line with `ready` in it until the block is left."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, env=os.environ | environment
    )
    program = Program(process)
    reading = asyncio.create_task(program.read())
    try:
        async with asyncio.timeout(_READY_SECONDS):
            while not any(ready in json.dumps(line) for line in program.lines):
                assert not reading.done(), f"{command} ended"
                await asyncio.sleep(0.01)
        yield program
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()
        await reading


@dataclass(frozen=True, slots=True)
class System:
    """Everything that a turn goes through."""

    keys: Mapping[str, str]
    stack: Program
    model: Program
    worker: Program


@asynccontextmanager
async def running_system(model_seconds: float = 0, **settings: str) -> AsyncIterator[System]:
    """Run a stack of its own, with a worker whose model takes that long."""
    start = ("start", "--ephemeral", "--json", "--port", "0", "--db-port", "0")
    async with (
        running(ROMASHKA, *start, ready="API_URL") as stack,
        running(sys.executable, MODEL, "--seconds", str(model_seconds), ready="url") as model,
    ):
        keys = stack.lines[0]
        async with running(
            *(ROMASHKA, "worker"),
            ready="worker.started",
            SUPABASE_URL=keys["API_URL"],
            SUPABASE_SERVICE_ROLE_KEY=keys["SERVICE_ROLE_KEY"],
            OPENAI_BASE_URL=model.lines[0]["url"],
            **settings,
        ) as worker:
            yield System(keys, stack, model, worker)
