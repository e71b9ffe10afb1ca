"""The fields that an admin may set on a user, checked before anything is written."""

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from romashka_local.auth.body import Body
from romashka_local.auth.errors import AuthError, bad_request
from romashka_local.auth.passwords import is_bcrypt_hash
from romashka_local.auth.server import Json
from romashka_local.auth.users import NIL, valid_email, valid_phone

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST_SECONDS = 2562047 * 3600.0  # what a duration of Go can hold: 292 years
NOT_BANNED = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AdminFields:
    """The body of `POST` and `PUT /admin/users`."""

    id: uuid.UUID | None
    aud: str
    role: str
    email: str
    phone: str
    password: str | None
    password_hash: str
    email_confirm: bool
    phone_confirm: bool
    user_metadata: Json | None
    app_metadata: Json | None
    banned_until: datetime | None
    """None leaves it as it is; `NOT_BANNED` lifts a ban."""


def read_fields(body: Body) -> AdminFields:
    """Return the fields of `body`; raise GoTrue's `validation_failed` for a bad one."""
    email, phone = body.text("email"), body.text("phone")
    password_hash = body.text("password_hash")
    if password_hash and body.optional_text("password") is not None:
        raise _invalid("Only a password or a password hash should be provided")
    if password_hash and not is_bcrypt_hash(password_hash):
        raise _invalid("Only password hashes of bcrypt are supported")
    return AdminFields(
        id=_read_id(body.text("id")),
        aud=body.text("aud"),
        role=body.text("role").strip(),
        email=valid_email(email) if email else "",
        phone=valid_phone(phone) if phone else "",
        password=body.optional_text("password"),
        password_hash=password_hash,
        email_confirm=body.flag("email_confirm"),
        phone_confirm=body.flag("phone_confirm"),
        user_metadata=body.object("user_metadata"),
        app_metadata=body.object("app_metadata"),
        banned_until=_ban_end(body.text("ban_duration")),
    )


def _read_id(text: str) -> uuid.UUID | None:
    if not text:
        return None
    try:
        given = uuid.UUID(text)
    except ValueError as error:
        raise _invalid("ID must conform to the uuid v4 format") from error
    if given == NIL:
        raise _invalid("ID cannot be a nil uuid")
    return given


def _ban_end(text: str) -> datetime | None:
    if not text:
        return None
    seconds = 0.0 if text in ("none", "0") else _duration_seconds(text)
    return datetime.now(UTC) + timedelta(seconds=seconds) if seconds else NOT_BANNED


def _duration_seconds(text: str) -> float:
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise _invalid(f'invalid format for ban duration: time: invalid duration "{text}"')
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if seconds > _LONGEST_SECONDS:
        raise _invalid(f'invalid format for ban duration: time: invalid duration "{text}"')
    return seconds


def _invalid(message: str) -> AuthError:
    return bad_request("validation_failed", message)
