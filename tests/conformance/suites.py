"""The suites that supabase-py keeps for its clients: what each needs, what cannot apply."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import jwt

from tests.support.stacks import RunningStack

Overrides = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Suite:
    """One folder of tests, run against one or more stacks."""

    folder: str
    tests: str
    schema: tuple[str, ...] = ()
    """SQL files of the suite, applied as `postgres`."""
    stacks: Mapping[str, str] = field(default_factory=lambda: {"default": ""})
    """The stacks that it wants, by name, with what their `config.toml` says beside the defaults."""
    constants: Callable[[Mapping[str, RunningStack]], Overrides] = lambda stacks: {}
    environment: Callable[[Mapping[str, RunningStack]], Overrides] = lambda stacks: {}
    not_applicable: Mapping[str, str] = field(default_factory=dict)
    """What is left out, by a part of the test's id, with the reason."""
    options: tuple[str, ...] = ()


def _auth_constants(stacks: Mapping[str, RunningStack]) -> Overrides:
    secret = stacks["default"].jwt_secret
    return {
        "GOTRUE_URL_SIGNUP_ENABLED_AUTO_CONFIRM_ON": f"{stacks['default'].api_url}/auth/v1",
        "GOTRUE_URL_SIGNUP_ENABLED_AUTO_CONFIRM_OFF": f"{stacks['confirm'].api_url}/auth/v1",
        "GOTRUE_URL_SIGNUP_DISABLED_AUTO_CONFIRM_OFF": f"{stacks['closed'].api_url}/auth/v1",
        "GOTRUE_JWT_SECRET": secret,
        "AUTH_ADMIN_JWT": jwt.encode({"sub": "1234567890", "role": "supabase_admin"}, secret),
        "SECRET_KEY_JWT": jwt.encode({"role": "service_role"}, secret),
    }


SUITES = {
    "postgrest": Suite(
        folder="src/postgrest",
        tests="tests",
        schema=("infra/init.sql",),
        constants=lambda stacks: {"REST_URL": f"{stacks['default'].api_url}/rest/v1"},
        not_applicable={
            "explain": "compares plans of PostgREST's own SQL, and plans are off",
        },
    ),
    "realtime": Suite(
        folder="src/realtime",
        tests="tests",
        schema=("infra/supabase/migrations/20240810125543_init.sql", "infra/supabase/seed.sql"),
        environment=lambda stacks: {
            "SUPABASE_URL": stacks["default"].api_url,
            "SUPABASE_PUBLISHABLE_KEY": stacks["default"].anon_key,
        },
        options=("-o", "asyncio_mode=auto"),
    ),
    "auth": Suite(
        folder="src/auth",
        tests="tests",
        stacks={
            "default": "",
            "confirm": "email.enable_confirmations = true",
            "closed": "enable_signup = false\nemail.enable_confirmations = true",
        },
        constants=_auth_constants,
        not_applicable={
            "asymmetric or jwks_ttl": "needs a stack that signs with RS256; ours has HS256",
            "mfa or list_factors": "multi-factor sign-in: the stack answers that it is off",
            "oauth_client": "the OAuth server: the stack answers that it is off",
            "resend or reauthenticate or reset_password": "the stack sends no mail",
            "generate_link or invite_user": "the stack sends no mail",
            "modify_confirm_email": "two Auth servers with different settings on one database",
        },
    ),
}
