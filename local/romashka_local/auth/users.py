"""Users: the rows of `auth.users`, their JSON, and the rules of an e-mail and a phone number."""

import base64
import hashlib
import re
import uuid
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, LiteralString

from psycopg import sql
from psycopg.sql import Composed
from psycopg.types.json import Jsonb

from romashka_local.auth.errors import bad_request, database_failure
from romashka_local.auth.server import Connection, Json

NIL = uuid.UUID(int=0)
"""GoTrue's instance id: rows with another one are invisible to it."""

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_EMAIL = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")
_PHONE = re.compile(r"[1-9][0-9]{1,14}")
_ALWAYS_SHOWN = {"identities"}
_HIDDEN = {"encrypted_password"}
_RENAMED = {
    "raw_app_meta_data": "app_metadata",
    "raw_user_meta_data": "user_metadata",
    "email_change": "new_email",
    "phone_change": "new_phone",
}


@dataclass(frozen=True, slots=True)
class User:
    """A row of `auth.users`, its fields named as the columns, with the identities as JSON."""

    id: uuid.UUID
    aud: str | None
    role: str | None
    email: str | None
    encrypted_password: str | None
    email_confirmed_at: datetime | None
    invited_at: datetime | None
    phone: str | None
    phone_confirmed_at: datetime | None
    confirmation_sent_at: datetime | None
    confirmed_at: datetime | None
    recovery_sent_at: datetime | None
    email_change: str | None
    email_change_sent_at: datetime | None
    phone_change: str | None
    last_sign_in_at: datetime | None
    raw_app_meta_data: Json | None
    raw_user_meta_data: Json | None
    identities: list[Json] | None
    created_at: datetime | None
    updated_at: datetime | None
    banned_until: datetime | None
    deleted_at: datetime | None
    is_anonymous: bool

    @property
    def is_banned(self) -> bool:
        return self.banned_until is not None and datetime.now(UTC) < self.banned_until

    def as_json(self) -> Json:
        """Return the user object of the API: no null times, empty strings for e-mail and phone."""
        shown: Json = {}
        for name in _COLUMNS:
            value = getattr(self, name)
            if name in ("aud", "role", "email", "phone"):
                value = value or ""
            elif name in ("raw_app_meta_data", "raw_user_meta_data"):
                value = value or {}
            elif name in _HIDDEN or (value in (None, "") and name not in _ALWAYS_SHOWN):
                continue
            shown[_RENAMED.get(name, name)] = _plain(value)
        return shown


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, uuid.UUID) else value


_COLUMNS = tuple(column.name for column in fields(User))
_IDENTITIES = """
  (select coalesce(jsonb_agg(jsonb_build_object(
     'identity_id', i.id, 'id', i.provider_id, 'user_id', i.user_id,
     'identity_data', i.identity_data, 'provider', i.provider,
     'last_sign_in_at', i.last_sign_in_at, 'created_at', i.created_at,
     'updated_at', i.updated_at, 'email', i.email) order by i.created_at), '[]')
   from auth.identities as i where i.user_id = users.id) as identities"""


def select_users(condition: LiteralString, identities: LiteralString = _IDENTITIES) -> Composed:
    """Return the query for the users where `condition` holds."""
    columns = (
        sql.SQL(identities) if name == "identities" else sql.Identifier(name) for name in _COLUMNS
    )
    return sql.SQL("select {} from auth.users where instance_id = %(nil)s and {}").format(
        sql.SQL(", ").join(columns), sql.SQL(condition)
    )


def count_users(condition: LiteralString) -> Composed:
    """Return the query for the number of users where `condition` holds."""
    statement = "select count(*) as total from auth.users where instance_id = %(nil)s and {}"
    return sql.SQL(statement).format(sql.SQL(condition))


_BY_ID = select_users("id = %(id)s")
_BY_EMAIL = select_users("lower(email) = %(email)s and aud = %(aud)s and not is_sso_user")
_BY_PHONE = select_users("phone = %(phone)s and aud = %(aud)s and not is_sso_user")
_BY_ANY_EMAIL = select_users("""aud = %(aud)s and not is_sso_user and id <> %(except_id)s
  and (lower(email) = %(email)s or exists (
    select from auth.identities as i where i.user_id = users.id and i.email = %(email)s))
  limit 1""")


async def find_by_id(connection: Connection, user_id: uuid.UUID) -> User | None:
    return await _find(connection, _BY_ID, id=user_id)


async def find_by_email(connection: Connection, email: str, aud: str) -> User | None:
    return await _find(connection, _BY_EMAIL, email=email.lower(), aud=aud)


