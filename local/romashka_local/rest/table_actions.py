"""Reads and writes of tables and views."""

from collections.abc import Sequence

from romashka_local.rest import statement
from romashka_local.rest.action import (
    Action,
    Response,
    Result,
    applied_headers,
    content_headers,
    content_range,
    location,
    range_status,
    row_check,
)
from romashka_local.rest.catalog import Catalog, QualifiedName, Table
from romashka_local.rest.errors import RestError, unfiltered
from romashka_local.rest.grammar import Filter
from romashka_local.rest.media import Media, negotiate
from romashka_local.rest.payload import Payload, parse_payload
from romashka_local.rest.plan import Node, find_table, read_tree
from romashka_local.rest.query import Query, Window, parse_query, top_window
from romashka_local.rest.request import Context
from romashka_local.rest.spread import settle_fields
from romashka_local.rest.sql_filter import FieldSql
from romashka_local.rest.sql_read import ReadSql
from romashka_local.rest.sql_text import Parameters
from romashka_local.rest.sql_write import delete_sql, insert_sql, returned_columns, update_sql


def table_action(context: Context, catalog: Catalog) -> Action:
    """Return what the request does to its table.

    Raises:
        RestError: it cannot be done, or is not understood.
    """
    query = parse_query(context.request.query)
    window = top_window(query, _range_header(context))
    method = context.request.method
    payload = None
    if method in ("POST", "PATCH", "PUT"):
        columns = query.columns if method != "PUT" else None
        content_type = context.request.header("content-type")
        payload = parse_payload(context.request.body, content_type, columns, is_call=False)
    table = find_table(catalog, context.target)
    if payload is None and method != "DELETE":
        return _read(context, catalog, table, query, window)
    return _Write(context, catalog, table, query, window).action(payload)


def _range_header(context: Context) -> str | None:
    return context.request.header("range") if context.request.method == "GET" else None


def _read(context: Context, catalog: Catalog, table: Table, query: Query, window: Window) -> Action:
    settings, preferences = context.settings, context.preferences
    root = read_tree(
        catalog,
        table.name,
        query,
        from_source=False,
        filters_root=True,
        max_rows=settings.max_rows,
        window=window,
    )
    settle_fields(catalog, root, aggregates_enabled=settings.aggregates_enabled)
    media = negotiate(context.request.accept, plan_enabled=settings.plan_enabled)
    parameters = Parameters()
    sql = ReadSql(catalog, parameters)
    rows = sql.query(root)
    count = sql.count(root) if preferences.counts_rows else None
    if count and preferences.count == "estimated" and settings.max_rows is not None:
        count += f" LIMIT {settings.max_rows + 1}"

    def respond(result: Result) -> Response:
        status = range_status(window, result)
        headers = [
            content_range(window.lower, window.lower + result.rows - 1, result.total),
            (
                "Content-Location",
                f"/{table.name.name}{'?' if query.canonical else ''}" + query.canonical,
            ),
            *content_headers(context, media),
            *applied_headers(preferences.applied()),
        ]
        return Response(status, headers, result.body)

    return Action(
        statement=statement.read_statement(
            rows, count, media, parameters, has_body=not context.is_head
        ),
        respond=respond,
        media=media,
        read_only=True,
        estimate=planner_estimate(context, catalog, root),
        check=row_check(context, media, limits_affected=False),
    )


def planner_estimate(context: Context, catalog: Catalog, root: Node) -> statement.Statement | None:
    """Return the statement that estimates the total, where the client wants an estimate."""
    if context.preferences.count not in ("planned", "estimated"):
        return None
    parameters = Parameters()
    return statement.estimate(ReadSql(catalog, parameters).count(root), parameters)


