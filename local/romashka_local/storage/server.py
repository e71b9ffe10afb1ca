"""What the handlers share: who asks, and transactions in which the database judges them."""

import json
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

import jwt
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool
from starlette.requests import Request

from romashka_local.keys import Keys
from romashka_local.storage.errors import (
    StorageError,
    access_denied,
    bucket_not_found,
    invalid_bucket_name,
    invalid_request,
)
from romashka_local.storage.files import Files

Connection = AsyncConnection[DictRow]
Row = dict[str, Any]

_SAFE = r"A-Za-z0-9_!.*'() &$=@;:+,?-"
_BUCKET = re.compile(rf"[{_SAFE}]{{1,100}}")
_KEY = re.compile(rf"[/{_SAFE}]+")
_BEARER = re.compile(r"Bearer\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StorageServer:
    """One running storage server."""

    pool: AsyncConnectionPool[Connection]
    files: Files
    keys: Keys
    size_limit: int


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request, as their token says."""

    claims: Row
    is_authenticated: bool = True

    @property
    def owner(self) -> str | None:
        return self.claims.get("sub")

    @property
    def owner_uuid(self) -> uuid.UUID | None:
        try:
            return uuid.UUID(self.owner or "")
        except ValueError:
            return None


SERVICE = Caller({"role": "service_role"})
"""Storage itself, where it has to see past the policies."""
NOBODY = Caller({"role": "anon"}, is_authenticated=False)


def server_of(request: Request) -> StorageServer:
    return cast(StorageServer, request.app.state.server)


def caller_of(request: Request, *, required: bool = True) -> Caller:
    """Return who the bearer token stands for.

    Raises:
        StorageError: there is no valid one, and it is `required`; public objects need none.
    """
    token = _BEARER.sub("", request.headers.get("authorization", ""), count=1)
    try:
        return Caller({"role": "anon"} | server_of(request).keys.verify(token))
    except jwt.InvalidTokenError as error:
        if not required:
            return NOBODY
        raise access_denied(token_fault(error)) from error


def token_fault(error: jwt.InvalidTokenError) -> str:
    """Return the words that Storage's JWT library has for `error`."""
    match error:
        case jwt.ExpiredSignatureError():
            return '"exp" claim timestamp check failed'
        case jwt.InvalidSignatureError():
            return "signature verification failed"
    return "Invalid Compact JWS"


@asynccontextmanager
async def acting_as(request: Request, caller: Caller, operation: str) -> AsyncIterator[Connection]:
    """Open a transaction in which policies see `caller`; it commits unless the block raises."""
    headers = {name: value for name, value in request.headers.items() if name != "authorization"}
    settings = {
        "role": str(caller.claims["role"]),
        "request.jwt.claims": json.dumps(caller.claims),
        "request.jwt.claim.sub": str(caller.owner or ""),
        "request.jwt.claim.role": str(caller.claims["role"]),
        "request.headers": json.dumps(headers),
        "request.method": request.method,
        "request.path": quote(request.url.path),
        "storage.operation": operation,
        # Without it a trigger refuses deletes: files would be left behind.
        "storage.allow_delete_query": "true",
    }
    async with server_of(request).pool.connection() as connection:
        await connection.execute(
            """select set_config(name, value, true)
               from unnest(%s::text[], %s::text[]) as settings (name, value)""",
            [list(settings), list(settings.values())],
        )
        yield connection


async def find_bucket(connection: Connection, bucket_id: str) -> Row:
    """Return the bucket, or raise that there is none that the transaction's role may see."""
    cursor = await connection.execute(
        """select id, name, owner, public, created_at, updated_at, file_size_limit,
             allowed_mime_types from storage.buckets where id = %s""",
        [bucket_id],
    )
    found = await cursor.fetchone()
    if found is None:
        raise bucket_not_found()
    return found


async def json_body(request: Request) -> Row:
    """Return the JSON object that was sent, empty when there is no body."""
    content = await request.body()
    try:
        fields = json.loads(content) if content else {}
    except (ValueError, RecursionError) as error:
        raise invalid_request("Body is not valid JSON") from error
    if not isinstance(fields, dict):
        raise invalid_request("body must be object")
    return fields


def bucket_name(name: str) -> str:
    """Return `name` if a bucket can be called so."""
    if not _BUCKET.fullmatch(name):
        raise invalid_bucket_name()
    return name


def object_key(key: str) -> str:
    """Return `key` if an object can be called so."""
    if not _KEY.fullmatch(key):
        raise StorageError(400, "InvalidKey", f"Invalid key: {key}")
    return key
