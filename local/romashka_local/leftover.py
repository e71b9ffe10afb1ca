"""A Postgres that outlived its killed parent: found by where it works, and stopped."""

import logging
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil

from romashka_local.errors import StackError

_log = logging.getLogger("romashka.local.postgres")


def stop_leftover(folder: Path) -> None:
    """Stop what a killed parent left running in `folder`, and remove the mark that it left.

    Raises:
        StackError: it does not end.
    """
    mark = folder / "postmaster.pid"
    if not mark.exists():
        return
    for signal_number in (signal.SIGQUIT, signal.SIGKILL):
        deadline = time.monotonic() + 3
        if leftovers := _servers_in(folder):
            _log.warning("stopping the Postgres that was left in %s", folder)
        for process in leftovers:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal_number)
        while leftovers and time.monotonic() < deadline:
            time.sleep(0.01)
            leftovers = [process for process in leftovers if _is_alive(process)]
    if _servers_in(folder):
        raise StackError(f"a Postgres that does not end runs in {folder}; stop it first")
    # By now the process number in it may be another program's, and Postgres would refuse to start.
    mark.unlink(missing_ok=True)


def _servers_in(folder: Path) -> list[psutil.Process]:
    """Return the Postgres processes, of whatever parent, that work in `folder`."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.name() == "postgres" and Path(process.cwd()) == folder.resolve():
                found.append(process)
    return [process for process in found if _is_alive(process)]


def _is_alive(process: psutil.Process) -> bool:
    """Say whether a process runs; one that only waits to be reaped by its parent does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
