"""Identities: the ways in which a user can sign in, rows of `auth.identities`."""

from psycopg.types.json import Jsonb

from romashka_local.auth.server import Connection, Json
from romashka_local.auth.users import User, update_user


async def add_identity(
    connection: Connection, user: User, provider: str, claims: Json, extra: Json | None = None
) -> User:
    """Give `user` an identity of `provider`, and name the provider in the app metadata."""
    data = {"sub": str(user.id), "email_verified": False, "phone_verified": False} | claims
    data = (extra or {}) | data
    await connection.execute(
        """insert into auth.identities (id, provider_id, user_id, identity_data, provider,
             last_sign_in_at, created_at, updated_at)
           values (gen_random_uuid(), %s, %s, %s, %s, now(), clock_timestamp(), now())""",
        [str(user.id), user.id, Jsonb(data), provider],
    )
    cursor = await connection.execute(
        """select provider from auth.identities where user_id = %s
           group by provider order by min(created_at), provider""",
        [user.id],
    )
    providers = [row["provider"] for row in await cursor.fetchall()]
    named = {"provider": providers[0], "providers": providers}
    metadata = (user.raw_app_meta_data or {}) | named
    return await update_user(connection, user.id, raw_app_meta_data=metadata)


async def set_identity(connection: Connection, user: User, provider: str, claims: Json) -> User:
    """Merge `claims` into the user's identity of `provider`, or make one of them."""
    if all(identity["provider"] != provider for identity in user.identities or ()):
        return await add_identity(connection, user, provider, claims)
    await connection.execute(
        """update auth.identities set identity_data = identity_data || %s, updated_at = now()
           where user_id = %s and provider = %s""",
        [Jsonb(claims), user.id, provider],
    )
    return user
