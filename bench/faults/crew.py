"""The workers: processes, each behind a network of its own, replaced when they end."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.faults.history import History
from bench.faults.network import Network
from tests.support.stacks import ROMASHKA

_CLOCK = Path(__file__).with_name("clock")
_OURS = ("SUPABASE_", "OPENAI_", "ROMASHKA_", "PYTHONWARNINGS")
_RESTART_SECONDS = 0.5


@dataclass(slots=True, eq=False)
class Worker:
    """One place in which there is a worker, whichever process that is."""

    name: str
    network: Network
    folder: Path
    environment: Mapping[str, str]
    history: History
    process: asyncio.subprocess.Process | None = None
    _is_over: asyncio.Event = field(default_factory=asyncio.Event)

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal, if there is one."""
        if self.process is not None and self.process.returncode is None:
            self.history.add("worker.signal", worker=self.name, signal=number.name)
            self.process.send_signal(number)

    def set_clock(self, seconds_ahead: float) -> None:
        """Let the worker's clock jump."""
        self._clock_file.write_text(str(seconds_ahead))

    async def keep(self) -> None:
        """Run a worker, and another one when it has ended, until `close`."""
        self.set_clock(0)
        with (self.folder / f"{self.name}.log").open("ab") as log:
            while not self._is_over.is_set():
                self.process = await asyncio.create_subprocess_exec(
                    *(str(ROMASHKA), "worker"), env=self._environment(), stdout=log, stderr=log
                )
                code = await self.process.wait()
                self.history.add("worker.ended", worker=self.name, code=code)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._is_over.wait(), _RESTART_SECONDS)

    def close(self) -> None:
        """Let the process stop in order, and start no other one."""
        self._is_over.set()
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)

    @property
    def _clock_file(self) -> Path:
        return self.folder / f"{self.name}.clock"

    def _environment(self) -> dict[str, str]:
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(_OURS)
        }
        ours = {
            "SUPABASE_URL": self.network.url,
            "ROMASHKA_EMBEDDINGS": "off",
            "PYTHONPATH": str(_CLOCK),
            "FAULTS_CLOCK": str(self._clock_file),
        }
        return inherited | ours | dict(self.environment)


@asynccontextmanager
async def at_work(workers: list[Worker]) -> AsyncIterator[None]:
    """Keep these workers running until the block is left."""
    keeping = [asyncio.create_task(worker.keep()) for worker in workers]
    try:
        yield
    finally:
        for worker in workers:
            worker.close()
        _, late = await asyncio.wait(keeping, timeout=15)
        if late:
            for worker in workers:
                worker.signal(signal.SIGKILL)
        await asyncio.gather(*keeping)
