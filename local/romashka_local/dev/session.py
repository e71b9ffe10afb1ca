"""One session of development, from its start to Ctrl-C."""

import asyncio
import fcntl
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import httpx
import psycopg
from romashka import RomashkaError
from romashka._migrations import MigrationError, edited_after_run

from romashka_local.data_folder import read_state
from romashka_local.demo_week import load_demo_week
from romashka_local.dev.changes import Kind, Sources
from romashka_local.dev.node import Npm, building, find_npm, installing
from romashka_local.dev.part import Command, Part, running
from romashka_local.dev.parts import (
    Stack,
    Worker,
    inbox_part,
    listened_to,
    stack_part,
    worker_part,
)
from romashka_local.dev.staff import SignIn, ensure_staff
from romashka_local.dev.stream import Stream
from romashka_local.dev.turns import tell_turns
from romashka_local.dev.welcome import Ready, called, print_welcome
from romashka_local.errors import StackError
from romashka_local.postgres import HOST, free_port
from romashka_local.stack import bring_up_to_date

_READY_SECONDS = 90.0
_LOOK_SECONDS = 0.5
_INBOX_PORT = 5173


@dataclass(frozen=True, slots=True)
class DevOptions:
    """What `romashka dev` was asked for."""

    project: Path
    """The project's `supabase` folder."""
    data: Path
    port: int
    db_port: int
    is_empty: bool
    """Is it to go without demo data?"""


def run_dev(options: DevOptions) -> None:
    """Run everything until SIGINT, SIGTERM or SIGHUP; a second one hurries.

    Raises:
        StackError: it runs here already, or the stack cannot be started.
    """
    with _only_one(options.data):
        asyncio.run(_until_interrupted(options))


async def _until_interrupted(options: DevOptions) -> None:
    session = Session(options)
    running_session = asyncio.create_task(session.run())

    def end() -> None:
        if running_session.cancelling():
            session.hurry()
        else:
            session.say_goodbye()
            running_session.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            asyncio.get_running_loop().add_signal_handler(number, end)
    with suppress(asyncio.CancelledError):
        await running_session


