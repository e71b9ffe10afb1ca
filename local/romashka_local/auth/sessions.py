"""Sessions: opened at sign-in, kept by single-use refresh tokens, closed at sign-out."""

import re
import secrets
import uuid
from datetime import UTC, datetime, timedelta

from romashka_local.auth.errors import AuthError, OAuthError, bad_request
from romashka_local.auth.server import AuthServer, Client, Connection, Json
from romashka_local.auth.tokens import access_token
from romashka_local.auth.users import NIL, User, find_by_id, update_user

_TOKEN_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"  # noqa: S105 -- base32, as GoTrue's tokens
_TOKEN_LENGTH = 12
_TOKEN = re.compile(r"[\w-]+", re.ASCII)


async def open_session(
    connection: Connection, server: AuthServer, user: User, method: str, client: Client
) -> Json:
    """Start a session for `user`, who proved themselves by `method`; return the answer for it."""
    session_id = uuid.uuid4()
    await connection.execute(
        """insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent, ip)
           values (%s, %s, now(), now(), 'aal1', %s, %s)""",
        [session_id, user.id, client.user_agent, client.ip],
    )
    refresh_token = await _add_refresh_token(connection, session_id, user.id)
    await connection.execute(
        """insert into auth.mfa_amr_claims
             (id, session_id, authentication_method, created_at, updated_at)
           values (gen_random_uuid(), %s, %s, now(), now())""",
        [session_id, method],
    )
    user = await update_user(connection, user.id, last_sign_in_at=datetime.now(UTC))
    return await _answer(connection, server, user, session_id, refresh_token)


async def refresh_session(server: AuthServer, token: str, client: Client) -> Json:
    """Exchange a refresh token for a new access token of the same session.

    A token that was used before is honoured in two cases: it is the parent of the active token
    (its answer was lost: the active token is returned again), or it was used within the reuse
    interval. Otherwise somebody else has it, and the whole session loses its tokens.
    """
    if not token:
        raise OAuthError("invalid_request", "refresh_token required")
    if not _TOKEN.fullmatch(token):  # also keeps from the database what it cannot store
        raise _not_found()
    async with server.pool.connection() as connection:
        found = await _lock_token(connection, token)
        user = await _owner(connection, found)
        session_id = found["session_id"]
        if found["revoked"]:
            usable = await _reusable(connection, server, found)
        else:
            usable = await _rotate(connection, found)
        if usable:
            await _touch_session(connection, session_id, client)
            user = await update_user(connection, user.id)
            return await _answer(connection, server, user, session_id, usable)
        if server.settings.rotation_enabled:
            await _revoke_all(connection, session_id)
    # Raised after the block, which has committed the revocation.
    message = "Invalid Refresh Token: Already Used"
    raise bad_request("refresh_token_already_used", message)


async def close_sessions(
    connection: Connection, user: User, session_id: uuid.UUID | None, scope: str
) -> None:
    """Delete sessions of `user` (their refresh tokens follow): `global`, `local` or `others`."""
    if session_id is None or scope == "global":
        await connection.execute("delete from auth.sessions where user_id = %s", [user.id])
    elif scope == "local":
        await connection.execute("delete from auth.sessions where id = %s", [session_id])
    else:
        await connection.execute(
            "delete from auth.sessions where user_id = %s and id <> %s", [user.id, session_id]
        )


async def _lock_token(connection: Connection, token: str) -> Json:
    """Return the row of `token`, its session locked: refreshes of one session take turns."""
    await connection.execute(
        """select from auth.sessions where id =
             (select session_id from auth.refresh_tokens where token = %s) for update""",
        [token],
    )
    cursor = await connection.execute(
        """select id, token, user_id, session_id, revoked, updated_at
           from auth.refresh_tokens where token = %s and instance_id = %s""",
        [token, NIL],
    )
    found = await cursor.fetchone()
    if found is None:
        raise _not_found()
    return found


async def _owner(connection: Connection, token: Json) -> User:
    user = await find_by_id(connection, uuid.UUID(token["user_id"]))
    if user is None:
        raise _not_found()
    if user.is_banned:
        raise bad_request("user_banned", "Invalid Refresh Token: User Banned")
    if token["session_id"] is None:
        message = "Invalid Refresh Token: No Valid Session Found"
        raise bad_request("session_not_found", message)
    expired = await connection.execute(
        "select from auth.sessions where id = %s and not_after < now()", [token["session_id"]]
    )
    if expired.rowcount:
        raise bad_request("session_expired", "Invalid Refresh Token: Session Expired")
    return user


def _not_found() -> AuthError:
    message = "Invalid Refresh Token: Refresh Token Not Found"
    return bad_request("refresh_token_not_found", message)


async def _reusable(connection: Connection, server: AuthServer, token: Json) -> str | None:
    """Return the token that answers a used one, or nothing when it may not be used again."""
    cursor = await connection.execute(
        """select token, parent from auth.refresh_tokens
           where session_id = %s and not revoked order by id desc limit 1""",
        [token["session_id"]],
    )
    active = await cursor.fetchone()
    if active and active["parent"] == token["token"]:
        return str(active["token"])
    interval = timedelta(seconds=server.settings.reuse_interval_seconds)
    if datetime.now(UTC) > token["updated_at"] + interval:
        return None
    return await _rotate(connection, token)


async def _rotate(connection: Connection, token: Json) -> str:
    await connection.execute(
        "update auth.refresh_tokens set revoked = true, updated_at = now() where id = %s",
        [token["id"]],
    )
    owner = uuid.UUID(token["user_id"])
    return await _add_refresh_token(connection, token["session_id"], owner, token["token"])


async def _add_refresh_token(
    connection: Connection, session_id: uuid.UUID, user_id: uuid.UUID, parent: str | None = None
) -> str:
    token = "".join(secrets.choice(_TOKEN_ALPHABET) for _ in range(_TOKEN_LENGTH))
    await connection.execute(
        """insert into auth.refresh_tokens
             (instance_id, token, user_id, revoked, created_at, updated_at, parent, session_id)
           values (%s, %s, %s, false, now(), now(), %s, %s)""",
        [NIL, token, str(user_id), parent, session_id],
    )
    return token


async def _revoke_all(connection: Connection, session_id: uuid.UUID) -> None:
    await connection.execute(
        """update auth.refresh_tokens set revoked = true, updated_at = now()
           where session_id = %s and not revoked""",
        [session_id],
    )


async def _touch_session(connection: Connection, session_id: uuid.UUID, client: Client) -> None:
    await connection.execute(
        """update auth.sessions set refreshed_at = now() at time zone 'utc', updated_at = now(),
             user_agent = %s, ip = %s where id = %s""",
        [client.user_agent, client.ip, session_id],
    )


async def _answer(
    connection: Connection,
    server: AuthServer,
    user: User,
    session_id: uuid.UUID,
    refresh_token: str,
) -> Json:
    cursor = await connection.execute(
        """select authentication_method as method,
             floor(extract(epoch from updated_at))::bigint as timestamp
           from auth.mfa_amr_claims where session_id = %s order by updated_at desc""",
        [session_id],
    )
    token = access_token(server, user, session_id, await cursor.fetchall())
    return token | {"refresh_token": refresh_token, "user": user.as_json()}
