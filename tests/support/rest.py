"""The REST server on a database of its own, called without a socket."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import uvicorn
from postgrest import AsyncPostgrestClient
from romashka_local.config import StackConfig
from romashka_local.gateway import Gateway
from romashka_local.rest import open_rest

from tests.support.servers import URL, config_for, serving


@dataclass(frozen=True)
class Rest:
    """A running server and its database."""

    http: httpx.AsyncClient
    config: StackConfig
    database_url: str
    """As `postgres`."""

    def token(self, role: str = "anon", *, seconds: float = 3600, **claims: Any) -> str:
        """Return a signed token."""
        return self.config.keys.sign({"role": role, "exp": int(time.time() + seconds), **claims})

    def client(self, role: str = "anon", **claims: Any) -> AsyncPostgrestClient:
        """Return an official client with a token of that role."""
        headers = {"Authorization": f"Bearer {self.token(role, **claims)}"}
        return AsyncPostgrestClient(URL, headers=headers, http_client=self.http)

    async def execute(self, statement: str) -> list[Any]:
        """Run a statement as `postgres`, and return its rows if it has any."""
        async with await psycopg.AsyncConnection.connect(
            self.database_url, autocommit=True
        ) as connection:
            cursor = await connection.execute(statement.encode())
            return await cursor.fetchall() if cursor.description else []


@asynccontextmanager
async def running_rest(database_url: str, folder: Path, **api: Any) -> AsyncIterator[Rest]:
    """Open a REST server; `api` are settings of that section of `config.toml`."""
    config = config_for(database_url, folder, api=api)
    async with serving(open_rest, config) as http:
        yield Rest(http, config, database_url)


@asynccontextmanager
async def listening(config: StackConfig) -> AsyncIterator[str]:
    """Serve REST behind the gateway on a free port, and give the URL of the stack."""
    async with open_rest(config) as app:
        gateway = Gateway(config.keys, {"rest": app})
        settings = uvicorn.Config(gateway, port=0, log_level="warning", lifespan="off")
        server = _Server(settings)
        serving = asyncio.create_task(server.serve())
        try:
            await server.listens.wait()
            port = server.servers[0].sockets[0].getsockname()[1]
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await serving


class _Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, settings: uvicorn.Config) -> None:
        super().__init__(settings)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()
