"""The limit of open files: each customer's socket is one, and each connection of a server."""

import asyncio
import errno
import logging
import os
import resource

_WANTED = 10_240  # macOS allows a process no more
_TOLD_AT = 0.9
_LOOK_SECONDS = 0.5

_log = logging.getLogger("romashka.local.stack")


def allow_open_files() -> None:
    """Raise the limit, the children's too. Shells give 256 on macOS and 1,024 on many Linuxes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def watch_open_files() -> None:
    """Say that the limit is near, each time that it comes near, until cancelled.

    Above it connections fail in as many ways as there are parts, none of which names it.
    """
    is_told = False
    while True:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        used = _open_files(limit)
        is_near = limit != resource.RLIM_INFINITY and used >= limit * _TOLD_AT
        if is_near and not is_told:
            _log.warning(
                "%d of %d open files are in use: above that connections are refused. Raise the hard"
                " limit (ulimit -H -n) and start again, or have fewer clients.",
                used,
                limit,
            )
        is_told = is_near
        await asyncio.sleep(_LOOK_SECONDS)


def _open_files(limit: int) -> int:
    try:
        return len(os.listdir("/dev/fd")) - 1  # listing is one itself
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        return limit
