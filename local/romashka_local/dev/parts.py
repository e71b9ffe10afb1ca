"""The parts of a developer's Romashka: the stack, the worker, the web pages."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from romashka_local.dev.node import Npm, serving
from romashka_local.dev.part import Command, Part
from romashka_local.dev.stream import Stream
from romashka_local.dev.traces import TraceReader
from romashka_local.postgres import HOST
from romashka_local.programs import ROMASHKA

_SAID = re.compile(r"(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL) \S+: (?P<text>.*)")
_BY_FUNCTION = re.compile(r"\[(?P<name>[\w-]+)\] (?P<text>.*)")
_IS_DOWNLOADED = re.compile(r"Download\w* ")
_TROUBLE = re.compile(r"\b(?:error|warn(?:ing)?|failed)\b", re.IGNORECASE)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NOT_SAID = {"event", "level", "timestamp", "logger"}
_LOOK_SECONDS = 0.1


@dataclass(slots=True)
class Stack:
    """Where the stack is, once it has said so; from then on it keeps its ports."""

    project: Path
    data: Path
    port: int
    db_port: int
    said: dict[str, str] = field(default_factory=dict)

    @property
    def admin_url(self) -> str:
        """The database's URL as its superuser."""
        return self.said["DB_URL"].replace("//postgres:", "//supabase_admin:")

    @property
    def settings(self) -> dict[str, str]:
        """Its addresses and keys, as our settings name them."""
        return {
            "SUPABASE_URL": self.said["API_URL"],
            "SUPABASE_ANON_KEY": self.said["ANON_KEY"],
            "SUPABASE_SERVICE_ROLE_KEY": self.said["SERVICE_ROLE_KEY"],
            "DATABASE_URL": self.said["DB_URL"],
        }


@dataclass(slots=True)
class Worker:
    """What the worker said when it started."""

    said: dict[str, Any] = field(default_factory=dict)


def stack_part(stack: Stack, stream: Stream, last_error: list[str]) -> Part:
    """Return the stack: it serves the functions, too. `last_error` gets what it said at its end."""

    def command() -> Command:
        ports = ("--port", str(stack.port), "--db-port", str(stack.db_port))
        arguments = ("start", "--json", "--data-dir", str(stack.data), *ports)
        return Command(_romashka(*arguments), Path.cwd(), os.environ)

    def read_output(line: str) -> None:
        stack.said = json.loads(line)
        stack.port = int(stack.said["API_URL"].rpartition(":")[2])
        stack.db_port = int(stack.said["DB_URL"].rpartition(":")[2].partition("/")[0])
        part.is_ready.set()

    def read_error(line: str) -> None:
        if said := _BY_FUNCTION.match(line):
            if not _IS_DOWNLOADED.match(said["text"]):
                stream.say("functions", f"{said['name']}: {said['text']}")
        elif said := _SAID.match(line):
            if said["level"] not in ("DEBUG", "INFO"):
                stream.say("stack", said["text"], "warning")
        else:
            last_error[:] = [line.removeprefix("romashka: ")]
            if stack.said:  # else whoever waits for it says it
                stream.say("stack", last_error[0], "error")

    part = Part("stack", stream, command)
    part.read_output = read_output
    part.read_errors = TraceReader(read_error).read
    return part


def worker_part(stack: Stack, worker: Worker, stream: Stream, is_hurried: asyncio.Event) -> Part:
    """Return the worker: it answers for this stack, whatever project the environment names."""

    def command() -> Command:
        ours = {"SUPABASE_SECRET_KEY": "", "SUPABASE_PUBLISHABLE_KEY": ""} | stack.settings
        return Command(_romashka("worker"), Path.cwd(), {**os.environ, **ours})

    def read_output(line: str) -> None:
        said: Any = None
        with suppress(ValueError):
            said = json.loads(line)
        if not isinstance(said, dict):
            stream.say("worker", line)
        elif said.get("event") == "worker.started":
            worker.said = said
            part.is_ready.set()
        elif said.get("level") not in ("debug", "info"):
            stream.say("worker", _fields(said), _tone(said))

    part = Part("worker", stream, command, is_hurried=is_hurried)
    part.read_output = read_output
    part.read_errors = TraceReader(lambda line: stream.say("worker", line, "error")).read
    return part


def inbox_part(
    stack: Stack, pages: Path, port: int, npm: Npm, stream: Stream, is_hurried: asyncio.Event
) -> Part:
    """Return the inbox's pages, as Vite serves them while they are written."""

    def command() -> Command:
        told = {"url": stack.said["API_URL"], "anonKey": stack.said["ANON_KEY"]}
        options = ("--host", HOST, "--port", str(port), "--strictPort")
        served = serving(npm, pages, *options)
        settings = {**served.environment, "INBOX_CONFIG": json.dumps(told)}
        return replace(served, environment=settings)

    def read(line: str) -> None:
        text = _COLOURS.sub("", line)
        if _TROUBLE.search(text):
            stream.say("inbox", text.strip(), "warning")

    part = Part("inbox", stream, command, is_hurried=is_hurried)
    part.read_output = part.read_errors = read
    return part


async def listened_to(part: Part, port: int) -> None:
    """Mark a part as ready once something listens on its port."""
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(HOST, port)
            writer.close()
            part.is_ready.set()
            return
        await asyncio.sleep(_LOOK_SECONDS)


def _romashka(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-c", ROMASHKA, *arguments]  # -P: no modules of the folder


def _tone(said: Mapping[str, Any]) -> Any:
    return "error" if said.get("level") in ("error", "critical") else "warning"


def _fields(said: Mapping[str, Any]) -> str:
    """Return an event of the worker's log in one line; it says nothing in anybody's words."""
    fields = (f"{name}={value}" for name, value in said.items() if name not in _NOT_SAID)
    return " ".join([str(said.get("event", "")), *fields])
