"""The lines that a program prints, however long they are."""

import asyncio
from collections.abc import AsyncIterator


async def lines_of(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Yield lines without their ends, and endless ones in pieces."""
    while True:
        try:
            line = await stream.readuntil()
        except asyncio.LimitOverrunError as error:
            line = await stream.readexactly(error.consumed)
        except asyncio.IncompleteReadError as error:
            line = error.partial
        if not line:
            return
        yield line.decode(errors="replace").rstrip("\r\n")
