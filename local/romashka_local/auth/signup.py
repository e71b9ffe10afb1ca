"""Signing up: with e-mail and password, or anonymously."""

import logging
import secrets
import uuid
from datetime import UTC, datetime

import psycopg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from romashka_local.auth import identities, users
from romashka_local.auth.body import Body, read_body
from romashka_local.auth.errors import bad_request, database_failure, unprocessable
from romashka_local.auth.passwords import check_strength, hash_password
from romashka_local.auth.server import AuthServer, Client, Connection, Json, client_of, server_of
from romashka_local.auth.sessions import open_session
from romashka_local.auth.settings import Settings
from romashka_local.auth.tokens import audience
from romashka_local.auth.users import User

_log = logging.getLogger("romashka.local.auth")


async def sign_up(request: Request) -> Response:
    """`POST /signup`: a session, or the bare user where e-mails must be confirmed first."""
    server = server_of(request)
    body = await read_body(request)
    aud, client = audience(request), client_of(request)
    if not body.text("email") and not body.text("phone"):
        return JSONResponse(await _sign_up_anonymously(server, body, aud, client))
    if not server.settings.signup_enabled:
        raise unprocessable("signup_disabled", "Signups not allowed for this instance")
    email = _checked_email(body, server.settings)
    hashed = await hash_password(body.text("password"))
    data = body.object("data") or {}
    async with server.pool.connection() as connection:
        user = await users.find_holder(connection, email, aud)
        if user is None:
            user = await _insert(connection, email, hashed, aud, data)
        elif user.email_confirmed_at:
            return _taken(user, server.settings, data, aud)
        if not server.settings.autoconfirm:
            return JSONResponse((await _request_confirmation(connection, user)).as_json())
        user = await users.confirm_email(connection, user)
        answer = await open_session(connection, server, user, "password", client)
    return JSONResponse(answer)


async def _sign_up_anonymously(server: AuthServer, body: Body, aud: str, client: Client) -> Json:
    if not server.settings.anonymous_enabled:
        raise unprocessable("anonymous_provider_disabled", "Anonymous sign-ins are disabled")
    if not server.settings.signup_enabled:
        raise unprocessable("signup_disabled", "Signups not allowed for this instance")
    data = body.object("data") or {}
    try:
        async with server.pool.connection() as connection:
            user = await users.insert_user(
                connection,
                aud=aud,
                is_anonymous=True,
                raw_app_meta_data={},
                raw_user_meta_data=data,
            )
            return await open_session(connection, server, user, "anonymous", client)
    except psycopg.Error as error:
        raise database_failure("Database error creating anonymous user") from error


def _checked_email(body: Body, settings: Settings) -> str:
    """Return the e-mail of a sign-up whose fields are all acceptable, in GoTrue's order."""
    if not body.text("password"):
        raise bad_request("validation_failed", "Signup requires a valid password")
    check_strength(body.text("password"), settings)
    if body.text("email") and body.text("phone"):
        message = "Only an email address or phone number should be provided on signup."
        raise bad_request("validation_failed", message)
    if body.text("phone"):
        raise bad_request("phone_provider_disabled", "Phone signups are disabled")
    if not settings.email_enabled:
        raise bad_request("email_provider_disabled", "Email signups are disabled")
    return users.valid_email(body.text("email"))


async def _insert(connection: Connection, email: str, hashed: str, aud: str, data: Json) -> User:
    """Insert a user with an e-mail identity, whose data then is the user's metadata."""
    try:
        user = await users.insert_user(
            connection,
            aud=aud,
            email=email,
            encrypted_password=hashed,
            raw_app_meta_data={"provider": "email", "providers": ["email"]},
            raw_user_meta_data=data,
        )
    except psycopg.Error as error:
        raise database_failure("Database error saving new user") from error
    user = await identities.add_identity(connection, user, "email", {"email": email}, extra=data)
    identity = (user.identities or [{}])[0]
    return await users.update_user(
        connection, user.id, raw_user_meta_data=identity.get("identity_data", data)
    )


async def _request_confirmation(connection: Connection, user: User) -> User:
    # This stack sends no mail: the token is there for whoever reads the table.
    _log.info("auth.confirmation_awaited", extra={"user_id": str(user.id)})
    return await users.update_user(
        connection,
        user.id,
        confirmation_token=secrets.token_hex(28),
        confirmation_sent_at=datetime.now(UTC),
    )


def _taken(user: User, settings: Settings, data: Json, aud: str) -> Response:
    """Answer a sign-up with a known e-mail; where e-mails are confirmed, without telling so."""
    if settings.autoconfirm:
        raise unprocessable("user_already_exists", "User already registered")
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return JSONResponse(
        {
            "id": str(uuid.uuid4()),
            "aud": aud,
            "role": "",
            "email": user.email or "",
            "phone": "",
            "confirmation_sent_at": now,
            "app_metadata": {"provider": "email", "providers": ["email"]},
            "user_metadata": data,
            "identities": [],
            "created_at": now,
            "updated_at": now,
            "is_anonymous": user.is_anonymous,
        }
    )