async def find_by_phone(connection: Connection, phone: str, aud: str) -> User | None:
    return await _find(connection, _BY_PHONE, phone=phone, aud=aud)


async def find_holder(
    connection: Connection, email: str, aud: str, except_id: uuid.UUID = NIL
) -> User | None:
    """Return another user who has `email`, as their own or in an identity."""
    return await _find(connection, _BY_ANY_EMAIL, email=email, aud=aud, except_id=except_id)


async def _find(connection: Connection, query: Composed, **parameters: Any) -> User | None:
    cursor = await connection.execute(query, {"nil": NIL, **parameters})
    row = await cursor.fetchone()
    return User(**row) if row else None


async def insert_user(connection: Connection, **columns: Any) -> User:
    """Insert a user as GoTrue does: its metadata at once, its role by an update.

    Triggers of the project run here; whatever they raise leaves as psycopg's error.
    """
    defaults = {
        "id": uuid.uuid4(),
        "instance_id": NIL,
        "role": "",
        "encrypted_password": "",
        "confirmation_token": "",
        "recovery_token": "",
        "email_change": "",
        "email_change_token_new": "",
        "created_at": datetime.now(UTC),
        "updated_at": datetime.now(UTC),
    }
    row = {name: _as_parameter(value) for name, value in (defaults | columns).items()}
    statement = sql.SQL("insert into auth.users ({}) values ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(map(sql.Placeholder, row)),
    )
    await connection.execute(statement, row)
    return await update_user(connection, row["id"], role="authenticated")


async def update_user(connection: Connection, user_id: uuid.UUID, **columns: Any) -> User:
    """Set columns of a user and return the row as it is then, after the project's triggers."""
    assignments = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in columns
    ]
    statement = sql.SQL("update auth.users set {} where id = {}").format(
        sql.SQL(", ").join([*assignments, sql.SQL("updated_at = clock_timestamp()")]),
        sql.Placeholder("user_id"),
    )
    parameters = {name: _as_parameter(value) for name, value in columns.items()}
    await connection.execute(statement, {**parameters, "user_id": user_id})
    user = await find_by_id(connection, user_id)
    if user is None:  # deleted by a trigger, or by a request that was quicker
        raise database_failure("Database error loading user")
    return user


async def erase(connection: Connection, user: User) -> None:
    """Leave nothing of a user but their id, and hashes where an address must stay unique."""
    await update_user(
        connection,
        user.id,
        email=_obscured(user.id, user.email),
        phone=(_obscured(user.id, user.phone) or "")[:15] or None,
        email_change="",
        phone_change="",
        encrypted_password=None,
        confirmation_token="",
        recovery_token="",
        raw_user_meta_data={},
        raw_app_meta_data={},
        deleted_at=datetime.now(UTC),
    )
    await connection.execute(
        """update auth.identities set identity_data = '{}', updated_at = now(),
             provider_id = encode(sha256(convert_to(id || provider_id, 'utf8')), 'hex')
           where user_id = %s""",
        [user.id],
    )


def _obscured(user_id: uuid.UUID, address: str | None) -> str | None:
    if not address:
        return None
    digest = hashlib.sha256(f"{user_id}{address}".encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _as_parameter(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict) else value


async def confirm_email(connection: Connection, user: User) -> User:
    """Mark the user's e-mail as confirmed, in the column and in the metadata."""
    return await update_user(
        connection,
        user.id,
        confirmation_token="",
        email_confirmed_at=datetime.now(UTC),
        raw_user_meta_data=merged(user.raw_user_meta_data, {"email_verified": True}),
    )


def merged(metadata: Json | None, updates: Json) -> Json:
    """Return `metadata` with `updates` over it; null removes a key."""
    if metadata is None:
        return updates
    return {
        name: value
        for name, value in (metadata | updates).items()
        if value is not None or name not in updates
    }


def valid_email(email: str) -> str:
    """Return `email` in lower case, or refuse it in GoTrue's words."""
    if len(email.encode()) > 255:
        raise bad_request("validation_failed", "An email address is too long")
    if not _EMAIL.fullmatch(email):
        raise bad_request("validation_failed", "Unable to validate email address: invalid format")
    return email.lower()


def valid_phone(phone: str) -> str:
    """Return `phone` as digits alone, or refuse it in GoTrue's words."""
    digits = phone.replace("+", "").replace(" ", "")
    if not _PHONE.fullmatch(digits):
        raise bad_request("validation_failed", "Invalid phone number format (E.164 required)")
    return digits
