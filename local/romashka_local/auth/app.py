"""The auth server: its routes, and the pool that they use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from romashka_local.auth import account, admin, errors, grants, signup
from romashka_local.auth.server import AuthServer, Connection, server_of
from romashka_local.auth.settings import read_settings
from romashka_local.auth.unavailable import unavailable_routes
from romashka_local.config import StackConfig

_POOL_SIZE = 8
_PROVIDERS = (
    "apple azure bitbucket discord facebook snapchat figma fly github gitlab google keycloak kakao"
    " linkedin linkedin_oidc notion spotify slack slack_oidc workos twitch twitter phone zoom"
).split()


@asynccontextmanager
async def open_auth(config: StackConfig) -> AsyncIterator[ASGIApp]:
    """Run the auth server of a stack.

    Raises:
        StackError: `[auth]` of `config.toml` cannot be used; the message says what is wrong.
    """
    settings = read_settings(config)
    pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
        config.database_url("supabase_auth_admin"),
        connection_class=AsyncConnection,
        kwargs={"row_factory": dict_row, "options": "-c timezone=UTC"},
        min_size=1,
        max_size=_POOL_SIZE,
        open=False,
        check=AsyncConnectionPool.check_connection,  # connections end with a reset database
        name="auth",
    )
    async with pool:
        yield _application(AuthServer(settings, config.keys, pool))


def _application(server: AuthServer) -> Starlette:
    application = Starlette(
        routes=_routes(),
        exception_handlers={
            errors.AuthError: errors.on_auth_error,
            errors.OAuthError: errors.on_oauth_error,
            psycopg.Error: errors.on_database_error,
            HTTPException: _on_unknown_route,
            ClientDisconnect: _on_client_gone,
        },
    )
    # The gateway strips a prefix, so that a redirect to another path would lead elsewhere.
    application.router.redirect_slashes = False
    application.state.server = server
    return application


def _routes() -> list[Route]:
    user = "/admin/users/{user_id}"
    return [
        Route("/health", _health),
        Route("/settings", _settings),
        Route("/.well-known/jwks.json", _jwks),
        Route("/signup", signup.sign_up, methods=["POST"]),
        Route("/token", grants.grant_token, methods=["POST"]),
        Route("/logout", account.sign_out, methods=["POST"]),
        Route("/user", account.read_user),
        Route("/user", account.change_user, methods=["PUT"]),
        Route("/admin/users", admin.list_users),
        Route("/admin/users", admin.create_user, methods=["POST"]),
        Route(user, admin.read_user),
        Route(user, admin.update_user, methods=["PUT"]),
        Route(user, admin.delete_user, methods=["DELETE"]),
        Route(f"{user}/factors", admin.list_factors),
        *unavailable_routes(),
    ]


async def _health(request: Request) -> Response:
    description = "GoTrue is a user registration and authentication API"
    return JSONResponse({"version": "local", "name": "GoTrue", "description": description})


async def _settings(request: Request) -> Response:
    settings = server_of(request).settings
    offered = {"anonymous_users": settings.anonymous_enabled, "email": settings.email_enabled}
    return JSONResponse(
        {
            "external": offered | dict.fromkeys(_PROVIDERS, False),
            "disable_signup": not settings.signup_enabled,
            "mailer_autoconfirm": settings.autoconfirm,
            "phone_autoconfirm": False,
            "sms_provider": "",
            "saml_enabled": False,
            "passkeys_enabled": False,
        }
    )


async def _jwks(request: Request) -> Response:
    """Answer with no keys: the one secret is symmetric, and those are never shown."""
    return JSONResponse({"keys": []}, headers={"Cache-Control": "public, max-age=600"})


def _on_client_gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it


def _on_unknown_route(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 405:
        return Response(status_code=405)
    return PlainTextResponse("404 page not found\n", status_code=404)