class _Write:
    """A write of one table, and what is read from the rows that it returns."""

    def __init__(
        self, context: Context, catalog: Catalog, table: Table, query: Query, window: Window
    ) -> None:
        self._context = context
        self._catalog = catalog
        self._table = table
        self._query = query
        self._window = window
        self._preferences = context.preferences
        self._parameters = Parameters()
        self._root = read_tree(
            catalog,
            table.name,
            query,
            from_source=True,
            filters_root=False,
            max_rows=None,
            window=Window(),
        )
        settle_fields(catalog, self._root, aggregates_enabled=context.settings.aggregates_enabled)

    def action(self, payload: Payload | None) -> Action:
        method = self._context.request.method
        media = negotiate(
            self._context.request.accept, plan_enabled=self._context.settings.plan_enabled
        )
        if payload is None:
            sql = self._delete()
        elif method == "PATCH":
            sql = self._update(payload)
        elif method == "PUT":
            sql = self._put(payload)
        else:
            sql = self._insert(payload)
        is_insert = method in ("POST", "PUT")
        merges = method == "PUT" or self._preferences.resolution == "merge-duplicates"
        wants_rows = self._preferences.wants_representation
        reader = ReadSql(self._catalog, self._parameters)
        names_row = method == "POST" and self._preferences.returns == "headers-only"
        limits = method in ("PATCH", "DELETE")
        check = row_check(self._context, media, limits_affected=limits)
        return Action(
            statement=statement.write_statement(
                sql,
                reader.query(self._root) if wants_rows else None,
                media,
                self._parameters,
                location_of=self._table.primary_key if names_row else None,
                counts_inserted=is_insert and merges,
            ),
            respond=lambda result: self._respond(result, media),
            media=media,
            read_only=False,
            check=_must_match_key if method == "PUT" else check,
        )

    def _returning(self) -> Sequence[str]:
        if self._preferences.returns in (None, "minimal"):
            return ()
        return returned_columns(self._root, self._table.primary_key)

    def _conditions(self) -> list[str]:
        """Return the filters of the table itself, as SQL."""
        fields = FieldSql(self._catalog, self._parameters, self._table.name, self._table.name)
        own = [each for path, each in self._query.filters if not path]
        trees = [each for path, each in self._query.logic if not path]
        return [fields.logic(each) for each in (*own, *trees)]

    def _delete(self) -> str:
        conditions = self._conditions()
        self._require(conditions, "DELETE")
        return delete_sql(self._table, conditions=conditions, returning=self._returning())

    def _update(self, payload: Payload) -> str:
        # An empty update leaves them out, and may then not bind their values either.
        conditions = self._conditions() if payload.keys else []
        sql = update_sql(
            self._table,
            payload,
            self._parameters,
            conditions=conditions,
            returning=self._returning(),
            with_defaults=self._preferences.missing == "default",
        )
        if payload.keys:
            self._require(conditions, "UPDATE")
        return sql

    def _require(self, conditions: Sequence[str], command: str) -> None:
        """Refuse to write a whole table, as pg-safeupdate does for all that comes by REST."""
        if not conditions and self._context.settings.requires_filters:
            raise unfiltered(command)

    def _insert(self, payload: Payload) -> str:
        targets = self._query.on_conflict or self._table.primary_key
        resolution = self._preferences.resolution
        return insert_sql(
            self._table,
            payload,
            self._parameters,
            conflict=(resolution, targets) if resolution else None,
            returning=self._returning(),
            with_defaults=self._preferences.missing == "default",
        )

    def _put(self, payload: Payload) -> str:
        """Insert or replace the one row that the filters name by its primary key."""
        if self._window != Window():
            message = "limit/offset querystring parameters are not allowed for PUT"
            raise RestError(400, "PGRST114", message)
        key = self._table.primary_key
        own = [each for path, each in self._query.filters if not path]
        if self._query.logic or not key or self._query.names != set(key) or not _all_equal(own):
            raise RestError(
                405,
                "PGRST105",
                "Filters must include all and only primary key columns with 'eq' operators",
            )
        return insert_sql(
            self._table,
            payload,
            self._parameters,
            conflict=("merge-duplicates", key),
            conditions=self._conditions_on_body(own),
            returning=self._returning(),
            with_defaults=False,
        )

    def _conditions_on_body(self, filters: Sequence[Filter]) -> list[str]:
        body = QualifiedName("", "pgrst_body")
        fields = FieldSql(self._catalog, self._parameters, self._table.name, body)
        return [fields.filter(each) for each in filters]

    def _respond(self, result: Result, media: Media) -> Response:
        method, counts = self._context.request.method, self._preferences.counts_rows
        total = result.rows if counts else None
        headers = []
        if method == "POST":
            if result.location:
                headers.append(location(self._table.name.name, result.location))
            headers.append(content_range(1, 0, total))
        elif method == "PATCH":
            headers.append(content_range(0, result.rows - 1, total))
        elif method == "DELETE":
            headers.append(content_range(1, 0, total))
        headers += applied_headers(self._applied())
        wants_rows = self._preferences.wants_representation
        if wants_rows:
            headers += content_headers(self._context, media)
        return Response(self._status(result), headers, result.body if wants_rows else b"")

    def _status(self, result: Result) -> int:
        method = self._context.request.method
        if method == "POST":
            merged = self._preferences.resolution == "merge-duplicates"
            return 200 if merged and not (result.inserted or 0) > 0 else 201
        if not self._preferences.wants_representation:
            return 204
        return 201 if method == "PUT" and (result.inserted or 0) > 0 else 200

    def _applied(self) -> str:
        match self._context.request.method:
            case "POST":
                has_target = self._table.primary_key or self._query.on_conflict is not None
                kinds = ("resolution",) if has_target else ()
                return self._preferences.applied("return", "missing", *kinds)
            case "PATCH":
                return self._preferences.applied("return", "missing", "max-affected")
            case "DELETE":
                return self._preferences.applied("return", "max-affected")
        return self._preferences.applied("return")


def _all_equal(filters: Sequence[Filter]) -> bool:
    return all(
        each.condition.operator == "eq"
        and not each.condition.negated
        and each.condition.modifier is None
        for each in filters
    )


def _must_match_key(result: Result) -> None:
    if result.rows != 1:
        message = "Payload values do not match URL in primary key column(s)"
        raise RestError(400, "PGRST115", message)
