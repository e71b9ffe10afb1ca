"""Check the JSON web tokens that sockets, channels and requests carry, and say what is wrong."""

import math
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import jwt
from jwt.types import Options

# The claims are checked as the original checks them, below.
_ONLY_SIGNATURE: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


class InvalidToken(Exception):
    """A token that opens nothing.

    `code` and `text` are what a channel is told, `handshake_text` what a refused socket is told.
    """

    def __init__(self, code: str, text: str, handshake_text: str | None = None) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.handshake_text = handshake_text or text


@dataclass(frozen=True, slots=True)
class Token:
    """A token whose signature and dates were right when it was checked."""

    raw: str
    claims: dict[str, Any]
    role: str
    expires_at: int

    def seconds_left(self) -> float:
        """Return how long the token is still valid."""
        return max(0.0, self.expires_at - time.time())


def verify(raw: str, secret: str) -> Token:
    """Return the token of `raw`.

    Raises:
        InvalidToken: it is malformed, expired, signed by somebody else, or lacks `role` or `exp`.
    """
    cleaned = "".join(unquote(raw).split())
    claims = _signed_claims(cleaned, secret)
    for name in ("exp", "iat"):
        if name in claims:
            claims[name] = _date(claims[name])
    _check_dates(claims)
    if "role" not in claims or "exp" not in claims:
        raise InvalidToken("InvalidJWTToken", "Fields `role` and `exp` are required in JWT")
    return Token(raw, claims, str(claims["role"]), claims["exp"])


def _signed_claims(raw: str, secret: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            raw, secret, algorithms=["HS256"], options=_ONLY_SIGNATURE
        )
    except jwt.InvalidSignatureError:
        raise InvalidToken("JwtSignatureError", "Failed to validate JWT signature") from None
    except jwt.InvalidAlgorithmError:
        text = "Failed to generate JWT signer, check your JWT secret or JWKS configuration"
        raise InvalidToken("JwtSignerError", text) from None
    except (jwt.InvalidTokenError, ValueError):
        raise _malformed() from None
    return claims


def _date(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _malformed()
    return round(value)


def _check_dates(claims: dict[str, Any]) -> None:
    now = int(time.time())
    if "exp" in claims and claims["exp"] <= now:
        text = f"Token has expired {now - claims['exp']} seconds ago"
        raise InvalidToken("InvalidJWTToken", text, "Token has expired")


def _malformed() -> InvalidToken:
    return InvalidToken("MalformedJWT", "The token provided is not a valid JWT")
