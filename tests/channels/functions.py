"""The project's functions in real Deno, on a stand-in for the database that notes its calls."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from romashka_local.functions import open_functions
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.servers import config_for, serving
from tests.support.stacks import ROOT
from tests.support.waiting import becomes

CHANNELS = ("whatsapp", "instagram", "email", "sms")
Answer = tuple[int, Any]


class Database:
    """Answers the two functions that webhooks call, as a test tells it to."""

    def __init__(self) -> None:
        self.credentials: list[Mapping[str, Any]] = []
        self.failure: Answer | None = None
        self.received: list[dict[str, Any]] = []
        self.accounts: list[str | None] = []
        self.storage_failure: Answer | None = None
        self.files: dict[str, bytes] = {}

    async def call(self, request: Request) -> Response:
        if request.path_params["name"] == "get_channel_credentials":
            return JSONResponse(self.credentials)
        if self.failure:
            status, error = self.failure
            return JSONResponse(error, status)
        self.received.append(await request.json())
        stored = {"outcome": "stored", "error": None, "conversation_id": "conversation"}
        places = range(1, len(self.received[-1]["events"]) + 1)
        results = [stored | {"place": place} for place in places]
        return JSONResponse({"webhook_id": "of-the-test", "results": results, "next": None})

    async def list_accounts(self, request: Request) -> Response:
        if self.failure:
            status, error = self.failure
            return JSONResponse(error, status)
        configuration = {"authentication_server": "mx.example.com"}
        return JSONResponse(
            [
                {"external_account_id": account, "configuration": configuration}
                for account in self.accounts
            ]
        )

    async def store(self, request: Request) -> Response:
        """Take a file, as Storage does."""
        if self.storage_failure:
            status, error = self.storage_failure
            return JSONResponse(error, status)
        self.files[request.path_params["path"]] = await request.body()
        return JSONResponse({"Id": "of-the-test", "Key": request.path_params["path"]})


@asynccontextmanager
async def serve_functions(
    folder: Path, database: Database | None, project: Path = ROOT / "supabase", **secrets: str
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the functions with these secrets in their environment, on `database`, or on none."""
    async with _listening(database) as port:
        settings = {
            "functions": {channel: {"verify_jwt": False} for channel in CHANNELS},
            "edge_runtime": {"secrets": secrets},
        }
        config = config_for("postgresql://postgres@127.0.0.1:1/postgres", folder, **settings)
        config = replace(config, port=port, project_dir=project)
        async with serving(open_functions, config) as http:
            yield http


@asynccontextmanager
async def _listening(database: Database | None) -> AsyncIterator[int]:
    if database is None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))  # and does not listen
            yield unused.getsockname()[1]
        return
    app = Starlette(
        routes=[
            Route("/rest/v1/rpc/{name}", database.call, methods=["POST"]),
            Route("/rest/v1/communication_channels", database.list_accounts),
            Route("/storage/v1/object/{path:path}", database.store, methods=["POST"]),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    running = asyncio.create_task(server.serve())
    await becomes(lambda: server.started)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await running
