"""The one statement of a request: its rows as a body, counted, with what SQL set for the answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from romashka_local.rest.catalog import Function
from romashka_local.rest.media import Media
from romashka_local.rest.sql_text import Parameters, literal

# A setting that was ever set in a session reads back as '', not null.
_RESPONSE = (
    "nullif(current_setting('response.headers', true), '') AS response_headers,"
    " nullif(current_setting('response.status', true), '') AS response_status"
)


@dataclass(frozen=True, slots=True)
class Statement:
    text: str
    values: tuple[str | bytes | list[str] | None, ...] = ()
    is_plan: bool = False


def read_statement(
    rows: str, count: str | None, media: Media, parameters: Parameters, *, has_body: bool
) -> Statement:
    """Return the statement of a read."""
    body = body_sql(media) if has_body else "''"
    return _statement(rows, count, "pg_catalog.count(_postgrest_t)", body, None, media, parameters)


def call_statement(
    call: str,
    rows: str,
    count: str | None,
    function: Function,
    media: Media,
    parameters: Parameters,
    *,
    has_body: bool,
) -> Statement:
    """Return the statement of a call."""
    body = body_sql(media, function) if has_body else "''"
    page = "pg_catalog.count(_postgrest_t)" if function.returns_set else "1"
    return _statement(call, count, page, body, rows, media, parameters)


def write_statement(
    write: str,
    rows: str | None,
    media: Media,
    parameters: Parameters,
    *,
    location_of: Sequence[str] | None,
    counts_inserted: bool,
) -> Statement:
    """Return the statement of a write; without `rows` it has no body."""
    body = body_sql(media) if rows is not None else "''"
    location = "null" if location_of is None else _location(location_of)
    inserted = "nullif(current_setting('pgrst.inserted', true), '')" if counts_inserted else "null"
    text = (
        f"WITH pgrst_source AS ({write}) SELECT null AS total, pg_catalog.count(_postgrest_t) AS"
        f" page, {body} AS body, {_RESPONSE}, {inserted} AS inserted, {location} AS location"
        f" FROM ({rows or 'SELECT * FROM pgrst_source'}) _postgrest_t"
    )
    return _explained(text, media, parameters)


def _statement(
    source: str,
    count: str | None,
    page: str,
    body: str,
    rows: str | None,
    media: Media,
    parameters: Parameters,
) -> Statement:
    counted = f", pgrst_source_count AS ({count})" if count else ""
    total = "(SELECT pg_catalog.count(*) FROM pgrst_source_count)" if count else "null"
    text = (
        f"WITH pgrst_source AS ({source}){counted} SELECT {total} AS total, {page} AS page,"
        f" {body} AS body, {_RESPONSE}, null AS inserted, null AS location"
        f" FROM ({rows or 'SELECT * FROM pgrst_source'}) _postgrest_t"
    )
    return _explained(text, media, parameters)


def _explained(text: str, media: Media, parameters: Parameters) -> Statement:
    if media.plan is None:
        return Statement(text, tuple(parameters.values))
    options = ["FORMAT JSON" if media.plan.as_json else "FORMAT TEXT"]
    options += [option.upper() for option in media.plan.options]
    explained = f"EXPLAIN ({', '.join(options)}) {text}"
    return Statement(explained, tuple(parameters.values), is_plan=True)


def estimate(rows: str, parameters: Parameters) -> Statement:
    """Return the statement that asks the planner how many rows there are."""
    return Statement(f"EXPLAIN (FORMAT JSON) {rows}", tuple(parameters.values), is_plan=True)


def body_sql(media: Media, function: Function | None = None) -> str:
    """Return the expression that makes one text of all rows."""
    if media.form == "csv":
        return _CSV
    if media.form == "geojson":
        return (
            "json_build_object('type', 'FeatureCollection', 'features',"
            " coalesce(json_agg(ST_AsGeoJSON(_postgrest_t)::json), '[]'))"
        )
    is_value = function is not None and not function.returns_rows
    is_single = function is not None and not function.returns_set
    rows = f"json_agg(_postgrest_t{'.pgrst_scalar' if is_value else ''})"
    if is_single or media.form == "object":
        rows, empty = f"{rows}->0", "null"
    else:
        empty = "[]"
    if media.strips_nulls:
        rows = f"json_strip_nulls({rows})"
    return f"coalesce({rows}, '{empty}')"


_CSV = (
    "(SELECT coalesce(string_agg(a.k, ','), '') FROM (SELECT json_object_keys(r)::text AS k FROM"
    " (SELECT row_to_json(hh) AS r FROM pgrst_source AS hh LIMIT 1) s) a) || chr(10) ||"
    " coalesce(string_agg(substring(_postgrest_t::text, 2, length(_postgrest_t::text) - 2),"
    " chr(10)), '')"
)


def _location(primary_key: Sequence[str]) -> str:
    """Return the filters that find the one row that was written, as a JSON object."""
    keys = ", ".join(literal(name) for name in primary_key) or "null"
    return (
        "CASE WHEN pg_catalog.count(_postgrest_t) = 1 THEN (SELECT json_object_agg(pair.key,"
        " coalesce('eq.' || pair.value, 'is.null')) FROM (SELECT row_to_json(_) AS row FROM"
        " pgrst_source AS _ LIMIT 1) AS written CROSS JOIN json_each_text(written.row) AS pair"
        f" WHERE pair.key IN ({keys})) END"
    )
