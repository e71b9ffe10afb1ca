"""The routes of buckets."""

import re
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from romashka_local.storage.errors import (
    StorageError,
    bucket_not_found,
    invalid_bucket_name,
    invalid_mime_type,
    invalid_request,
    too_large,
)
from romashka_local.storage.server import (
    SERVICE,
    Row,
    acting_as,
    bucket_name,
    caller_of,
    find_bucket,
    json_body,
    server_of,
)

_COLUMNS = (
    "id, name, owner, public, created_at, updated_at, file_size_limit, allowed_mime_types, type"
)
_MIME_TYPE = re.compile(r"([\w\-+.]+/([\w\-+.]+(;\s*charset=[\w-]+)?|\*))|\*", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)(gb|mb|kb|b)", re.IGNORECASE)
_UNITS = {"gb": 10**9, "mb": 10**6, "kb": 1000, "b": 1}
_FIELDS: dict[str, tuple[type, ...]] = {
    "id": (str,),
    "name": (str,),
    "public": (bool,),
    "file_size_limit": (int, str),
    "allowed_mime_types": (list,),
}
_SORT_COLUMNS = {"id", "name", "created_at", "updated_at"}


async def list_buckets(request: Request) -> Response:
    """`GET /bucket`: those that the caller may see."""
    query = request.query_params
    column = query.get("sortColumn", "name")
    if column not in _SORT_COLUMNS:
        raise invalid_request("querystring/sortColumn must be equal to one of the allowed values")
    direction = "desc" if query.get("sortOrder") == "desc" else "asc"
    statement = f"""select {_COLUMNS} from storage.buckets where name ilike %s
      order by {column} {direction} limit %s offset %s"""  # noqa: S608 -- of known columns
    limit, offset = _whole(query.get("limit")), _whole(query.get("offset"))
    parameters = [f"%{query.get('search', '')}%", limit, offset or 0]
    async with acting_as(request, caller_of(request), "storage.bucket.list") as connection:
        found = await (await connection.execute(statement.encode(), parameters)).fetchall()
    return JSONResponse([as_json(bucket) for bucket in found])


def _whole(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise invalid_request("querystring must be integer")
    return int(text)


async def read_bucket(request: Request) -> Response:
    """`GET /bucket/{bucket}`."""
    async with acting_as(request, caller_of(request), "storage.bucket.get") as connection:
        found = await find_bucket(connection, request.path_params["bucket"])
    return JSONResponse(as_json(found))


async def create_bucket(request: Request) -> Response:
    """`POST /bucket`: `name`, and `id` where it differs."""
    caller = caller_of(request)
    fields = await _fields(request)
    name = fields.get("name")
    if not name:
        raise invalid_request("body must have required property 'name'")
    if name != name.strip():
        raise invalid_bucket_name()
    row = {
        "id": fields.get("id") or name,
        "name": bucket_name(name),
        "owner": caller.owner_uuid,
        "owner_id": caller.owner,
        "public": fields.get("public") or False,
        "file_size_limit": fields.get("file_size_limit"),
        "allowed_mime_types": fields.get("allowed_mime_types"),
    }
    async with acting_as(request, caller, "storage.bucket.create") as connection:
        await connection.execute(
            """insert into storage.buckets
                 (id, name, owner, owner_id, public, file_size_limit, allowed_mime_types)
               values (%(id)s, %(name)s, %(owner)s, %(owner_id)s, %(public)s,
                 %(file_size_limit)s, %(allowed_mime_types)s)""",
            row,
        )
    return JSONResponse({"name": name})


async def update_bucket(request: Request) -> Response:
    """`PUT /bucket/{bucket}`: any of `public`, `file_size_limit`, `allowed_mime_types`."""
    caller = caller_of(request)
    fields = await _fields(request)
    names = [name for name in ("public", "file_size_limit", "allowed_mime_types") if name in fields]
    if not names:
        raise invalid_request("body must have required property 'public'")
    assignments = ", ".join(f"{name} = %({name})s" for name in names)
    statement = f"update storage.buckets set {assignments}, updated_at = now() where id = %(id)s"  # noqa: S608 -- of known columns
    async with acting_as(request, caller, "storage.bucket.update") as connection:
        parameters = fields | {"id": request.path_params["bucket"]}
        done = await connection.execute(statement.encode(), parameters)
        if not done.rowcount:
            raise bucket_not_found()
    return JSONResponse({"message": "Successfully updated"})


async def delete_bucket(request: Request) -> Response:
    """`DELETE /bucket/{bucket}`, which must be empty."""
    caller, bucket_id = caller_of(request), request.path_params["bucket"]
    async with acting_as(request, SERVICE, "storage.bucket.delete") as connection:
        await find_bucket(connection, bucket_id)
        filled = await connection.execute(
            "select from storage.objects where bucket_id = %s limit 1", [bucket_id]
        )
        if filled.rowcount:
            message = "The bucket you tried to delete is not empty"
            raise StorageError(409, "ResourceNotEmpty", message)
    # An object that comes in between is held by its foreign key.
    async with acting_as(request, caller, "storage.bucket.delete") as connection:
        done = await connection.execute("delete from storage.buckets where id = %s", [bucket_id])
        if not done.rowcount:
            raise bucket_not_found()
    return JSONResponse({"message": "Successfully deleted"})


async def empty_bucket(request: Request) -> Response:
    """`POST /bucket/{bucket}/empty`, by whoever sees the bucket and something in it."""
    caller, bucket_id = caller_of(request), request.path_params["bucket"]
    async with acting_as(request, caller, "storage.bucket.empty") as connection:
        await find_bucket(connection, bucket_id)
        seen = await connection.execute(
            "select from storage.objects where bucket_id = %s limit 1", [bucket_id]
        )
    if seen.rowcount:
        async with acting_as(request, SERVICE, "storage.bucket.empty") as connection:
            cursor = await connection.execute(
                "delete from storage.objects where bucket_id = %s returning version", [bucket_id]
            )
            removed = await cursor.fetchall()
        await server_of(request).files.remove(*(row["version"] for row in removed))
    message = "Empty bucket has been queued. Completion may take up to an hour."
    return JSONResponse({"message": message})


async def _fields(request: Request) -> Row:
    """Return the fields of a bucket that were sent, checked."""
    fields = await json_body(request)
    for name, kinds in _FIELDS.items():
        value = fields.get(name)
        if value is not None and (
            not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)
        ):
            raise invalid_request(f"body/{name} must be {kinds[0].__name__}")
    if fields.get("file_size_limit") is not None:
        limit = _bytes(fields["file_size_limit"])
        if limit > server_of(request).size_limit:
            raise too_large()
        fields["file_size_limit"] = limit
    for mime_type in fields.get("allowed_mime_types") or []:
        if not isinstance(mime_type, str) or not _MIME_TYPE.fullmatch(mime_type):
            raise invalid_mime_type(str(mime_type))
    return fields


def _bytes(value: int | str) -> int:
    if isinstance(value, int):
        if value < 0:
            raise invalid_request("body/file_size_limit must be >= 0")
        return value
    if value.isascii() and value.isdigit():
        return int(value[:18])
    size = _SIZE.fullmatch(value)
    if size is None:
        hint = "Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B"
        raise StorageError(400, "InvalidRequest", hint)
    return int(float(size[1]) * _UNITS[size[2].lower()])


def as_json(row: Row) -> Row:
    """Return a row with its times and ids as text, and an empty owner where there is none."""
    return {
        name: _plain("" if value is None and name in ("owner", "owner_id") else value)
        for name, value in row.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value if isinstance(value, bool | int | list | dict | None) else str(value)
