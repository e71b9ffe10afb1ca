"""What signed-in users do with their own account: read it, change it, sign out."""

from datetime import UTC, datetime

import psycopg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from romashka_local.auth import identities, users
from romashka_local.auth.body import Body, read_body
from romashka_local.auth.errors import bad_request, database_failure, forbidden, unprocessable
from romashka_local.auth.passwords import check_strength, hash_password, matches
from romashka_local.auth.server import AuthServer, Connection, Json, server_of
from romashka_local.auth.sessions import close_sessions
from romashka_local.auth.tokens import Caller, audience, require_user
from romashka_local.auth.users import User

EMAIL_TAKEN = "A user with this email address has already been registered"
_SCOPES = {"": "global", "global": "global", "local": "local", "others": "others"}


async def read_user(request: Request) -> Response:
    """`GET /user`."""
    async with server_of(request).pool.connection() as connection:
        caller = await require_user(request, connection)
    claimed = caller.claims.get("aud")
    claimed = claimed[0] if isinstance(claimed, list) and claimed else claimed
    if audience(request, caller.claims) != claimed:
        message = "Token audience doesn't match request audience"
        raise bad_request("validation_failed", message)
    return JSONResponse(caller.user.as_json())


async def sign_out(request: Request) -> Response:
    """`POST /logout?scope=global|local|others`."""
    asked = request.query_params.get("scope", "")
    async with server_of(request).pool.connection() as connection:
        caller = await require_user(request, connection)
        if asked not in _SCOPES:
            raise bad_request("validation_failed", f'Unsupported logout scope "{asked}"')
        await close_sessions(connection, caller.user, caller.session_id, _SCOPES[asked])
    return Response(status_code=204)


async def change_user(request: Request) -> Response:
    """`PUT /user`: any of password, data (merged), e-mail; a password closes other sessions."""
    server = server_of(request)
    async with server.pool.connection() as connection:
        caller = await require_user(request, connection)
    body = await read_body(request)
    email = _checked_email(body, server, caller.user)
    hashed = await _new_hash(body.optional_text("password"), caller.user)
    async with server.pool.connection() as connection:
        changing = email and email != caller.user.email
        aud = audience(request, caller.claims)
        if changing and await users.find_holder(connection, email, aud, caller.user.id):
            raise unprocessable("email_exists", EMAIL_TAKEN)
        try:
            user = await _apply(connection, caller, hashed, body.object("data"))
            if changing:
                user = await _change_email(connection, server, user, email)
        except psycopg.Error as error:
            raise database_failure("Error updating user") from error
    return JSONResponse(user.as_json())


def _checked_email(body: Body, server: AuthServer, user: User) -> str:
    """Return the new e-mail, or nothing, of a change whose fields are all acceptable."""
    email, password = body.text("email"), body.optional_text("password")
    if email:
        email = users.valid_email(email)
    if password is not None:
        check_strength(password, server.settings)
    if body.object("app_metadata") is not None:
        message = "Updating app_metadata requires admin privileges"
        raise forbidden("not_admin", message)
    if user.is_anonymous and password and not email:
        message = "Updating password of an anonymous user without an email or phone is not allowed"
        raise unprocessable("validation_failed", message)
    if phone := body.text("phone"):
        users.valid_phone(phone)
        if phone != user.phone:  # changing it takes a message with a code
            raise bad_request("phone_provider_disabled", "Phone logins are disabled")
    return email


async def _new_hash(password: str | None, user: User) -> str | None:
    if not password:
        return None
    if await matches(password, user.encrypted_password):
        message = "New password should be different from the old password."
        raise unprocessable("same_password", message)
    return await hash_password(password)


async def _apply(
    connection: Connection, caller: Caller, hashed: str | None, data: Json | None
) -> User:
    user = caller.user
    if hashed:
        user = await users.update_user(connection, user.id, encrypted_password=hashed)
        others = "others" if caller.session_id else "global"
        await close_sessions(connection, user, caller.session_id, others)
    if data is not None:
        metadata = users.merged(user.raw_user_meta_data, data)
        user = await users.update_user(connection, user.id, raw_user_meta_data=metadata)
    return user


async def _change_email(connection: Connection, server: AuthServer, user: User, email: str) -> User:
    """Give an anonymous user an e-mail at once; anyone else's change waits to be confirmed."""
    if not (user.is_anonymous and server.settings.autoconfirm):
        return await users.update_user(
            connection, user.id, email_change=email, email_change_sent_at=datetime.now(UTC)
        )
    claims = {"email": email, "email_verified": True}
    user = await identities.set_identity(connection, user, "email", claims)
    user = await users.update_user(
        connection, user.id, email=email, email_change="", is_anonymous=False
    )
    return user if user.email_confirmed_at else await users.confirm_email(connection, user)
