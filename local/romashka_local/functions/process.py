"""One function's Deno process: started with few rights, its output shown, ended with the stack."""

import asyncio
import json
import logging
import os
import secrets
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import deno  # type: ignore[import-untyped]  # the wheel has no type marker
from romashka._terminal import clean_line, say

from romashka_local.functions.settings import FunctionSettings
from romashka_local.lines import lines_of

_BOOT = Path(__file__).with_name("boot.ts")
_BOOT_SECONDS = 60.0  # a first start may download what the function imports
_STOP_SECONDS = 2.0
_DRAIN_SECONDS = 30.0
# Where Deno keeps downloaded modules, and how it downloads them; the function does not see these.
_DENO_NEEDS = (
    "HOME",
    "USERPROFILE",
    "XDG_CACHE_HOME",
    "LOCALAPPDATA",
    "DENO_DIR",
    "DENO_CERT",
    "DENO_TLS_CA_STORE",
    "NPM_CONFIG_REGISTRY",
    "JSR_URL",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)
_log = logging.getLogger("romashka.local.functions")


class BootFailed(Exception):
    """The function could not be started; its own output says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a function's process is given beside its settings."""

    functions_dir: Path
    environment: Mapping[str, str]


class FunctionProcess:
    """A started process, and the requests that it is answering."""

    def __init__(self, process: Process, slug: str) -> None:
        self.port = 0
        self._process = process
        self._slug = slug
        self._active = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._output: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, function: FunctionSettings, place: Place) -> "FunctionProcess":
        """Start the process and wait until the function serves.

        Raises:
            BootFailed: it ended, failed or took too long; nothing of it is left.
        """
        process = await asyncio.create_subprocess_exec(
            *_command(function, place),
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            env=_environment(place),
            cwd=place.functions_dir,
            # Ctrl-C in a terminal reaches the whole group; the stack decides when functions end.
            start_new_session=True,
        )
        started = cls(process, function.slug)
        try:
            await asyncio.wait_for(started._boot(function, place), _BOOT_SECONDS)
        except BaseException as error:
            await started.stop()
            if isinstance(error, TimeoutError):
                raise BootFailed(f"{function.slug} did not serve in time") from error
            raise
        return started

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    def enter(self) -> None:
        """Count a request in: the process is kept until it has left."""
        self._active += 1
        self._idle.clear()

    def leave(self) -> None:
        self._active -= 1
        if not self._active:
            self._idle.set()

    async def retire(self) -> None:
        """Stop once the running requests are answered, or have had their time."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), _DRAIN_SECONDS)
        await self.stop()

    def hurry(self) -> None:
        """Let `retire` wait for requests no longer."""
        self._idle.set()

    async def stop(self) -> None:
        """End the process: it exits when its input does, unless it is stuck."""
        assert self._process.stdin is not None  # noqa: S101 -- a pipe was asked for
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._output:
            await self._output

    async def _boot(self, function: FunctionSettings, place: Place) -> None:
        """Tell the process what to run, show what it prints, and wait for its port."""
        marker = secrets.token_hex(16)
        order = {
            "entrypoint": function.entrypoint.as_uri(),
            "marker": marker,
            "environment": list(place.environment),
        }
        assert self._process.stdin is not None  # noqa: S101 -- a pipe was asked for
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        answer: asyncio.Future[dict[str, int]] = asyncio.get_running_loop().create_future()
        self._output = asyncio.create_task(self._show_output(marker, answer))
        self.port = (await answer).get("port", 0)
        if not self.port:
            raise BootFailed(f"{self._slug} failed to boot")

    async def _show_output(self, marker: str, answer: "asyncio.Future[dict[str, int]]") -> None:
        """Copy the function's output to stderr, line by line, but for the boot's own line."""
        assert self._process.stdout is not None  # noqa: S101 -- a pipe was asked for
        async for text in lines_of(self._process.stdout):
            if not answer.done() and text.startswith(f"{marker} "):
                answer.set_result(json.loads(text.removeprefix(f"{marker} ")))
            elif text:
                say(clean_line(f"[{self._slug}] {text}"), to_errors=True)
        if not answer.done():
            answer.set_result({})


def _command(function: FunctionSettings, place: Place) -> list[str]:
    """Return Deno's command line: network, its own environment, and the functions' files."""
    configuration = ["--no-config"]
    if function.import_map:
        is_deno_json = function.import_map.name in ("deno.json", "deno.jsonc")
        configuration = (
            [f"--config={function.import_map}"]
            if is_deno_json
            else [
                "--no-config",
                f"--import-map={function.import_map}",
            ]
        )
    return [
        deno.find_deno_bin(),
        "run",
        "--no-prompt",
        *([] if _is_locked(function.import_map) else ["--no-lock"]),
        "--node-modules-dir=none",
        "--allow-net",
        "--allow-env",
        f"--allow-read={place.functions_dir},{function.entrypoint.parent}",
        *configuration,
        str(_BOOT),
    ]


def _is_locked(configuration: Path | None) -> bool:
    """Does a function name a lock file that Deno only reads? Any other it would write."""
    if configuration is None or configuration.name != "deno.json":
        return False
    try:
        lock = json.loads(configuration.read_text("utf-8")).get("lock")
    except (OSError, ValueError, AttributeError):
        return False
    return isinstance(lock, dict) and lock.get("frozen") is True


def _environment(place: Place) -> dict[str, str]:
    # The function sees what `place` gives alone: boot.ts deletes the rest before it runs.
    needed = {name: os.environ[name] for name in _DENO_NEEDS if name in os.environ}
    return {
        "DENO_TLS_CA_STORE": "mozilla,system",  # some networks have authorities of their own
        **needed,
        "NO_COLOR": "1",
        "DENO_NO_UPDATE_CHECK": "1",
        **place.environment,
    }
