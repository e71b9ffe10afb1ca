"""The routes that arrange objects: list, move, copy, remove."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from romashka_local.storage.buckets import as_json
from romashka_local.storage.errors import access_denied, invalid_request, object_not_found
from romashka_local.storage.objects import (
    NewObject,
    find_object,
    list_objects,
    remove_objects,
    try_writing,
    write_object,
)
from romashka_local.storage.server import (
    SERVICE,
    Row,
    acting_as,
    bucket_name,
    caller_of,
    json_body,
    object_key,
    server_of,
)

_SORT_COLUMNS = {"name", "updated_at", "created_at", "last_accessed_at"}
_LIMIT = 100


async def list_folder(request: Request) -> Response:
    """`POST /object/list/{bucket}`: one level below `prefix`, folders without an id."""
    caller = caller_of(request)
    fields = await json_body(request)
    prefix = _text(fields, "prefix")
    sort = fields.get("sortBy") or {}
    if not isinstance(sort, dict) or sort.get("column", "name") not in _SORT_COLUMNS:
        raise invalid_request("body/sortBy/column must be equal to one of the allowed values")
    async with acting_as(request, caller, "storage.object.list") as connection:
        found = await list_objects(
            connection,
            bucket_id=bucket_name(request.path_params["bucket"]),
            prefix=f"{prefix}/" if prefix and not prefix.endswith("/") else prefix,
            search=_text(fields, "search"),
            limit=_whole(fields, "limit", _LIMIT),
            offset=_whole(fields, "offset", 0),
            column=sort.get("column") or "name",
            direction="desc" if sort.get("order") == "desc" else "asc",
        )
    return JSONResponse([as_json(entry) for entry in found])


async def move_object(request: Request) -> Response:
    """`POST /object/move`: the file stays where it is, the row names it anew."""
    caller = caller_of(request)
    source, target = _both_ends(await json_body(request))
    async with acting_as(request, caller, "storage.object.move") as connection:
        found = await find_object(connection, *source)
        done = await connection.execute(
            """update storage.objects set bucket_id = %s, name = %s,
                 owner = coalesce(%s, owner), owner_id = coalesce(%s, owner_id)
               where bucket_id = %s and name = %s""",
            [*target, caller.owner_uuid, caller.owner, *source],
        )
        if not done.rowcount:
            raise access_denied()
    return JSONResponse({"message": "Successfully moved", "Id": str(found["id"]), "Key": target[1]})


async def copy_object(request: Request) -> Response:
    """`POST /object/copy`; `x-upsert: true` lets it replace another one."""
    caller, server = caller_of(request), server_of(request)
    source, target = _both_ends(await json_body(request))
    upsert = request.headers.get("x-upsert") == "true"
    async with acting_as(request, caller, "storage.object.copy") as connection:
        found = await find_object(connection, *source)
        new = NewObject(*target, caller, found["metadata"] or {}, found["user_metadata"])
        await try_writing(connection, new, upsert=upsert)
    stored = await server.files.copy(found["version"])
    try:
        async with acting_as(request, SERVICE, "storage.object.copy") as connection:
            written, replaced = await write_object(connection, new, stored)
    except BaseException:
        await server.files.remove(stored.version)
        raise
    await server.files.remove(replaced)
    key = "/".join(target)
    return JSONResponse({"Id": str(written["id"]), "Key": key} | as_json(written))


async def remove_object(request: Request) -> Response:
    """`DELETE /object/{bucket}/{name}`."""
    bucket_id, name = bucket_name(request.path_params["bucket"]), request.path_params["name"]
    caller = caller_of(request)
    async with acting_as(request, SERVICE, "storage.object.delete") as connection:
        await find_object(connection, bucket_id, name)
    async with acting_as(request, caller, "storage.object.delete") as connection:
        removed = await remove_objects(connection, bucket_id, [name])
        if not removed:
            raise access_denied()
    await server_of(request).files.remove(*(row["version"] for row in removed))
    return JSONResponse({"message": "Successfully deleted"})


async def remove_many(request: Request) -> Response:
    """`DELETE /object/{bucket}` with `prefixes`, whole names; answers with those removed."""
    bucket_id = bucket_name(request.path_params["bucket"])
    caller = caller_of(request)
    names = (await json_body(request)).get("prefixes")
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise invalid_request("body must have required property 'prefixes'")
    async with acting_as(request, caller, "storage.object.delete_many") as connection:
        removed = await remove_objects(connection, bucket_id, names)
    await server_of(request).files.remove(*(row["version"] for row in removed))
    return JSONResponse([as_json(row) for row in removed])


def _both_ends(fields: Row) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return bucket and key of the source and of the target."""
    bucket_id = bucket_name(_text(fields, "bucketId"))
    target_bucket = bucket_name(_text(fields, "destinationBucket") or bucket_id)
    source, target = _text(fields, "sourceKey"), _text(fields, "destinationKey")
    if not source:
        raise object_not_found()
    return (bucket_id, source), (target_bucket, object_key(target))


def _text(fields: Row, name: str) -> str:
    value = fields.get(name) or ""
    if not isinstance(value, str):
        raise invalid_request(f"body/{name} must be string")
    return value


def _whole(fields: Row, name: str, default: int) -> int:
    value = fields.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise invalid_request(f"body/{name} must be integer")
    return value
