"""The storage server: its routes, its folder and its pool."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from romashka_local.config import StackConfig
from romashka_local.errors import StackError
from romashka_local.storage import arranging, buckets, downloads, errors, signing, uploads
from romashka_local.storage.files import Files
from romashka_local.storage.server import Connection, StorageServer

_POOL_SIZE = 8
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}

Handler = Callable[[Request], Awaitable[Response]]


@asynccontextmanager
async def open_storage(config: StackConfig) -> AsyncIterator[ASGIApp]:
    """Run the storage server of a stack, its files in `storage/` of the data folder.

    Raises:
        StackError: `[storage]` of `config.toml` cannot be used.
    """
    size_limit = _size_limit(config)
    pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
        config.database_url("supabase_storage_admin"),
        connection_class=AsyncConnection,
        kwargs={"row_factory": dict_row, "options": "-c timezone=UTC"},
        min_size=1,
        max_size=_POOL_SIZE,
        open=False,
        check=AsyncConnectionPool.check_connection,  # connections end with a reset database
        name="storage",
    )
    files = Files(config.data_dir / "storage")
    async with pool:
        yield _application(StorageServer(pool, files, config.keys, size_limit))


def _size_limit(config: StackConfig) -> int:
    text = str(config.setting("storage.file_size_limit", "50MiB"))
    size = _SIZE.fullmatch(text)
    if size is None:
        raise StackError(
            f"unable to use storage.file_size_limit = {text!r} of config.toml; write it as '50MiB'"
        )
    return int(float(size[1]) * 1024 ** _POWERS[size[2].lower()])


def _application(server: StorageServer) -> Starlette:
    application = Starlette(
        routes=_routes(),
        exception_handlers={
            errors.StorageError: errors.on_storage_error,
            psycopg.Error: errors.on_database_error,
            HTTPException: _on_unknown_route,
            ClientDisconnect: _on_client_gone,
        },
    )
    # The gateway strips a prefix, so that a redirect to another path would lead elsewhere.
    application.router.redirect_slashes = False
    application.state.server = server
    return application


def _routes() -> list[Route]:
    one, named = "/bucket/{bucket}", "{bucket}/{name:path}"
    table: list[tuple[str, str, Handler]] = [
        ("GET", "/status", _status),
        ("GET", "/bucket", buckets.list_buckets),
        ("GET", "/bucket/", buckets.list_buckets),
        ("POST", "/bucket", buckets.create_bucket),
        ("POST", "/bucket/", buckets.create_bucket),
        ("GET", one, buckets.read_bucket),
        ("PUT", one, buckets.update_bucket),
        ("DELETE", one, buckets.delete_bucket),
        ("POST", f"{one}/empty", buckets.empty_bucket),
        ("POST", "/object/list/{bucket}", arranging.list_folder),
        ("POST", "/object/move", arranging.move_object),
        ("POST", "/object/copy", arranging.copy_object),
        ("POST", "/object/sign/{bucket}", signing.sign_objects),
        ("POST", f"/object/sign/{named}", signing.sign_object),
        ("GET", f"/object/sign/{named}", downloads.read_signed),
        ("POST", f"/object/upload/sign/{named}", signing.sign_upload),
        ("PUT", f"/object/upload/sign/{named}", uploads.upload_signed),
        ("GET", f"/object/public/{named}", downloads.read_public),
        ("GET", f"/object/authenticated/{named}", downloads.read_authenticated),
        ("GET", f"/object/info/public/{named}", downloads.describe_public),
        ("GET", f"/object/info/authenticated/{named}", downloads.describe_object),
        ("GET", f"/object/info/{named}", downloads.describe_object),
        ("DELETE", "/object/{bucket}", arranging.remove_many),
        ("GET", f"/object/{named}", downloads.read_object),
        ("POST", f"/object/{named}", uploads.create_object),
        ("PUT", f"/object/{named}", uploads.update_object),
        ("DELETE", f"/object/{named}", arranging.remove_object),
    ]
    return [Route(path, handler, methods=[method]) for method, path, handler in table]


async def _status(request: Request) -> Response:
    return PlainTextResponse("")


def _on_client_gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it


def _on_unknown_route(request: Request, error: Exception) -> Response:
    message = f"Route {request.method}:{request.url.path} not found"
    return JSONResponse({"message": message, "error": "Not Found", "statusCode": 404}, 404)
