"""Keeps the catalog current: reloads it on `NOTIFY pgrst`, and when asked to look again."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg

from romashka_local.rest.catalog import Catalog
from romashka_local.rest.catalog_load import load
from romashka_local.rest.settings import Settings

_log = logging.getLogger("romashka.local.rest")
_RETRY_SECONDS = 0.5


class CatalogCache:
    """The catalog that requests plan with; it is replaced as a whole."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._url = url
        self._settings = settings
        self._loading: asyncio.Task[None] | None = None
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self.current = Catalog()
        self.settings = settings

    async def reload(self) -> None:
        """Load the catalog; calls that come while it loads share the next load."""
        running = self._loading
        if running is not None and not running.done():
            await asyncio.shield(running)  # it may have begun before what the caller waits for
        if self._loading is running:
            self._loading = asyncio.create_task(self._load())
        loading = self._loading
        if loading is not None:
            await asyncio.shield(loading)

    async def _load(self) -> None:
        settings = self._settings
        if self._connection is None or self._connection.broken:
            self._connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        self.current = await load(self._connection, settings.schemas, settings.extra_search_path)
        self.settings = settings.with_database(self.current.server_settings)

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
            async for notification in connection.notifies():
                if notification.payload in ("", "reload schema", "reload config"):
                    await self.reload()

    async def close(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
            with suppress(asyncio.CancelledError, psycopg.Error):
                await self._loading
        if self._connection is not None:
            await self._connection.close()


@asynccontextmanager
async def open_catalog(url: str, settings: Settings) -> AsyncIterator[CatalogCache]:
    """Load the catalog and keep it current within the block."""
    cache = CatalogCache(url, settings)
    try:
        await cache.reload()
        listener = asyncio.create_task(cache.listen())
        try:
            yield cache
        finally:
            listener.cancel()
            with suppress(asyncio.CancelledError):
                await listener
    finally:
        await cache.close()
