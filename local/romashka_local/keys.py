"""The keys of a local stack: the Supabase CLI's well-known ones, and what is signed with them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import jwt

# No secrets: the Supabase CLI gives each local project these, and frontends made for it carry them.
DEFAULT_JWT_SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"  # noqa: S105 -- see above
PUBLISHABLE_KEY = "sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH"
SECRET_KEY = "sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz"  # noqa: S105 -- see above
_KEYS_EXPIRE_AT = 1983812996


@dataclass(frozen=True)
class Keys:
    """The signing secret of a stack and the API keys that follow from it."""

    jwt_secret: str = DEFAULT_JWT_SECRET
    publishable_key: str = PUBLISHABLE_KEY
    secret_key: str = SECRET_KEY

    @cached_property
    def anon_key(self) -> str:
        return self._api_key("anon")

    @cached_property
    def service_role_key(self) -> str:
        return self._api_key("service_role")

    def _api_key(self, role: Literal["anon", "service_role"]) -> str:
        return self.sign({"iss": "supabase-demo", "role": role, "exp": _KEYS_EXPIRE_AT})

    def sign(self, claims: dict[str, Any]) -> str:
        """Return `claims` as a token signed with HS256, its members in the order given."""
        return jwt.encode(claims, self.jwt_secret, algorithm="HS256", headers={"typ": "JWT"})

    def verify(self, token: str) -> dict[str, Any]:
        """Return the claims of a token that `sign` made and that holds now.

        Only the signature and the times count: API keys have neither audience nor subject.

        Raises:
            jwt.InvalidTokenError: it is no token, another's, not yet valid or expired.
        """
        return jwt.decode(
            token,
            self.jwt_secret,
            algorithms=["HS256"],
            options={
                "verify_aud": False,
                "verify_iat": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
