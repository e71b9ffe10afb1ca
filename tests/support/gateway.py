"""A gateway between a client and a project, which answers in its place when it is told to."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.support.waiting import becomes

_HOP_BY_HOP = ("connection", "content-length", "content-encoding", "host", "transfer-encoding")


class Gateway:
    """Passes requests on to a project, or has one answer for them all."""

    def __init__(self, project: str | None, answer: object) -> None:
        self.url = ""
        self.asked: list[str] = []
        """The functions that were called."""
        self.faults: dict[str, deque[Response]] = {}
        """How the next calls of a function are answered instead."""
        self._answer = answer
        self._http = httpx.AsyncClient(base_url=project or "http://nobody", timeout=30)

    def will(self, function: str, *faults: Response) -> None:
        """Answer the next calls of a function so."""
        self.faults[function] = deque(faults)

    async def serve(self, request: Request) -> Response:
        function = request.url.path.rpartition("/")[2]
        self.asked.append(function)
        if faults := self.faults.get(function):
            return faults.popleft()
        if self._answer is not None:
            return JSONResponse(self._answer)
        passed = await self._http.request(
            request.method,
            request.url.path,
            params=request.query_params,
            content=await request.body(),
            headers={k: v for k, v in request.headers.items() if k not in _HOP_BY_HOP},
        )
        headers = {k: v for k, v in passed.headers.items() if k not in _HOP_BY_HOP}
        return Response(passed.content, passed.status_code, headers)


def cut() -> Response:
    """Return an answer that breaks off before it began."""

    async def nothing() -> AsyncIterator[bytes]:
        raise ConnectionResetError
        yield b""

    return StreamingResponse(nothing(), media_type="application/json")


def hang() -> Response:
    """Return an answer that does not come."""

    async def nothing() -> AsyncIterator[bytes]:
        await asyncio.sleep(60)
        yield b""

    return StreamingResponse(nothing(), media_type="application/json")


@asynccontextmanager
async def open_gateway(project: str | None = None, answer: object = None) -> AsyncIterator[Gateway]:
    """Run a gateway in front of a project's URL, or in its place."""
    gateway = Gateway(project, answer)
    methods = ["GET", "HEAD", "POST", "PATCH", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", gateway.serve, methods=methods)])
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await becomes(lambda: server.started)
    gateway.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield gateway
    finally:
        server.should_exit = True
        await serving
        await gateway._http.aclose()
