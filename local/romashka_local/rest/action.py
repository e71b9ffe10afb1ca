"""What a request comes to: a statement, how to run it, what must hold, and how to answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from romashka_local.rest import errors
from romashka_local.rest.errors import RestError
from romashka_local.rest.media import Media
from romashka_local.rest.query import Window
from romashka_local.rest.request import Context
from romashka_local.rest.statement import Statement

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Result:
    """The row that a statement returned."""

    rows: int
    body: bytes
    total: int | None = None
    inserted: int | None = None
    location: Mapping[str, str] | None = None
    status: int | None = None
    """Set by SQL, as are `headers`."""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Action:
    statement: Statement
    respond: Callable[[Result], Response]
    media: Media
    read_only: bool
    isolation: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of the called function."""
    estimate: Statement | None = None
    check: Callable[[Result], None] | None = None
    """Raises when the result must not stand; the transaction is then rolled back."""


def must_be_single(result: Result) -> None:
    if result.rows != 1:
        raise errors.not_singular(result.rows)


def row_check(
    context: Context, media: Media, *, limits_affected: bool
) -> Callable[[Result], None] | None:
    """Return what must hold of the number of rows, or None when any number will do."""
    limit = context.preferences.limit_of_affected if limits_affected else None
    is_single = media.form == "object"
    if limit is None:
        return must_be_single if is_single else None

    def check(result: Result) -> None:
        if is_single:
            must_be_single(result)
        if result.rows > limit:
            raise errors.max_affected_exceeded(result.rows)

    return check


def content_headers(context: Context, media: Media) -> Headers:
    headers = [("Content-Type", f"{media.name}; charset=utf-8")]
    return headers + profile_headers(context)


def profile_headers(context: Context) -> Headers:
    """Name the schema where a client could have chosen another."""
    asked = context.request.header("accept-profile") or context.request.header("content-profile")
    is_chosen = len(context.settings.schemas) > 1 or asked is not None
    return [("Content-Profile", context.schema)] if is_chosen else []


def applied_headers(applied: str) -> Headers:
    return [("Preference-Applied", applied)] if applied else []


def content_range(lower: int, upper: int, total: int | None) -> tuple[str, str]:
    rows = f"{lower}-{upper}" if lower <= upper and total != 0 else "*"
    return ("Content-Range", f"{rows}/{'*' if total is None else total}")


def range_status(window: Window, result: Result) -> int:
    """Return the status of a page: whole, partial, or past the end.

    Raises:
        RestError: PGRST103, the offset is past a known total.
    """
    total = result.total
    if total is None:
        return 200
    if window.lower > total:
        raise errors.offset_out_of_bounds(window.lower, total)
    return 206 if result.rows < total else 200


def location(table: str, filters: Mapping[str, str]) -> tuple[str, str]:
    return ("Location", f"/{table}?{urlencode(filters)}")


def overridden(response: Response, result: Result) -> Response:
    """Return `response` with the status and headers that SQL set for it."""
    if result.status is None and not result.headers:
        return response
    ours = {name.lower() for name, _ in result.headers}
    kept = [header for header in response.headers if header[0].lower() not in ours]
    return Response(result.status or response.status, kept + list(result.headers), response.body)


def bad_setting(code: str, message: str) -> RestError:
    return RestError(500, code, message)
