"""Who a request comes from: the role and the claims of its JWT."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt

from romashka_local.rest.errors import RestError

ANONYMOUS_ROLE = "anon"
_SKEW_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Identity:
    role: str
    claims: str
    """As JSON; always with the role."""

    @property
    def is_anonymous(self) -> bool:
        return self.role == ANONYMOUS_ROLE


def identify(authorization: str | None, secret: str) -> Identity:
    """Return whose request it is; without a token it is nobody's in particular.

    Raises:
        RestError: PGRST301, the token is none of ours; PGRST303, it does not hold now.
    """
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer":
        return _identity({})
    claims = _decoded(token.strip(), secret)
    _check_times(claims, time.time())
    return _identity(claims)


def _identity(claims: Mapping[str, Any]) -> Identity:
    role = claims.get("role", ANONYMOUS_ROLE)
    role = role if isinstance(role, str) else json.dumps(role)
    return Identity(role, json.dumps({**claims, "role": role}, separators=(",", ":")))


@lru_cache(maxsize=1024)
def _decoded(token: str, secret: str) -> Mapping[str, Any]:
    """Return the claims of a token that `secret` signed; clients send the same one many times."""
    parts = token.count(".") + 1
    if not token:
        raise _refused("Empty JWT is sent in Authorization header")
    if parts != 3:
        raise _refused(f"Expected 3 parts in JWT; got {parts}")
    try:
        # The times are checked apart: PostgREST words each of them.
        options: Any = {"verify_signature": True, "verify_aud": False, "require": []}
        options |= dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat"), False)
        options |= dict.fromkeys(("verify_iss", "verify_sub", "verify_jti"), False)
        claims: Mapping[str, Any] = jwt.decode(token, secret, algorithms=["HS256"], options=options)
        return claims
    except jwt.InvalidAlgorithmError as error:
        raise _refused("Wrong or unsupported encoding algorithm") from error
    except jwt.InvalidSignatureError as error:
        details = "None of the keys was able to decode the JWT"
        raise _refused("No suitable key or wrong key type", details) from error
    except jwt.PyJWTError as error:
        raise _refused("JWT cryptographic operation failed") from error


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    exp, nbf, iat = (_number(claims, name) for name in ("exp", "nbf", "iat"))
    if exp is not None and now - _SKEW_SECONDS > exp:
        raise _not_valid("JWT expired")
    if nbf is not None and now + _SKEW_SECONDS < nbf:
        raise _not_valid("JWT not yet valid")
    if iat is not None and now + _SKEW_SECONDS < iat:
        raise _not_valid("JWT issued at future")


def _number(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _not_valid(f"The JWT '{name}' claim must be a number")
    return value


def _refused(message: str, details: str | None = None) -> RestError:
    return RestError(401, "PGRST301", message, details, headers=_challenge(message))


def _not_valid(message: str) -> RestError:
    return RestError(401, "PGRST303", message, headers=_challenge(message))


def _challenge(message: str) -> dict[str, str]:
    described = f'Bearer error="invalid_token", error_description="{message}"'
    return {"WWW-Authenticate": described}
