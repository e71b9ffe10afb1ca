"""What goes by itself: old rows and visitors, and files that no message shows."""

import asyncio

from romashka import AsyncRomashka
from romashka._attachments import BUCKET
from romashka._errors import translated

from romashka_worker.faults import contained

_EVERY_SECONDS = 60.0
_CALL_SECONDS = 10.0


async def prune_regularly(client: AsyncRomashka) -> None:
    """Delete what nobody looks at any more, a piece each minute, until cancelled.

    Cron, where it is, deletes the same rows: the database lets one do it at a time.
    """
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        with contained("prune"):
            await prune(client)


async def prune(client: AsyncRomashka) -> None:
    """Delete a piece of what nobody looks at any more.

    Raises:
        RomashkaError: the database or Storage does not answer, or refuses.
        TimeoutError: it took longer than ten seconds.
    """
    async with asyncio.timeout(_CALL_SECONDS):
        await client.call("prune")
        paths = await client.call("get_abandoned_attachments")
    if paths:
        async with asyncio.timeout(_CALL_SECONDS):
            with translated():
                await client.supabase.storage.from_(BUCKET).remove(paths)
