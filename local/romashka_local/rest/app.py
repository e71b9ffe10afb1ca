"""The REST server as an ASGI application: one request, one transaction, one response."""

import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from romashka_local.config import StackConfig
from romashka_local.rest import openapi
from romashka_local.rest.action import Headers, Response, overridden
from romashka_local.rest.call_actions import call_action, find_function
from romashka_local.rest.catalog import Catalog, Table
from romashka_local.rest.catalog_cache import CatalogCache, open_catalog
from romashka_local.rest.errors import RestError, from_database
from romashka_local.rest.execute import Pool, execute, open_pool
from romashka_local.rest.plan import find_table
from romashka_local.rest.query import parse_query
from romashka_local.rest.request import Context, HttpRequest, read_context
from romashka_local.rest.settings import api_settings
from romashka_local.rest.table_actions import table_action
from romashka_local.rest.tokens import Identity, identify

_log = logging.getLogger("romashka.local.rest")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# What the catalog did not know may have been created a moment ago.
_MISSING = ("PGRST200", "PGRST202", "PGRST204", "PGRST205")


@asynccontextmanager
async def open_rest(config: StackConfig) -> AsyncIterator["RestServer"]:
    """Open the REST server of one stack; it works as soon as the block is entered."""
    url = config.database_url("authenticator")
    async with open_catalog(url, api_settings(config)) as catalog, open_pool(url) as pool:
        yield RestServer(catalog, pool, config.keys.jwt_secret)


class RestServer:
    """Answers requests whose paths lack the gateway's prefix."""

    def __init__(self, catalog: CatalogCache, pool: Pool, jwt_secret: str) -> None:
        self._catalog = catalog
        self._pool = pool
        self._jwt_secret = jwt_secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await _read(scope, receive)
        if request is None:  # the client went away before it had said all
            return
        try:
            response = await self._answer(request)
        except RestError as error:
            response = _error_response(error)
        except Exception as error:  # noqa: BLE001 -- the one boundary: a bug is answered, and said
            # Where, but not with what: an exception's text may quote a payload.
            at = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{at.filename}:{at.lineno}"
            _log.error("request.failed", extra={"error": type(error).__name__, "at": place})
            response = _error_response(RestError(500, "PGRSTX00", "Internal error"))
        await _write(send, response, has_body=request.method != "HEAD")

    async def _answer(self, request: HttpRequest) -> Response:
        identity = identify(request.header("authorization"), self._jwt_secret)
        context = read_context(request, self._catalog.current.settings)
        try:
            return await self._perform_twice(context, identity)
        except psycopg.Error as error:
            raise from_database(error, is_anonymous=identity.is_anonymous) from error

    async def _perform_twice(self, context: Context, identity: Identity) -> Response:
        """Perform the request; if the catalog lacks what it names, once more with a new one."""
        try:
            return await self._perform(context, identity)
        except RestError as error:
            if error.code not in _MISSING:
                raise
        await self._catalog.reload()
        return await self._perform(context, identity)

    async def _perform(self, context: Context, identity: Identity) -> Response:
        catalog = self._catalog.current
        method = context.request.method
        if method == "OPTIONS":
            return _options(context, catalog)
        if context.resource.name is None:
            _allow(context, ("GET", "HEAD"))
            return openapi.describe(context, catalog)
        if context.resource.is_function:
            if method not in ("GET", "HEAD", "POST"):
                raise RestError(405, "PGRST101", f"Cannot use the {method} method on RPC")
            action = call_action(context, catalog)
        else:
            _allow(context, ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"))
            action = table_action(context, catalog)
        result = await execute(self._pool, action, context, identity, catalog)
        if action.media.plan is not None:
            return Response(
                200, [("Content-Type", f"{action.media.name}; charset=utf-8")], result.body
            )
        return overridden(action.respond(result), result)


def _allow(context: Context, methods: tuple[str, ...]) -> None:
    method = context.request.method
    if method not in methods:
        raise RestError(405, "PGRST117", f"Unsupported HTTP method: {method}")


def _options(context: Context, catalog: Catalog) -> Response:
    if context.resource.name is None:
        allowed = ["OPTIONS", "GET", "HEAD"]
    elif context.resource.is_function:
        query = parse_query(context.request.query, has_arguments=True)
        keys = [name for name, _ in query.arguments]
        function = find_function(catalog, context.target, keys, None)
        allowed = ["OPTIONS", "GET", "HEAD", "POST"] if function.reads_only else ["OPTIONS", "POST"]
    else:
        allowed = _allowed_on(find_table(catalog, context.target))
    return Response(200, [("Access-Control-Allow-Origin", "*"), ("Allow", ",".join(allowed))])


def _allowed_on(table: Table) -> list[str]:
    puts = table.insertable and table.updatable and bool(table.primary_key)
    offered = {
        "POST": table.insertable,
        "PUT": puts,
        "PATCH": table.updatable,
        "DELETE": table.deletable,
    }
    return ["OPTIONS", "GET", "HEAD", *(method for method, allowed in offered.items() if allowed)]


async def _read(scope: Scope, receive: Receive) -> HttpRequest | None:
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    return HttpRequest(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("utf-8", "replace"),
        headers=tuple(
            (name.decode("latin-1").lower(), value.decode("utf-8", "replace"))
            for name, value in scope["headers"]
        ),
        body=b"".join(chunks),
    )


def _error_response(error: RestError) -> Response:
    headers: Headers = [
        ("Content-Type", "application/json; charset=utf-8"),
        ("Proxy-Status", f"PostgREST; error={error.code}"),
        *error.headers.items(),
    ]
    return Response(error.status, headers, error.body())


async def _write(send: Send, response: Response, *, has_body: bool) -> None:
    headers = [(_header(name).lower(), _header(value)) for name, value in response.headers]
    headers.append((b"vary", b"Accept, Prefer, Range"))
    if has_body and response.status != 204:
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body if has_body else b""})


def _header(text: str) -> bytes:
    """Encode a header's name or value; control characters would end it, so they go."""
    if not text.isprintable():
        text = "".join(each for each in text if each.isprintable())
    return text.encode()
