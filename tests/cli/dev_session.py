"""`romashka dev` as a developer starts it: in a checkout of their own, read as a stream."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.stacks import ROMASHKA, ROOT
from tests.support.waiting import eventually

_OURS = ("SUPABASE_", "OPENAI_", "ROMASHKA_", "DATABASE_URL", "PYTHONWARNINGS", "NO_COLOR")
# What serves the pages here: it says what it was given, as Vite does on /config.json.
_PAGES = """
import { createServer } from "node:http";
const port = process.argv[process.argv.indexOf("--port") + 1];
createServer((_, answer) => answer.end(process.env.INBOX_CONFIG)).listen(port, "127.0.0.1");
console.log("  VITE ready in 1 ms");
console.log("warning: a warning of the pages");
"""
# What builds the widget here: the file that it is known by, and the shop.
_BUILD = """
import { mkdirSync, writeFileSync } from "node:fs";
mkdirSync("dist/demo", { recursive: true });
writeFileSync("dist/romashka-widget.js", "");
writeFileSync("dist/demo/index.html", "A shop that was just built");
"""


@dataclass(slots=True)
class Session:
    """A process of `romashka dev`, and the file that its stream goes to."""

    process: subprocess.Popen[bytes]
    output: Path
    folder: Path
    mark: int = 0
    """Up to where its stream was read."""

    def said(self) -> str:
        """Return all that it has said."""
        return self.output.read_text()

    def hears(self, pattern: str, within: float = 180) -> re.Match[str]:
        """Wait for a line, after those that were waited for before."""

        def look() -> re.Match[str] | None:
            assert self.process.poll() is None, self.said()
            return re.compile(pattern, re.MULTILINE).search(self.said(), self.mark)

        try:
            found = eventually(look, within)
        except AssertionError as error:
            raise AssertionError(f"{pattern!r} is not in:\n{self.said()[self.mark :]}") from error
        self.mark = found.end()
        return found

    def address(self, name: str) -> str:
        """Return what the welcome says of a part."""
        found = re.search(rf"^  {name} +(\S.*)$", self.said(), re.MULTILINE)
        assert found, self.said()
        return found[1]

    def child(self, word: str) -> psutil.Process:
        """Return the program of a part; npm has its words in one."""
        for child in psutil.Process(self.process.pid).children():
            if word in " ".join(child.cmdline()).split():
                return child
        raise AssertionError(f"no {word} among the children")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)


def make_checkout(folder: Path) -> None:
    """Copy what is edited while one develops; the rest is this checkout's."""
    for part in ("supabase", "worker/romashka_worker", "sdk/python/romashka"):
        # With what is compiled: that is half of the time of a start.
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns(".env"))
    pages = folder / "inbox"
    pages.mkdir()
    (pages / "pages.mjs").write_text(_PAGES)
    package = {"name": "inbox", "private": True, "scripts": {"dev": "node pages.mjs"}}
    (pages / "package.json").write_text(json.dumps(package))
    widget = folder / "widget"
    widget.mkdir()
    (widget / "build.mjs").write_text(_BUILD)
    built = {"name": "widget", "private": True, "scripts": {"build": "node build.mjs"}}
    (widget / "package.json").write_text(json.dumps(built))
    (folder / "package.json").write_text('{"private": true, "workspaces": ["inbox"]}')


@contextmanager
def developing(folder: Path, *options: str, **settings: str) -> Iterator[Session]:
    """Run `romashka dev` in `folder` until the block is left."""
    output = folder.parent / f"{folder.name}-{time.monotonic_ns()}.txt"
    with output.open("wb") as stream:
        process = start(folder, *options, stdout=stream, **settings)
    session = Session(process, output, folder)
    try:
        yield session
    finally:
        if process.poll() is None:
            session.interrupt()
            try:
                process.wait(30)
            finally:
                process.kill()
                process.wait()


def start(
    folder: Path, *options: str, stdout: object, **settings: str
) -> "subprocess.Popen[bytes]":
    """Start it on free ports, with the sources of `folder`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    sources = os.pathsep.join(str(folder / part) for part in ("sdk/python", "worker"))
    ours = {"PYTHONPATH": sources, "ROMASHKA_EMBEDDINGS": "off", "COLUMNS": "200"}
    return subprocess.Popen(
        [ROMASHKA, "dev", "--port", "0", "--db-port", "0", *options],
        cwd=folder,
        env=inherited | ours | settings,
        stdin=subprocess.DEVNULL,
        stdout=stdout,  # type: ignore[call-overload]  # a file, or a terminal's number
        stderr=subprocess.STDOUT,
    )


def programs_of(folder: Path) -> list[str]:
    """Return what still runs in a folder, or below: nothing may, once a session has ended."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(" ".join(process.cmdline()))
        except (psutil.Error, OSError):
            continue
    return found
