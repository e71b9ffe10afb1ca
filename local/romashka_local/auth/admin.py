"""The admin's routes: users listed, made, read, changed and deleted with the service role."""

import secrets
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import psycopg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from romashka_local.auth import identities, users
from romashka_local.auth.account import EMAIL_TAKEN
from romashka_local.auth.admin_fields import NOT_BANNED, AdminFields, read_fields
from romashka_local.auth.body import read_body
from romashka_local.auth.errors import AuthError, bad_request, database_failure, unprocessable
from romashka_local.auth.passwords import check_strength, hash_password
from romashka_local.auth.server import Connection, Json, server_of
from romashka_local.auth.sessions import close_sessions
from romashka_local.auth.tokens import audience, require_admin
from romashka_local.auth.users import User

_PER_PAGE = 50
_IN_AUDIENCE = """aud = %(aud)s and (%(filter)s = '' or email like %(like)s
  or raw_user_meta_data ->> 'full_name' ilike %(like)s)"""
# The list carries no identities, as GoTrue's does not.
_PAGE = users.select_users(
    f"{_IN_AUDIENCE} order by created_at desc, id desc limit %(limit)s offset %(offset)s",
    identities="null as identities",
)
_COUNT = users.count_users(_IN_AUDIENCE)


async def list_users(request: Request) -> Response:
    """`GET /admin/users?page=1&per_page=50`, newest first."""
    async with server_of(request).pool.connection() as connection:
        claims = await require_admin(request, connection)
        page = _page_number(request, "page", 1)
        per_page = _page_number(request, "per_page", _PER_PAGE)
        filter_text = request.query_params.get("filter", "")
        aud = audience(request, claims)
        parameters: Json = {
            "nil": users.NIL,
            "aud": aud,
            "filter": filter_text,
            "like": f"%{filter_text}%",
            "limit": per_page,
            "offset": (page - 1) * per_page,
        }
        found = await (await connection.execute(_PAGE, parameters)).fetchall()
        counted = await (await connection.execute(_COUNT, parameters)).fetchone()
    total = counted["total"] if counted else 0
    content = {"users": [User(**row).as_json() for row in found], "aud": aud}
    headers = {"X-Total-Count": str(total), "Link": _links(request, page, per_page, total)}
    return JSONResponse(content, headers=headers)


def _page_number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "") or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        message = f'Bad Pagination Parameters: parsing "{text}": invalid syntax'
        raise bad_request("validation_failed", message)
    return int(text) or default


