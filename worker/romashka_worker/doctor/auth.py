"""Auth as doctor sees it: who may come in, and is an address known to be its owner's?"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
from romashka._client import tls_context

from romashka_worker.doctor.finding import Finding
from romashka_worker.settings import Settings

_SECONDS = 10.0


async def look_at_sign_up(settings: Settings) -> Finding:
    """Ask Auth whether an account's address is known to be its owner's."""
    try:
        is_unasked = bool((await _told(settings))["mailer_autoconfirm"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        return _does_not_tell("sign-up", error, settings)
    if is_unasked:
        return Finding.warning(
            "sign-up",
            "addresses are not confirmed: email_confirmed_at proves nothing here",
            "confirm them: Dashboard, Authentication, Sign In / Providers, Email;"
            " in config.toml: [auth.email] enable_confirmations = true",
        )
    return Finding.ok("sign-up", "addresses are confirmed by a mail")


async def look_at_sign_in(settings: Settings, *, has_visitors: bool) -> Finding:
    """Ask Auth whether a visitor can get a session, without which nobody writes.

    Where customers have written, by accounts of their own, that may be as it is meant.
    """
    try:
        told = await _told(settings)
        is_closed, is_anonymous = (
            bool(told["disable_signup"]),
            bool(told["external"]["anonymous_users"]),
        )
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        return _does_not_tell("sign-in", error, settings)
    kind = Finding.warning if has_visitors else Finding.problem
    if is_closed:
        says = "sign-ups are off: no new visitor can write"
        return kind("sign-in", says, _fix_of_sign_ups(settings.supabase_url))
    if not is_anonymous:
        says = "anonymous sign-ins are off: visitors without an account cannot write"
        return kind("sign-in", says, _fix_of_anonymous(settings.supabase_url))
    return Finding.ok("sign-in", "visitors sign in anonymously")


def _fix_of_anonymous(url: str) -> str:
    return _fix(
        url,
        "allow anonymous sign-ins",
        "enable_anonymous_sign_ins = true",
        "GOTRUE_EXTERNAL_ANONYMOUS_USERS_ENABLED=true (ENABLE_ANONYMOUS_USERS=true in docker/.env)",
    )


def _fix_of_sign_ups(url: str) -> str:
    return _fix(
        url,
        "allow new users to sign up",
        "enable_signup = true",
        "GOTRUE_DISABLE_SIGNUP=false (DISABLE_SIGNUP=false in docker/.env)",
    )


def _fix(url: str, on_dashboard: str, in_config: str, in_environment: str) -> str:
    """Return what switches it on: hosted, on this machine, or on a server of one's own."""
    host = urlsplit(url).hostname or ""
    if re.search(r"\.supabase\.(?:co|in|net)$", host):
        return f"Dashboard, Authentication, Sign In / Providers: {on_dashboard}"
    if host in ("127.0.0.1", "localhost", "::1"):
        return f"in supabase/config.toml: [auth] {in_config}; then start the stack again"
    return f"in the environment of Auth: {in_environment}; then start it again"


async def _told(settings: Settings) -> Mapping[str, Any]:
    key = settings.supabase_key.get_secret_value()
    async with httpx.AsyncClient(verify=tls_context(), timeout=_SECONDS) as http:
        response = await http.get(_address(settings), headers={"apikey": key})
        told: Mapping[str, Any] = response.raise_for_status().json()
    return told


def _does_not_tell(name: str, error: Exception, settings: Settings) -> Finding:
    says = f"Auth does not tell its settings: {type(error).__name__}"
    key = '-H "apikey: $SUPABASE_SERVICE_ROLE_KEY"'
    return Finding.warning(name, says, f"curl -i {key} {_address(settings)}")


def _address(settings: Settings) -> str:
    return f"{settings.supabase_url.rstrip('/')}/auth/v1/settings"