class Session:
    """What runs, and what keeps it running."""

    def __init__(self, options: DevOptions) -> None:
        self._options = options
        self._stream = Stream()
        self._is_hurried = asyncio.Event()
        self._last_error = ["it said nothing"]
        self._stack = Stack(options.project, options.data, options.port, options.db_port)
        self._worker = Worker()
        self._stack_part = stack_part(self._stack, self._stream, self._last_error)
        self._worker_part = worker_part(self._stack, self._worker, self._stream, self._is_hurried)
        self._sources = Sources(options.project, _programs())

    def say_goodbye(self) -> None:
        """Say what happens to what is here."""
        with suppress(OSError):  # nobody reads it any more
            self._stream.say("dev", "stopping; the data is kept (Ctrl-C again: at once)")

    def hurry(self) -> None:
        """Wait no longer for what is being stopped; the database still ends in order."""
        self._is_hurried.set()

    async def run(self) -> None:
        """Run until cancelled.

        Raises:
            StackError: the stack cannot be started.
        """
        began = time.monotonic()
        self._stream.say("dev", "starting the stack, the worker and the web pages ...")
        if npm := self._npm():
            await self._build_pages(npm)
        async with running(self._stack_part), AsyncExitStack() as parts:
            await self._stack_is_ready()
            sign_in = await self._prepare()
            inbox_port = await self._begin_others(parts, npm)
            api_url = self._stack.said["API_URL"]
            inbox_url = (
                f"http://{HOST}:{inbox_port}" if inbox_port else await built_page(api_url, "inbox")
            )
            widget_url = await built_page(api_url, "widget")
            seconds = time.monotonic() - began
            print_welcome(
                Ready(self._stack, self._worker, sign_in, inbox_url, widget_url, seconds),
                self._stream,
            )
            await self._keep()

    # ---- starting

    async def _stack_is_ready(self) -> None:
        """Wait for the stack; what keeps it from starting the first time ends everything."""
        if not await _either(self._stack_part):
            raise StackError(self._last_error[-1])

    async def _begin_others(self, parts: AsyncExitStack, npm: Npm | None) -> int | None:
        """Start the worker and the web pages; return the port of the latter, if there are any."""
        others, port = [self._worker_part], None
        if npm:
            port = _port_of_inbox()
            pages = self._options.project.parent / "inbox"
            inbox = inbox_part(self._stack, pages, port, npm, self._stream, self._is_hurried)
            others.append(inbox)
            looking = asyncio.create_task(listened_to(inbox, port))
            parts.callback(looking.cancel)
        await parts.enter_async_context(running(*others))
        await asyncio.gather(*map(_either, others))
        return port

    def _npm(self) -> Npm | None:
        if not (self._options.project.parent / "inbox" / "package.json").exists():
            return None
        if (npm := find_npm()) is None:
            self._stream.say("inbox", "not started: there is no npm here; make setup", "warning")
        return npm

    async def _build_pages(self, npm: Npm) -> None:
        """Install what pages are made with, and build the widget: a stack that starts finds it."""
        root = self._options.project.parent
        if command := installing(npm, root):
            self._stream.say("inbox", "installing its packages, once ...")
            if reason := await _run_to_end(command):
                self._stream.say("inbox", f"npm install failed; {reason}", "error")
        widget = root / "widget"
        if (widget / "package.json").exists():
            if reason := await _run_to_end(building(npm, widget)):
                self._stream.say("widget", f"not built; {reason}", "error")

    async def _prepare(self) -> SignIn | None:
        """Make sure that somebody can sign in, and that there is something to see."""
        try:
            sign_in = await ensure_staff(self._stack, is_alone=self._options.is_empty)
            if not self._options.is_empty:
                loaded = await asyncio.to_thread(
                    load_demo_week, self._stack.admin_url, self._options.data
                )
                if loaded:
                    self._stream.say("dev", f"{loaded}; begin anew: {called()} db reset")
        except (RomashkaError, psycopg.Error, StackError) as error:
            self._stream.say("dev", f"no demo data and no sign-in; {_first_line(error)}", "error")
            return None
        return sign_in

    # ---- keeping

    async def _keep(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(tell_turns(self._stack, self._stream))
            tasks.create_task(self._follow_changes())
            tasks.create_task(self._follow_resets())

    async def _follow_changes(self) -> None:
        async for changes in self._sources.changes():
            if changed := changes.get(Kind.STACK):
                self._run_anew(self._stack_part, changed)
                await self._stack_part.is_ready.wait()
            if changed := changes.get(Kind.DATABASE):
                await asyncio.to_thread(self._migrate, changed)
            if changed := changes.get(Kind.FUNCTIONS):
                names = ", ".join(sorted({self._sources.function_of(path) for path in changed}))
                self._stream.say("functions", f"{names}: changed, and new from the next request")
            if changed := changes.get(Kind.WORKER):
                self._run_anew(self._worker_part, changed)

    def _run_anew(self, part: Part, changed: set[Path]) -> None:
        self._stream.say(part.name, f"{_names(changed)} changed: started anew")
        part.run_anew()

    def _migrate(self, changed: set[Path]) -> None:
        """Apply what has changed; what is wrong with it is a line, until the next save."""
        try:
            applied = bring_up_to_date(self._stack.said["DB_URL"], self._options.project)
        except (MigrationError, psycopg.Error) as error:
            self._stream.say("stack", f"not applied: {_first_line(error)}", "error")
            return
        if applied:
            self._stream.say("stack", f"applied {', '.join(applied)}")
        # A versioned file runs once; who edits one that has landed here must begin anew.
        if stale := edited_after_run(self._stack.said["DB_URL"], changed):
            how = f"begin anew to see the change: {called()} db reset"
            self._stream.say("stack", f"{_names(stale)} was applied before; {how}", "warning")

    async def _follow_resets(self) -> None:
        """Fill the database again when somebody has emptied it."""
        since = _started_at(self._options.data)
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = _started_at(self._options.data)
            if now and now != since:
                since = now
                self._stream.say("stack", "started anew")
                await self._prepare()


async def _either(part: Part) -> bool:
    """Wait until a part is ready or has ended; return whether it is ready."""
    waits = [asyncio.create_task(each.wait()) for each in (part.is_ready, part.has_ended)]
    try:
        await asyncio.wait(waits, timeout=_READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return part.is_ready.is_set()


async def built_page(api_url: str, name: str) -> str | None:
    """Return where the stack serves built pages, the inbox or the widget; None without any."""
    url = f"{api_url}/{name}/"
    with suppress(httpx.HTTPError):
        async with httpx.AsyncClient() as client:
            if (await client.get(url)).is_success:
                return url
    return None


async def _run_to_end(command: Command) -> str | None:
    """Run a command; return None when all went well, else why not."""
    process = await asyncio.create_subprocess_exec(
        *command.arguments,
        cwd=command.folder,
        env=command.environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, errors = await process.communicate()
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        return next(iter(errors.decode(errors="replace").strip().splitlines()), "it says nothing")
    return None


@contextmanager
def _only_one(data: Path) -> Iterator[None]:
    """Refuse a second session in this folder, and a stack that was started otherwise."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        folder = os.open(data, os.O_RDONLY)
    except OSError as error:
        raise StackError(f"unable to use {data}; {error.strerror}") from error
    try:
        fcntl.flock(
            folder, fcntl.LOCK_EX | fcntl.LOCK_NB
        )  # ends with this process, whatever ends it
        if read_state(data):
            raise StackError(
                f"a stack runs in {data} already; stop that one first (Ctrl-C where it runs)"
            )
        yield
    except BlockingIOError as error:
        raise StackError(f"romashka dev runs here already, in {data}; stop it first") from error
    finally:
        os.close(folder)


def _programs() -> list[Path]:
    """Return the packages that a worker is made of, without loading them."""
    found = [find_spec(name) for name in ("romashka_worker", "romashka")]
    return [Path(spec.origin).parent for spec in found if spec and spec.origin]


def _port_of_inbox() -> int:
    """Return Vite's own port, or a free one where it is taken."""
    try:
        socket.create_server((HOST, _INBOX_PORT)).close()
    except OSError:
        return free_port()
    return _INBOX_PORT


def _started_at(data: Path) -> str | None:
    with suppress(StackError, ValueError):
        if state := read_state(data):
            return state["STARTED_AT"]
    return None


def _names(paths: set[Path]) -> str:
    names = sorted(path.name for path in paths)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