def _links(request: Request, page: int, per_page: int, total: int) -> str:
    last = -(-total // per_page)
    targets = ([(page + 1, "next")] if last > page else []) + [(last, "last")]
    query = dict(request.query_params)
    return ", ".join(
        f'<{request.url.path}?{urlencode(sorted((query | {"page": number}).items()))}>; rel="{rel}"'
        for number, rel in targets
    )


async def create_user(request: Request) -> Response:
    """`POST /admin/users`: with a password, a hash of one, or neither."""
    server = server_of(request)
    async with server.pool.connection() as connection:
        claims = await require_admin(request, connection)
    fields = read_fields(await read_body(request))
    if not fields.email and not fields.phone:
        message = "Cannot create a user without either an email or phone"
        raise bad_request("validation_failed", message)
    aud = fields.aud or audience(request, claims)
    # Without a password nobody signs in by one: the hash of random text matches nothing.
    hashed = fields.password_hash or await hash_password(
        fields.password or secrets.token_urlsafe(48)
    )
    async with server.pool.connection() as connection:
        await _require_free(connection, fields, aud)
        try:
            user = await _insert(connection, fields, aud, hashed)
        except psycopg.Error as error:
            raise database_failure("Database error creating new user") from error
    return JSONResponse(user.as_json())


async def _require_free(connection: Connection, fields: AdminFields, aud: str) -> None:
    if fields.email and await users.find_holder(connection, fields.email, aud):
        raise unprocessable("email_exists", EMAIL_TAKEN)
    if fields.phone and await users.find_by_phone(connection, fields.phone, aud):
        message = "Phone number already registered by another user"
        raise unprocessable("phone_exists", message)


async def _insert(connection: Connection, fields: AdminFields, aud: str, hashed: str) -> User:
    given = {"email": fields.email, "phone": fields.phone}
    providers = [name for name, address in given.items() if address]
    user = await users.insert_user(
        connection,
        id=fields.id or uuid.uuid4(),
        aud=aud,
        email=fields.email or None,
        phone=fields.phone or None,
        encrypted_password=hashed,
        raw_app_meta_data={"provider": providers[0], "providers": providers},
        raw_user_meta_data=fields.user_metadata or {},
    )
    for provider in providers:
        user = await identities.add_identity(
            connection, user, provider, {provider: given[provider]}
        )
    user = await _set_columns(connection, user, fields)
    return await _confirm(connection, user, fields)


async def read_user(request: Request) -> Response:
    """`GET /admin/users/{user_id}`."""
    async with server_of(request).pool.connection() as connection:
        return JSONResponse((await _load(request, connection)).as_json())


async def update_user(request: Request) -> Response:
    """`PUT /admin/users/{user_id}`: metadata is merged, a new password closes all sessions."""
    server = server_of(request)
    async with server.pool.connection() as connection:
        user = await _load(request, connection)
    fields = read_fields(await read_body(request))
    hashed = fields.password_hash
    if fields.password is not None:
        check_strength(fields.password, server.settings)
        hashed = await hash_password(fields.password)
    try:
        async with server.pool.connection() as connection:
            user = await _confirm(connection, user, fields)
            if hashed:
                await users.update_user(connection, user.id, encrypted_password=hashed)
                await close_sessions(connection, user, None, "global")
            user = await _set_addresses(connection, user, fields)
            user = await _set_columns(connection, user, fields)
            if fields.user_metadata is not None:
                metadata = users.merged(user.raw_user_meta_data, fields.user_metadata)
                user = await users.update_user(connection, user.id, raw_user_meta_data=metadata)
    except psycopg.Error as error:
        raise database_failure("Error updating user") from error
    return JSONResponse(user.as_json())


async def _set_addresses(connection: Connection, user: User, fields: AdminFields) -> User:
    given = {
        "email": (fields.email, fields.email_confirm),
        "phone": (fields.phone, fields.phone_confirm),
    }
    for provider, (address, confirmed) in given.items():
        if address:
            claims = {provider: address, f"{provider}_verified": confirmed}
            user = await identities.set_identity(connection, user, provider, claims)
            anonymous = user.is_anonymous and not confirmed
            columns: dict[str, Any] = {provider: address, "is_anonymous": anonymous}
            user = await users.update_user(connection, user.id, **columns)
    return user


async def _set_columns(connection: Connection, user: User, fields: AdminFields) -> User:
    columns: Json = {}
    if fields.role:
        columns["role"] = fields.role
    if fields.app_metadata is not None:
        columns["raw_app_meta_data"] = users.merged(user.raw_app_meta_data, fields.app_metadata)
    if fields.banned_until:
        columns["banned_until"] = None if fields.banned_until == NOT_BANNED else fields.banned_until
    return await users.update_user(connection, user.id, **columns) if columns else user


async def _confirm(connection: Connection, user: User, fields: AdminFields) -> User:
    if fields.email_confirm:
        user = await users.confirm_email(connection, user)
    if fields.phone_confirm:
        now = datetime.now(UTC)
        user = await users.update_user(connection, user.id, phone_confirmed_at=now)
    return user


async def delete_user(request: Request) -> Response:
    """`DELETE /admin/users/{user_id}`, for good or (`should_soft_delete`) leaving a husk."""
    async with server_of(request).pool.connection() as connection:
        user = await _load(request, connection)
        body = await read_body(request, optional=True)
        try:
            if not body.flag("should_soft_delete"):
                await connection.execute("delete from auth.users where id = %s", [user.id])
            elif user.deleted_at is None:
                await users.erase(connection, user)
                await close_sessions(connection, user, None, "global")
        except psycopg.Error as error:
            raise database_failure("Database error deleting user") from error
    return JSONResponse({})


async def list_factors(request: Request) -> Response:
    """`GET /admin/users/{user_id}/factors`: none, as nobody can enrol one here."""
    async with server_of(request).pool.connection() as connection:
        await _load(request, connection)
    return JSONResponse([])


async def _load(request: Request, connection: Connection) -> User:
    await require_admin(request, connection)
    try:
        user_id = uuid.UUID(request.path_params["user_id"])
    except ValueError as error:
        raise AuthError(404, "validation_failed", "user_id must be an UUID") from error
    user = await users.find_by_id(connection, user_id)
    if user is None:
        raise AuthError(404, "user_not_found", "User not found")
    return user
