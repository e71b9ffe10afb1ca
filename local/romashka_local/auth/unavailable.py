"""The routes that need mail, SMS or another provider: GoTrue's refusals when they are off."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from romashka_local.auth.body import read_body
from romashka_local.auth.errors import AuthError
from romashka_local.auth.server import server_of
from romashka_local.auth.tokens import require_admin, require_user
from romashka_local.auth.users import valid_phone

_NO_MAIL = (422, "email_provider_disabled", "This local stack sends no mail")
_NO_PROVIDER = (400, "validation_failed", "Unsupported provider: provider is not enabled")
_NO_FACTOR = (422, "mfa_totp_enroll_not_enabled", "MFA enroll is disabled for TOTP")
_NO_LINKING = (404, "manual_linking_disabled", "Manual linking is disabled")
_NO_SAML = (404, "saml_provider_disabled", "SAML 2.0 is disabled")
_NO_PASSKEYS = (404, "passkey_disabled", "Passkeys are disabled")

_PUBLIC = {
    "/recover": _NO_MAIL,
    "/magiclink": _NO_MAIL,
    "/resend": _NO_MAIL,
    "/otp": (422, "otp_disabled", "Signups not allowed for otp"),
    "/authorize": _NO_PROVIDER,
    "/callback": _NO_PROVIDER,
    "/sso": _NO_SAML,
    "/sso/{rest:path}": _NO_SAML,
    "/passkeys": _NO_PASSKEYS,
    "/passkeys/{rest:path}": _NO_PASSKEYS,
    "/oauth/{rest:path}": (404, "feature_disabled", "OAuth server is disabled"),
}
_SIGNED_IN = {
    "/reauthenticate": _NO_MAIL,
    "/user/identities/{rest:path}": _NO_LINKING,
    "/factors": _NO_FACTOR,
    "/factors/{rest:path}": (404, "mfa_factor_not_found", "Factor not found"),
}
_ADMIN = {
    "/invite": _NO_MAIL,
    "/admin/generate_link": _NO_MAIL,
    "/admin/users/{user_id}/factors/{factor_id}": (404, "mfa_factor_not_found", "Factor not found"),
    "/admin/sso/{rest:path}": _NO_SAML,
    "/admin/oauth/{rest:path}": (404, "feature_disabled", "OAuth server is disabled"),
    "/admin/custom-providers": (404, "feature_disabled", "Custom providers are disabled"),
}
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def unavailable_routes() -> list[Route]:
    """Return the routes that refuse; the caller's rights are checked first, as GoTrue does."""
    tables = ((_PUBLIC, None), (_SIGNED_IN, require_user), (_ADMIN, require_admin))
    return [
        Route("/verify", _verify, methods=["GET", "POST"]),
    ] + [
        Route(path, _refusing(refusal, check), methods=_METHODS)
        for table, check in tables
        for path, refusal in table.items()
    ]


def _refusing(
    refusal: tuple[int, str, str], check: Callable[..., Awaitable[object]] | None
) -> Callable[[Request], Awaitable[Response]]:
    async def refuse(request: Request) -> Response:
        if check is not None:
            async with server_of(request).pool.connection() as connection:
                await check(request, connection)
        raise AuthError(*refusal)

    return refuse


async def _verify(request: Request) -> Response:
    """Answer as for a code that was never sent, because none is."""
    if request.method == "POST" and (phone := (await read_body(request)).text("phone")):
        valid_phone(phone)
        raise AuthError(403, "otp_expired", "Token has expired or is invalid")
    raise AuthError(403, "otp_expired", "Email link is invalid or has expired")
