"""One server of the local stack at a time, called without a socket."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from romashka_local.config import StackConfig
from starlette.types import ASGIApp

URL = "http://stack.test"
"""The address of a server that `serving` opened; its paths carry no prefix."""


def config_for(database_url: str, folder: Path, **settings: Any) -> StackConfig:
    """Return the configuration of a stack on that database; `settings` are of `config.toml`."""
    parts = urlsplit(database_url)
    return StackConfig(
        project_dir=folder,
        data_dir=folder,
        port=54321,
        db_port=parts.port or 0,
        database=parts.path.lstrip("/"),
        settings=settings,
    )


@asynccontextmanager
async def serving(
    open_server: Callable[[StackConfig], AbstractAsyncContextManager[ASGIApp]],
    config: StackConfig,
) -> AsyncIterator[httpx.AsyncClient]:
    """Open a server and give an HTTP client of it."""
    async with open_server(config) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=URL, timeout=20) as client:
            yield client
