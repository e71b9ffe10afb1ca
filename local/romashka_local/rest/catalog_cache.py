"""Keeps the catalog current: reloads it on `NOTIFY pgrst`, and when asked to look again."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from romashka_local.rest.catalog import Catalog
from romashka_local.rest.catalog_load import load
from romashka_local.rest.settings import Settings

_log = logging.getLogger("romashka.local.rest")
_RETRY_SECONDS = 0.5
_RELOADS = ("", "reload schema", "reload config")


class CatalogCache:
    """The catalog that requests plan with; it is replaced as a whole."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._url = url
        self._settings = settings
        self._lock = asyncio.Lock()
        self._loaded_at = 0.0
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self.current = Catalog(settings)

    async def reload(self) -> None:
        """Load the catalog as it is now; calls that wait for the same share one load."""
        asked_at = time.monotonic()
        async with self._lock:
            if self._loaded_at >= asked_at:
                return
            begun_at = time.monotonic()
            await self._load()
            self._loaded_at = begun_at

    async def _load(self) -> None:
        if self._connection is None or self._connection.broken:
            self._connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        self.current = await load(self._connection, self._settings)

    async def listen(self) -> None:
        """Reload on every notification, for ever; a lost connection is made anew."""
        while True:
            try:
                await self._follow()
            except psycopg.Error as error:
                _log.warning("catalog.listener_lost", extra={"error": type(error).__name__})
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        async with connection:
            await connection.execute("listen pgrst")
            await self.reload()  # for what changed while nobody listened
            while True:
                # Those that came together, as after a migration, ask for one reload.
                notifications = [each async for each in connection.notifies(stop_after=1)]
                if any(each.payload in _RELOADS for each in notifications):
                    await self.reload()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()


@asynccontextmanager
async def open_catalog(url: str, settings: Settings) -> AsyncIterator[CatalogCache]:
    """Load the catalog and keep it current within the block."""
    cache = CatalogCache(url, settings)
    try:
        await cache.reload()
        async with asyncio.TaskGroup() as tasks:
            listener = tasks.create_task(cache.listen())
            yield cache
            listener.cancel()
    finally:
        await cache.close()
