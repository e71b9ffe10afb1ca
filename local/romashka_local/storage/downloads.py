"""Downloads: the content or the description of an object, to whoever may have it."""

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from romashka_local.storage import signing
from romashka_local.storage.buckets import as_json
from romashka_local.storage.errors import bucket_not_found, object_not_found
from romashka_local.storage.objects import find_object
from romashka_local.storage.server import (
    SERVICE,
    Row,
    acting_as,
    bucket_name,
    caller_of,
    find_bucket,
    server_of,
)


async def read_object(request: Request) -> Response:
    """`GET|HEAD /object/{bucket}/{name}`: of a private bucket by policy, of a public one always."""
    return _content(request, await _readable(request))


async def read_authenticated(request: Request) -> Response:
    """`GET|HEAD /object/authenticated/{bucket}/{name}`: the same, with a token in any case."""
    caller_of(request)
    return _content(request, await _readable(request))


async def read_public(request: Request) -> Response:
    """`GET|HEAD /object/public/{bucket}/{name}`."""
    return _content(request, await _public(request))


async def read_signed(request: Request) -> Response:
    """`GET|HEAD /object/sign/{bucket}/{name}?token=`."""
    bucket_id, name = request.path_params["bucket"], request.path_params["name"]
    claims = signing.check(request, f"{bucket_id}/{name}", "download")
    async with acting_as(request, SERVICE, "storage.object.get_signed") as connection:
        found = await find_object(connection, bucket_id, name)
    response = _content(request, found)
    del response.headers["cache-control"]
    response.headers["expires"] = format_datetime(
        datetime.fromtimestamp(claims["exp"], UTC), usegmt=True
    )
    return response


async def describe_object(request: Request) -> Response:
    """`GET /object/info/{bucket}/{name}`."""
    return _description(await _readable(request))


async def describe_public(request: Request) -> Response:
    """`GET /object/info/public/{bucket}/{name}`."""
    return _description(await _public(request))


async def _readable(request: Request) -> Row:
    """Return the object, if the caller may read it."""
    bucket_id, name = bucket_name(request.path_params["bucket"]), request.path_params["name"]
    caller = caller_of(request, required=False)
    async with acting_as(request, SERVICE, "storage.object.get") as connection:
        bucket = await find_bucket(connection, bucket_id)
        if bucket["public"]:
            return await find_object(connection, bucket_id, name)
    if not caller.is_authenticated:
        raise bucket_not_found()
    async with acting_as(request, caller, "storage.object.get") as connection:
        return await find_object(connection, bucket_id, name)


async def _public(request: Request) -> Row:
    bucket_id, name = bucket_name(request.path_params["bucket"]), request.path_params["name"]
    async with acting_as(request, SERVICE, "storage.object.get_public") as connection:
        if not (await find_bucket(connection, bucket_id))["public"]:
            raise bucket_not_found()
        return await find_object(connection, bucket_id, name)


def _content(request: Request, found: Row) -> Response:
    """Return the file, or a part of it, or that the client has it already."""
    metadata: Row = found["metadata"] or {}
    path = server_of(request).files.path(found["version"])
    if not path.is_file():
        raise object_not_found()
    modified = found["updated_at"]
    headers = {
        "content-type": _media_type(metadata),
        "etag": metadata.get("eTag", ""),
        "last-modified": format_datetime(modified, usegmt=True),
        "cache-control": metadata.get("cacheControl", "no-cache"),
        "x-robots-tag": "none",
    }
    if _is_known(request, headers["etag"], modified):
        return Response(status_code=304, headers=headers)
    if (download := request.query_params.get("download")) is not None:
        headers["content-disposition"] = _disposition(download)
    return FileResponse(path, headers=headers)


def _media_type(metadata: Row) -> str:
    """Return the content type; HTML is shown as text, so that nobody is phished from here."""
    mime_type: str = metadata.get("mimetype") or "application/octet-stream"
    return "text/plain" if "text/html" in mime_type else mime_type


def _is_known(request: Request, etag: str, modified: datetime) -> bool:
    if known := request.headers.get("if-none-match"):
        return etag in [tag.strip() for tag in known.split(",")]
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
        return modified.replace(microsecond=0) <= since
    except (TypeError, ValueError):  # absent, not a date, or one without a zone
        return False


def _disposition(download: str) -> str:
    if not download:
        return "attachment;"
    name = quote(download, safe="")
    return f"attachment; filename={name}; filename*=UTF-8''{name}"


def _description(found: Row) -> Response:
    metadata: Row = found["metadata"] or {}
    row = as_json(found)
    return JSONResponse(
        {
            "id": row["id"],
            "name": row["name"],
            "version": row["version"],
            "bucket_id": row["bucket_id"],
            "size": metadata.get("size"),
            "content_type": metadata.get("mimetype"),
            "cache_control": metadata.get("cacheControl"),
            "etag": metadata.get("eTag"),
            "metadata": row["user_metadata"],
            "last_modified": row["updated_at"],
            "created_at": row["created_at"],
        }
    )
