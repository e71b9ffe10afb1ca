"""Uploads: a raw body or a form, within the bucket's limits, stored and then shown to everyone."""

import base64
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from romashka_local.storage import signing
from romashka_local.storage.errors import invalid_mime_type, invalid_request, too_large
from romashka_local.storage.objects import NewObject, try_writing, write_object
from romashka_local.storage.server import (
    SERVICE,
    Caller,
    Row,
    acting_as,
    bucket_name,
    caller_of,
    find_bucket,
    object_key,
    server_of,
)

_FORM_OVERHEAD = 1 << 20  # boundaries and fields beside the file
_IN_MEMORY = 1 << 20
_PLACEHOLDER = ".emptyFolderPlaceholder"


async def create_object(request: Request) -> Response:
    """`POST /object/{bucket}/{name}`; `x-upsert: true` lets it replace another one."""
    upsert = request.headers.get("x-upsert") == "true"
    caller = caller_of(request)
    return JSONResponse(await _upload(request, caller, caller, upsert=upsert))


async def update_object(request: Request) -> Response:
    """`PUT /object/{bucket}/{name}`: writes whether or not there is one."""
    caller = caller_of(request)
    return JSONResponse(await _upload(request, caller, caller, upsert=True))


async def upload_signed(request: Request) -> Response:
    """`PUT /object/upload/sign/{bucket}/{name}?token=`: whoever has the token may write once."""
    bucket_id, name = request.path_params["bucket"], request.path_params["name"]
    claims = signing.check(request, f"{bucket_id}/{name}", "upload")
    owner = Caller({"role": "service_role", "sub": claims.get("owner")})
    answer = await _upload(request, SERVICE, owner, upsert=bool(claims.get("upsert")))
    return JSONResponse({"Key": answer["Key"]})


async def _upload(request: Request, caller: Caller, owner: Caller, *, upsert: bool) -> Row:
    """Store the content that was sent: written with the rights of `caller`, owned by `owner`."""
    bucket_id = bucket_name(request.path_params["bucket"])
    name = object_key(request.path_params["name"])
    server = server_of(request)
    async with acting_as(request, SERVICE, "storage.object.upload") as connection:
        bucket = await find_bucket(connection, bucket_id)
    limit = 0 if name.endswith(_PLACEHOLDER) else _limit(bucket, server.size_limit)
    async with _content(request, limit) as (content, metadata, user_metadata):
        if bucket["allowed_mime_types"] and not name.endswith(_PLACEHOLDER):
            _check_mime_type(metadata["mimetype"], bucket["allowed_mime_types"])
        new = NewObject(bucket_id, name, owner, metadata, user_metadata)
        async with acting_as(request, caller, "storage.object.upload") as connection:
            await try_writing(connection, new, upsert=upsert)
        stored = await server.files.store(content)
    try:
        async with acting_as(request, SERVICE, "storage.object.upload") as connection:
            written, replaced = await write_object(connection, new, stored)
    except BaseException:
        await server.files.remove(stored.version)
        raise
    await server.files.remove(replaced)
    return {"Id": str(written["id"]), "Key": f"{bucket_id}/{name}"}


def _limit(bucket: Row, size_limit: int) -> int:
    own = bucket["file_size_limit"]
    return size_limit if own is None else min(size_limit, own)


@asynccontextmanager
async def _content(
    request: Request, limit: int
) -> AsyncIterator[tuple[IO[bytes], Row, Row | None]]:
    """Receive the body; give the file, its metadata and what the user says of it.

    Raises:
        StorageError: it is larger than `limit`, or there is no file in the form.
    """
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        _check_declared(request, limit + _FORM_OVERHEAD)
        bounded = Request(request.scope, _bounded(request, limit + _FORM_OVERHEAD))
        try:
            form = await bounded.form(max_files=1, max_fields=10)
        except (MultiPartException, HTTPException, KeyError) as error:
            raise invalid_request("No content provided") from error
        try:
            file = next((part for part in form.values() if isinstance(part, UploadFile)), None)
            if file is None:
                raise invalid_request("No content provided")
            if (file.size or 0) > limit:
                raise too_large()
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
            yield file.file, _form_metadata(fields, file), _user_metadata(fields)
        finally:
            await form.close()
    else:
        _check_declared(request, limit)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spooled:
            async for chunk in _bounded_stream(request, limit):
                spooled.write(chunk)
            spooled.seek(0)
            yield spooled, _raw_metadata(request), _header_metadata(request)


def _check_declared(request: Request, limit: int) -> None:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise too_large()


async def _bounded_stream(request: Request, limit: int) -> AsyncIterator[bytes]:
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > limit:
            raise too_large()
        yield chunk


def _bounded(request: Request, limit: int) -> Any:
    """Return a `receive` that refuses more than `limit` bytes, whatever length was declared."""
    received = 0

    async def receive() -> Any:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise too_large()
        return message

    return receive


def _form_metadata(fields: dict[str, str], file: UploadFile) -> Row:
    seconds = fields.get("cacheControl")
    mime_type = fields.get("contentType") or file.content_type or "application/octet-stream"
    return {"mimetype": mime_type, "cacheControl": f"max-age={seconds}" if seconds else "no-cache"}


def _raw_metadata(request: Request) -> Row:
    return {
        "mimetype": request.headers.get("content-type") or "application/octet-stream",
        "cacheControl": request.headers.get("cache-control", "no-cache"),
    }


def _user_metadata(fields: dict[str, str]) -> Row | None:
    return _parsed(fields.get("metadata") or fields.get("userMetadata") or "")


def _header_metadata(request: Request) -> Row | None:
    try:
        return _parsed(base64.b64decode(request.headers.get("x-metadata", "")).decode())
    except ValueError:
        return None


def _parsed(text: str) -> Row | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _check_mime_type(mime_type: str, allowed: list[str]) -> None:
    kind, slash, subtype = mime_type.partition("/")
    if not slash or not {f"{kind}/{subtype}", f"{kind}/*"} & set(allowed):
        raise invalid_mime_type(mime_type)
