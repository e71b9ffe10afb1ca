"""Passwords: the strength rules, and bcrypt outside the event loop."""

import asyncio
import re

import bcrypt

from romashka_local.auth.errors import WeakPassword, bad_request
from romashka_local.auth.settings import Settings

_COST = 10
_MAX_BYTES = 72
_BCRYPT_HASH = re.compile(r"\$2[abxy]?\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}")


def check_strength(password: str, settings: Settings) -> None:
    """Raise what GoTrue would say against `password`: too long (400) or weak (422)."""
    size = len(password.encode())
    if size > _MAX_BYTES:
        raise bad_request(
            "validation_failed", f"Password cannot be longer than {_MAX_BYTES} characters"
        )
    faults: dict[str, str] = {}
    if size < settings.minimum_password_length:
        minimum = settings.minimum_password_length
        faults["length"] = f"Password should be at least {minimum} characters."
    if any(not set(wanted) & set(password) for wanted in settings.required_characters):
        wanted_sets = ", ".join(settings.required_characters)
        faults["characters"] = (
            f"Password should contain at least one character of each: {wanted_sets}."
        )
    if faults:
        raise WeakPassword(" ".join(faults.values()), list(faults))


async def hash_password(password: str) -> str:
    """Return the bcrypt hash of `password`; one over 72 bytes is refused (400)."""
    encoded = password.encode()
    if len(encoded) > _MAX_BYTES:
        raise bad_request("validation_failed", "bcrypt: password length exceeds 72 bytes")
    hashed = await asyncio.to_thread(bcrypt.hashpw, encoded, bcrypt.gensalt(_COST))
    return hashed.decode()


async def matches(password: str, hashed: str | None) -> bool:
    """Return whether `password` is the one that `hashed` was made from."""
    encoded = password.encode()
    if not hashed or len(encoded) > _MAX_BYTES or not is_bcrypt_hash(hashed):
        return False
    return await asyncio.to_thread(bcrypt.checkpw, encoded, hashed.encode())


def is_bcrypt_hash(text: str) -> bool:
    return _BCRYPT_HASH.fullmatch(text) is not None
