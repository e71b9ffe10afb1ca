"""GoTrue's error answers, in the old shape and in the one of API version 2024-01-01."""

import logging
import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

import psycopg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

VERSION_HEADER = "X-Supabase-Api-Version"
_VERSION = "2024-01-01"
_UNEXPECTED = "Unexpected failure, please check server logs for more information"
_OWN_ERRORS = {"P0001", "23000", "23001", "23502", "23503", "23505", "23514", "23P01"}

_log = logging.getLogger("romashka.local.auth")


class AuthError(Exception):
    """A request that is refused, with GoTrue's status, code and text."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class WeakPassword(AuthError):
    """A password that misses requirements; `reasons` are `length` and `characters`."""

    def __init__(self, message: str, reasons: Sequence[str]) -> None:
        super().__init__(422, "weak_password", message)
        self.reasons = list(reasons)


class OAuthError(Exception):
    """A refusal in the shape of OAuth 2: `error` and `error_description`, status 400."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


def bad_request(code: str, message: str) -> AuthError:
    return AuthError(400, code, message)


def forbidden(code: str, message: str) -> AuthError:
    return AuthError(403, code, message)


def unprocessable(code: str, message: str) -> AuthError:
    return AuthError(422, code, message)


def database_failure(message: str) -> AuthError:
    """Return what a failing statement is answered with; raise it `from` the psycopg error."""
    return AuthError(500, "unexpected_failure", message)


def on_auth_error(request: Request, error: Exception) -> Response:
    """Answer an `AuthError`; one that a database trigger raised shows its own text, as GoTrue's."""
    assert isinstance(error, AuthError)  # noqa: S101 -- Starlette types handlers by Exception
    headers = {"x-sb-error-code": error.code}
    content: dict[str, Any]
    error_id = _logged(error.__cause__ or error) if error.status >= 500 else None
    if _is_versioned(request):
        headers[VERSION_HEADER] = _VERSION
        content = {"code": error.code, "message": error.message}
    elif isinstance(error.__cause__, psycopg.Error) and (shown := _shown(error.__cause__)):
        return shown
    else:
        content = {"code": error.status, "error_code": error.code, "msg": error.message}
        if error_id:
            content["error_id"] = error_id
    if isinstance(error, WeakPassword):
        content["weak_password"] = {"reasons": error.reasons}
    return JSONResponse(content, error.status, headers)


def on_oauth_error(request: Request, error: Exception) -> Response:
    """Answer an `OAuthError`."""
    assert isinstance(error, OAuthError)  # noqa: S101 -- Starlette types handlers by Exception
    return JSONResponse({"error": error.error, "error_description": error.description}, 400)


def on_database_error(request: Request, error: Exception) -> Response:
    """Answer a database error that no handler expected."""
    failure = AuthError(500, "unexpected_failure", _UNEXPECTED)
    failure.__cause__ = error
    return on_auth_error(request, failure)


def _is_versioned(request: Request) -> bool:
    try:
        asked = date.fromisoformat(request.headers.get(VERSION_HEADER, ""))
    except ValueError:
        return False
    return asked >= date.fromisoformat(_VERSION)


def _shown(error: psycopg.Error) -> Response | None:
    """Return the answer that quotes what the project's own triggers and constraints say."""
    code = error.sqlstate or ""
    if code in _OWN_ERRORS:
        status = 500
    elif code.startswith("PT") and code[2:].isdigit() and 400 <= int(code[2:]) <= 599:
        status = int(code[2:])
    else:
        return None
    said = {"message": error.diag.message_primary or str(error)}
    hint, detail = error.diag.message_hint, error.diag.message_detail
    optional = {name: text for name, text in (("hint", hint), ("detail", detail)) if text}
    return JSONResponse({"code": code} | said | optional, status)


def _logged(error: BaseException) -> str:
    """Log a failure without the values of its statement; return the id that the client sees."""
    error_id = str(uuid.uuid4())
    fields = {"error_id": error_id, "reason": type(error).__name__}
    if isinstance(error, psycopg.Error):
        fields |= {
            "sqlstate": error.sqlstate or "",
            "reason": error.diag.message_primary or str(error),
        }
    _log.error("auth.request_failed", extra=fields)
    return error_id
