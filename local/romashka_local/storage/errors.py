"""Storage's error answers: status 400 (500 for faults), the real status inside the body."""

import logging

import psycopg
from psycopg import errors as pg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

# What Postgres cannot hold as text or JSON: NUL, in the first place.
_NO_TEXT = (pg.CharacterNotInRepertoire, pg.UntranslatableCharacter)
_log = logging.getLogger("romashka.local.storage")


class StorageError(Exception):
    """A request that is refused, with Storage's status, code, older error name and message."""

    def __init__(self, status: int, code: str, message: str, error: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.error = error or code


def bucket_not_found() -> StorageError:
    return StorageError(404, "NoSuchBucket", "Bucket not found", "Bucket not found")


def invalid_bucket_name() -> StorageError:
    return StorageError(400, "InvalidBucketName", "Bucket name invalid", "Invalid Input")


def object_not_found() -> StorageError:
    return StorageError(404, "NoSuchKey", "Object not found", "not_found")


def access_denied(message: str = "Access denied") -> StorageError:
    return StorageError(403, "AccessDenied", message, "Unauthorized")


def invalid_request(message: str) -> StorageError:
    return StorageError(400, "InvalidRequest", message, "Error")


def too_large() -> StorageError:
    message = "The object exceeded the maximum allowed size"
    return StorageError(413, "EntityTooLarge", message, "Payload too large")


def invalid_mime_type(mime_type: str) -> StorageError:
    message = f"mime type {mime_type} is not supported"
    return StorageError(415, "InvalidMimeType", message, "invalid_mime_type")


def on_storage_error(request: Request, error: Exception) -> Response:
    """Answer a `StorageError`."""
    assert isinstance(error, StorageError)  # noqa: S101 -- Starlette types handlers by Exception
    content = {
        "statusCode": str(error.status),
        "error": error.error,
        "message": error.message,
        "code": error.code,
    }
    return JSONResponse(content, 500 if error.status == 500 else 400)


def on_database_error(request: Request, error: Exception) -> Response:
    """Answer what the database said, policies above all."""
    assert isinstance(error, psycopg.Error)  # noqa: S101 -- Starlette types handlers by Exception
    return on_storage_error(request, _from_database(error))


def _from_database(error: psycopg.Error) -> StorageError:
    message = error.diag.message_primary or ""
    match error:
        case pg.InsufficientPrivilege():
            hidden = "new row violates row-level security policy"
            return access_denied(hidden if "row-level security" in message else message)
        case pg.UniqueViolation():
            existing = "The resource already exists"
            return StorageError(409, "ResourceAlreadyExists", existing, "Duplicate")
        case pg.ForeignKeyViolation():
            return StorageError(404, "InvalidRequest", "The related resource does not exist")
        case pg.QueryCanceled():
            slow = "The connection to the database timed out"
            return StorageError(544, "DatabaseTimeout", slow)
        case pg.InvalidTextRepresentation():
            return StorageError(400, "InvalidParameter", message)
        case psycopg.DataError() if error.sqlstate is None or isinstance(error, _NO_TEXT):
            return StorageError(400, "InvalidParameter", "Invalid Parameter value")
    _log.error("storage.request_failed", extra={"sqlstate": error.sqlstate, "reason": message})
    return StorageError(500, "DatabaseError", f"database error, code: {error.sqlstate}")
