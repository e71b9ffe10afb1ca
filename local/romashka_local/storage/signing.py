"""Signed URLs: tokens for one object and one purpose."""

import time

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from romashka_local.storage.errors import StorageError, invalid_request
from romashka_local.storage.objects import NewObject, find_object, try_writing
from romashka_local.storage.server import (
    Row,
    acting_as,
    bucket_name,
    caller_of,
    json_body,
    object_key,
    server_of,
    token_fault,
)

_UPLOAD_SECONDS = 7200
_LONGEST_SECONDS = 10 * 366 * 24 * 3600
_MOST_PATHS = 1000


async def sign_object(request: Request) -> Response:
    """`POST /object/sign/{bucket}/{name}` with `expiresIn`, for an object the caller may read."""
    bucket_id, name = bucket_name(request.path_params["bucket"]), request.path_params["name"]
    caller = caller_of(request)
    seconds = _seconds(await json_body(request))
    async with acting_as(request, caller, "storage.object.sign") as connection:
        await find_object(connection, bucket_id, name)
    return JSONResponse({"signedURL": _download_url(request, f"{bucket_id}/{name}", seconds)})


async def sign_objects(request: Request) -> Response:
    """`POST /object/sign/{bucket}` with `expiresIn` and `paths`; each gets a URL or an error."""
    bucket_id = bucket_name(request.path_params["bucket"])
    caller = caller_of(request)
    fields = await json_body(request)
    seconds, paths = _seconds(fields), fields.get("paths")
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise invalid_request("body must have required property 'paths'")
    if not 1 <= len(paths) <= _MOST_PATHS:
        raise invalid_request(f"body/paths must have 1 to {_MOST_PATHS} items")
    async with acting_as(request, caller, "storage.object.sign_many") as connection:
        cursor = await connection.execute(
            "select name from storage.objects where bucket_id = %s and name = any(%s)",
            [bucket_id, paths],
        )
        readable = {row["name"] for row in await cursor.fetchall()}
    hidden = "Either the object does not exist or you do not have access to it"
    return JSONResponse(
        [
            {
                "error": None if path in readable else hidden,
                "path": path,
                "signedURL": _download_url(request, f"{bucket_id}/{path}", seconds)
                if path in readable
                else None,
            }
            for path in paths
        ]
    )


async def sign_upload(request: Request) -> Response:
    """`POST /object/upload/sign/{bucket}/{name}`, for whoever may write there."""
    bucket_id = bucket_name(request.path_params["bucket"])
    name = object_key(request.path_params["name"])
    caller = caller_of(request)
    upsert = request.headers.get("x-upsert") == "true"
    async with acting_as(request, caller, "storage.object.sign_upload") as connection:
        await try_writing(connection, NewObject(bucket_id, name, caller, {}, None), upsert=upsert)
    url = f"{bucket_id}/{name}"
    claims = {"owner": caller.owner, "url": url, "upsert": upsert, "scope": "upload"}
    token = _signed(request, claims, _UPLOAD_SECONDS)
    return JSONResponse({"url": f"/object/upload/sign/{url}?token={token}", "token": token})


def check(request: Request, url: str, scope: str) -> Row:
    """Return the claims of the request's token, if it is for that object and purpose.

    Raises:
        StorageError: the token is missing, expired, or for something else.
    """
    token = request.query_params.get("token")
    if not token:
        raise invalid_request("querystring must have required property 'token'")
    try:
        claims = server_of(request).keys.verify(token)
    except jwt.InvalidTokenError as error:
        raise StorageError(400, "InvalidJWT", token_fault(error)) from error
    if claims.get("scope") != scope:
        raise StorageError(400, "InvalidSignature", f"Token is not scoped for {scope}")
    if claims.get("url") != url:
        raise StorageError(400, "InvalidSignature", "Invalid signature")
    return claims


def _download_url(request: Request, url: str, seconds: int) -> str:
    token = _signed(request, {"url": url, "scope": "download"}, seconds)
    return f"/object/sign/{url}?token={token}"


def _signed(request: Request, claims: Row, seconds: int) -> str:
    now = int(time.time())
    times = {"iat": now, "exp": now + seconds}
    return server_of(request).keys.sign(claims | times)


def _seconds(fields: Row) -> int:
    given = fields.get("expiresIn")
    if isinstance(given, str) and given.isascii() and given.isdigit():
        given = int(given[:12])  # supabase-py sends it as text
    if not isinstance(given, int) or not 1 <= given <= _LONGEST_SECONDS:
        raise invalid_request("body/expiresIn must be an integer >= 1")
    return given
