"""`POST /token`: sessions for a password or for a refresh token."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from romashka_local.auth import users
from romashka_local.auth.body import Body, read_body
from romashka_local.auth.errors import (
    AuthError,
    WeakPassword,
    bad_request,
    unprocessable,
)
from romashka_local.auth.passwords import check_strength, matches
from romashka_local.auth.server import AuthServer, Json, client_of, server_of
from romashka_local.auth.sessions import open_session, refresh_session
from romashka_local.auth.settings import Settings
from romashka_local.auth.tokens import audience
from romashka_local.auth.users import User

_UNAVAILABLE_GRANTS = {
    "pkce": AuthError(404, "flow_state_not_found", "invalid flow state, no valid flow state found"),
    "id_token": bad_request("provider_disabled", "Provider is not enabled"),
    "web3": unprocessable("web3_provider_disabled", "Web3 provider is disabled"),
}


async def grant_token(request: Request) -> Response:
    """Dispatch on `grant_type`."""
    grant = request.query_params.get("grant_type", "")
    if grant == "password":
        return await _grant_for_password(request)
    if grant == "refresh_token":
        token = (await read_body(request)).text("refresh_token")
        return JSONResponse(await refresh_session(server_of(request), token, client_of(request)))
    if grant in _UNAVAILABLE_GRANTS:
        refusal = _UNAVAILABLE_GRANTS[grant]
        raise AuthError(refusal.status, refusal.code, refusal.message)
    raise bad_request("invalid_credentials", "unsupported_grant_type")


async def _grant_for_password(request: Request) -> Response:
    server = server_of(request)
    body = await read_body(request)
    password = body.text("password")
    user = await _find(server, body, audience(request))
    # Hashing happens between two uses of the pool, so that it holds no connection.
    if user is None or not user.encrypted_password:
        raise _invalid_credentials()
    if user.is_banned:
        raise bad_request("user_banned", "User is banned")
    if not await matches(password, user.encrypted_password):
        raise _invalid_credentials()
    if not user.email_confirmed_at:
        raise bad_request("email_not_confirmed", "Email not confirmed")
    async with server.pool.connection() as connection:
        client = client_of(request)
        answer = await open_session(connection, server, user, "password", client)
    return JSONResponse(answer | _weakness(password, server.settings))


async def _find(server: AuthServer, body: Body, aud: str) -> User | None:
    email, phone = body.text("email"), body.text("phone")
    if email and phone:
        message = "Only an email address or phone number should be provided on login."
        raise bad_request("validation_failed", message)
    if phone:
        raise unprocessable("phone_provider_disabled", "Phone logins are disabled")
    if not email:
        raise bad_request("validation_failed", "missing email or phone")
    if not server.settings.email_enabled:
        raise unprocessable("email_provider_disabled", "Email logins are disabled")
    async with server.pool.connection() as connection:
        return await users.find_by_email(connection, email, aud)


def _invalid_credentials() -> AuthError:
    return bad_request("invalid_credentials", "Invalid login credentials")


def _weakness(password: str, settings: Settings) -> Json:
    try:
        check_strength(password, settings)
    except WeakPassword as weak:
        return {"weak_password": {"message": weak.message, "reasons": weak.reasons}}
    return {}
