"""The functions server: checks the caller's token and hands the request to the function."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import jwt
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from romashka_local.config import StackConfig
from romashka_local.functions.forward import Forwarder
from romashka_local.functions.process import BootFailed
from romashka_local.functions.processes import Processes
from romashka_local.functions.settings import FunctionSettings, find_function
from romashka_local.keys import Keys

_log = logging.getLogger("romashka.local.functions")
_BOOT_ERROR = (503, "BOOT_ERROR", "Worker failed to boot (please check logs)")
_WORKER_ERROR = (500, "WORKER_ERROR", "Function exited due to an error (please check logs)")
_WORKER_LIMIT = (
    546,
    "WORKER_LIMIT",
    "Worker failed to respond due to a resource limit (please check logs)",
)


@asynccontextmanager
async def open_functions(config: StackConfig) -> AsyncIterator[ASGIApp]:
    """Serve the functions of a project; each starts with its first request."""
    processes = Processes(config)
    async with Forwarder() as forwarder:
        try:
            yield _application(config, processes, forwarder)
        finally:
            await processes.stop()


def _application(config: StackConfig, processes: Processes, forwarder: Forwarder) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        response = await answer(request)
        await response(scope, receive, send)

    async def answer(request: Request) -> Response:
        function = find_function(config, request.url.path.split("/")[1])
        if function is None:
            return PlainTextResponse("Function not found", 404)
        if function.verify_jwt and request.method != "OPTIONS":
            refusal = _check_token(request, config.keys)
            if refusal:
                return JSONResponse({"msg": refusal}, 401)
        try:
            return await _run(function, request, processes, forwarder)
        except BootFailed as error:
            _log.error("functions.boot_failed", extra={"reason": str(error)})
            return _failure(*_BOOT_ERROR)
        except ClientDisconnect:
            return Response(status_code=499)  # nobody reads it
        except httpx.ReadTimeout:
            return _failure(*_WORKER_LIMIT)
        except httpx.TransportError:
            _log.error("functions.crashed", extra={"function": function.slug})
            return _failure(*_WORKER_ERROR)

    return serve


async def _run(
    function: FunctionSettings, request: Request, processes: Processes, forwarder: Forwarder
) -> Response:
    process = await processes.serving(function)
    try:
        return await forwarder.forward(request, process)
    except httpx.ConnectError:  # it ended after its last request, and saw nothing of this one
        processes.forget(function, process)
        process = await processes.serving(function)
        return await forwarder.forward(request, process)
    except httpx.ReadTimeout:
        raise
    except httpx.TransportError:
        processes.forget(function, process)
        raise


def _check_token(request: Request, keys: Keys) -> str | None:
    """Return why the request's token does not do, in the words of the Edge Runtime."""
    header = request.headers.get("authorization")
    if not header:
        return "Error: Missing authorization header"
    scheme, _, token = header.partition(" ")
    if scheme != "Bearer":
        return "Error: Auth header is not 'Bearer {token}'"
    try:
        keys.verify(token.partition(" ")[0])
    except jwt.InvalidTokenError:
        return "Invalid JWT"
    return None


def _failure(status: int, code: str, message: str) -> Response:
    return JSONResponse({"code": code, "message": message}, status)
