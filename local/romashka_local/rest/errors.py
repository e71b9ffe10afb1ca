"""The errors of the REST server: PostgREST's codes and texts, and what SQLSTATEs mean in HTTP."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout

_LONGEST_COMPARED = 200


@dataclass(eq=False)
class RestError(Exception):
    """An answer that is an error: an HTTP status and PostgREST's four members."""

    status: int
    code: str
    message: str
    details: Any = None
    hint: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        members = {
            "code": self.code,
            "details": self.details,
            "hint": self.hint,
            "message": self.message,
        }
        return json.dumps(members, ensure_ascii=False).encode("utf-8", "replace")


def unparsable(message: str, details: str) -> RestError:
    return RestError(400, "PGRST100", message, details)


def bad_body(message: str) -> RestError:
    return RestError(400, "PGRST102", message)


def bad_range(details: str) -> RestError:
    return RestError(416, "PGRST103", "Requested range not satisfiable", details)


def offset_out_of_bounds(offset: int, total: int) -> RestError:
    return bad_range(f"An offset of {offset} was requested, but there are only {total} rows.")


def unknown_schema(name: str, exposed: Sequence[str]) -> RestError:
    hint = f"Only the following schemas are exposed: {', '.join(exposed)}"
    return RestError(406, "PGRST106", f"Invalid schema: {name}", hint=hint)


def not_acceptable(media_types: Iterable[str]) -> RestError:
    wanted = ", ".join(media_types)
    return RestError(406, "PGRST107", f"None of these media types are available: {wanted}")


def not_embedded(name: str) -> RestError:
    return RestError(
        400,
        "PGRST108",
        f"'{name}' is not an embedded resource in this request",
        hint=f"Verify that '{name}' is included in the 'select' query parameter.",
    )


def not_singular(rows: int) -> RestError:
    message = "Cannot coerce the result to a single JSON object"
    return RestError(406, "PGRST116", message, f"The result contains {rows} rows")


def max_affected_exceeded(rows: int) -> RestError:
    message = "Query result exceeds max-affected preference constraint"
    return RestError(400, "PGRST124", message, f"The query affects {rows} rows")


def unfiltered(command: str) -> RestError:
    return RestError(400, "21000", f"{command} requires a WHERE clause")


def unknown_table(schema: str, name: str, tables: Iterable[str]) -> RestError:
    close = closest(name, tables, at_least=0.75)
    return RestError(
        404,
        "PGRST205",
        f"Could not find the table '{schema}.{name}' in the schema cache",
        hint=close and f"Perhaps you meant the table '{schema}.{close}'",
    )


def unknown_column(table: str, column: str) -> RestError:
    message = f"Could not find the '{column}' column of '{table}' in the schema cache"
    return RestError(400, "PGRST204", message)


def closest(word: str, candidates: Iterable[str], *, at_least: float) -> str | None:
    """Return the candidate most like `word`, for hints; 1.0 is the same."""
    scored = [(_likeness(word.lower(), each.lower()), each) for each in sorted(candidates)]
    score, best = max(scored, default=(0.0, ""))
    return best if score >= at_least else None


def _likeness(one: str, other: str) -> float:
    """Return how much of the longer word stays when one is edited into the other."""
    longest = max(len(one), len(other))
    if longest == 0 or longest > _LONGEST_COMPARED:
        return 0.0
    distances = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        previous, distances[0] = distances[0], row
        for number, counterpart in enumerate(other, 1):
            replaced = previous + (letter != counterpart)
            previous = distances[number]
            distances[number] = min(replaced, previous + 1, distances[number - 1] + 1)
    return 1 - distances[-1] / longest


def from_database(error: psycopg.Error, *, is_anonymous: bool) -> RestError:
    """Return what PostgREST answers when Postgres refuses a request with `error`."""
    if isinstance(error, PoolTimeout):
        message = "Timed out acquiring connection from connection pool."
        return RestError(504, "PGRST003", message)
    if error.sqlstate is None:
        return _from_client(error)
    diagnostic = error.diag
    message = diagnostic.message_primary or ""
    if error.sqlstate == "PGRST":
        return _from_raise(message, diagnostic.message_detail)
    status = _status_of(error.sqlstate, message, is_anonymous=is_anonymous)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return RestError(
        status,
        error.sqlstate,
        message,
        diagnostic.message_detail,
        diagnostic.message_hint,
        headers,
    )


def _from_client(error: psycopg.Error) -> RestError:
    """Return the error for a statement that never reached the server, or lost it."""
    if isinstance(
        error, psycopg.DataError
    ):  # a NUL character: the driver refuses what Postgres would
        return RestError(400, "22021", 'invalid byte sequence for encoding "UTF8": 0x00')
    return RestError(503, "PGRST001", "Database client error. Retrying the connection.")


_STATUS_BY_STATE = {
    "23503": 409,
    "23505": 409,
    "25006": 405,
    "53400": 500,
    "57P01": 503,
    "P0001": 400,
    "42P01": 404,
    "42P17": 500,
}
_STATUS_BY_CLASS = {
    "08": 503,
    "0L": 403,
    "0P": 403,
    "28": 403,
    "53": 503,
} | dict.fromkeys(
    ("09", "25", "2D", "38", "39", "3B", "40", "54", "55", "57", "58", "F0", "HV", "P0", "XX"), 500
)


def _status_of(state: str, message: str, *, is_anonymous: bool) -> int:
    if state == "42501":
        return 401 if is_anonymous else 403
    if state == "21000":
        return 400 if message.endswith("requires a WHERE clause") else 500
    if state == "22023" and message.startswith("role") and message.endswith("does not exist"):
        return 401
    if state == "42883":
        return 406 if message.startswith("function xmlagg(") else 404
    if state.startswith("PT"):
        return _http_status(state[2:]) or 500
    return _STATUS_BY_STATE.get(state) or _STATUS_BY_CLASS.get(state[:2], 400)


def _http_status(digits: str) -> int | None:
    return int(digits) if re.fullmatch("[2-5][0-9]{2}", digits) else None


def _from_raise(message: str, detail: str | None) -> RestError:
    """Return the answer that a function composed with `raise sqlstate 'PGRST'`."""
    try:
        members = _object(message, {"code", "message"})
    except ValueError:
        return _bad_raise(
            f"Invalid JSON value for MESSAGE: '{message}'",
            "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional"
            " keys: 'details', 'hint'.",
        )
    obligatory = (
        "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional"
        " key: 'status_text'."
    )
    if detail is None:
        return _bad_raise("DETAIL is missing in the RAISE statement", obligatory)
    try:
        response = _object(detail, {"status", "headers"})
        status = _http_status(str(response["status"])) or 500
        headers = {str(name): str(value) for name, value in response["headers"].items()}
    except (ValueError, AttributeError):
        return _bad_raise(f"Invalid JSON value for DETAIL: '{detail}'", obligatory)
    code, text = str(members["code"]), str(members["message"])
    return RestError(status, code, text, members.get("details"), members.get("hint"), headers)


def _object(text: str, obligatory: set[str]) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict) or not obligatory <= value.keys():
        raise ValueError("not an object with the obligatory keys")
    return value


def _bad_raise(details: str, hint: str) -> RestError:
    message = "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error"
    return RestError(500, "PGRST121", message, details, hint)
