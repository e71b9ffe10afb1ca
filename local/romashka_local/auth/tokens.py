"""Access tokens: made for a session, and checked when a client comes back with one."""

import re
import time
import uuid
from dataclasses import dataclass

import jwt
from starlette.requests import Request

from romashka_local.auth.errors import AuthError, bad_request, forbidden
from romashka_local.auth.server import AuthServer, Connection, Json, server_of
from romashka_local.auth.users import User, find_by_id

DEFAULT_AUDIENCE = "authenticated"
_ADMIN_ROLES = {"service_role", "supabase_admin"}
_BEARER = re.compile(r"[Bb]earer (\S+)")
_NO_SESSION = {"", str(uuid.UUID(int=0))}


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in user, and the session that the token belongs to."""

    user: User
    session_id: uuid.UUID | None
    claims: Json


def access_token(server: AuthServer, user: User, session_id: uuid.UUID, amr: list[Json]) -> Json:
    """Return the members of a session answer that hold the new token and its life."""
    issued_at = int(time.time())
    expires_at = issued_at + server.settings.jwt_expiry_seconds
    claims = {
        "iss": server.settings.issuer,
        "sub": str(user.id),
        "aud": user.aud or "",
        "exp": expires_at,
        "iat": issued_at,
        "email": user.email or "",
        "phone": user.phone or "",
        "app_metadata": user.raw_app_meta_data or {},
        "user_metadata": user.raw_user_meta_data or {},
        "role": user.role or "",
        "aal": "aal1",
        "amr": amr,
        "session_id": str(session_id),
        "is_anonymous": user.is_anonymous,
    }
    return {
        "access_token": server.keys.sign(claims),
        "token_type": "bearer",
        "expires_in": server.settings.jwt_expiry_seconds,
        "expires_at": expires_at,
    }


def audience(request: Request, claims: Json | None = None) -> str:
    """Return the audience that a request is about: its header's, its token's, the default."""
    if named := request.headers.get("x-jwt-aud"):
        return named
    claimed = (claims or {}).get("aud")
    if isinstance(claimed, list):
        claimed = claimed[0] if claimed else None
    if claimed and (claims or {}).get("role") not in _ADMIN_ROLES:
        return str(claimed)
    return DEFAULT_AUDIENCE


async def require_user(request: Request, connection: Connection) -> Caller:
    """Return who the bearer token stands for.

    Raises:
        AuthError: no token, a bad one, or its user or session is gone, or the user is banned.
    """
    claims = _verified_claims(request)
    caller = await _load_caller(connection, claims)
    if caller.user.is_banned:
        raise forbidden("user_banned", "User is banned")
    return caller


async def require_admin(request: Request, connection: Connection) -> Json:
    """Return the claims of a token with an admin role; one of a session needs that session."""
    claims = _verified_claims(request)
    if claims.get("session_id", "") not in _NO_SESSION:
        await _load_caller(connection, claims)
    if claims.get("role") not in _ADMIN_ROLES:
        raise forbidden("not_admin", "User not allowed")
    return claims


def _verified_claims(request: Request) -> Json:
    bearer = _BEARER.fullmatch(request.headers.get("authorization", ""))
    if bearer is None:
        message = "This endpoint requires a valid Bearer token"
        raise AuthError(401, "no_authorization", message)
    try:
        return server_of(request).keys.verify(bearer[1])
    except jwt.ExpiredSignatureError as error:
        raise _bad_token("token has invalid claims: token is expired") from error
    except jwt.InvalidSignatureError as error:
        raise _bad_token("token signature is invalid: signature is invalid") from error
    except jwt.InvalidTokenError as error:
        raise _bad_token(f"token is malformed: {error}") from error


def _bad_token(reason: str) -> AuthError:
    opening = "invalid JWT: unable to parse or verify signature"
    return forbidden("bad_jwt", f"{opening}, {reason}")


async def _load_caller(connection: Connection, claims: Json) -> Caller:
    subject = claims.get("sub")
    if not subject:
        raise forbidden("bad_jwt", "invalid claim: missing sub claim")
    try:
        user_id = uuid.UUID(str(subject))
    except ValueError as error:
        message = "invalid claim: sub claim must be a UUID"
        raise bad_request("bad_jwt", message) from error
    user = await find_by_id(connection, user_id)
    if user is None:
        raise forbidden("user_not_found", "User from sub claim in JWT does not exist")
    return Caller(user, await _load_session(connection, claims), claims)


async def _load_session(connection: Connection, claims: Json) -> uuid.UUID | None:
    named = claims.get("session_id") or ""
    if named in _NO_SESSION:
        return None
    try:
        session_id = uuid.UUID(str(named))
    except ValueError as error:
        message = "invalid claim: session_id claim must be a UUID"
        raise forbidden("bad_jwt", message) from error
    found = await connection.execute("select from auth.sessions where id = %s", [session_id])
    if found.rowcount == 0:
        message = "Session from session_id claim in JWT does not exist"
        raise forbidden("session_not_found", message)
    return session_id
