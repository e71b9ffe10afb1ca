"""Calls of functions: which overload a request means, its arguments, and how its result looks."""

from collections.abc import Sequence

from romashka_local.rest import statement
from romashka_local.rest.action import (
    Action,
    Response,
    Result,
    applied_headers,
    content_headers,
    content_range,
    range_status,
    row_check,
)
from romashka_local.rest.catalog import Catalog, Function, QualifiedName
from romashka_local.rest.errors import RestError, closest
from romashka_local.rest.grammar import Filter, Logic
from romashka_local.rest.media import negotiate
from romashka_local.rest.payload import RAW_TYPES, Payload, parse_payload
from romashka_local.rest.plan import Node, read_tree
from romashka_local.rest.query import Query, Window, parse_query, top_window
from romashka_local.rest.request import Context
from romashka_local.rest.spread import settle_fields
from romashka_local.rest.sql_read import ReadSql
from romashka_local.rest.sql_text import Parameters
from romashka_local.rest.sql_write import call_sql, returned_columns

_UNNAMED_TYPES = {
    "application/json": ("json", "jsonb"),
    "text/plain": ("text",),
    "text/xml": ("xml",),
    "application/octet-stream": ("bytea",),
}


def call_action(context: Context, catalog: Catalog) -> Action:
    """Return the call that the request asks for.

    Raises:
        RestError: it cannot be done, or is not understood.
    """
    is_get = context.request.method != "POST"
    query = parse_query(context.request.query, has_arguments=is_get)
    header = context.request.header("range") if context.request.method == "GET" else None
    window = top_window(query, header)
    payload = None
    if not is_get:
        content_type = context.request.header("content-type")
        payload = parse_payload(context.request.body, content_type, query.columns, is_call=True)
    keys = [name for name, _ in query.arguments] if payload is None else list(payload.keys)
    function = find_function(catalog, context.target, keys, payload)
    return _Call(context, catalog, function, query, window).action(payload)


class _Call:
    """A call of one function, and what is read from its rows."""

    def __init__(
        self,
        context: Context,
        catalog: Catalog,
        function: Function,
        query: Query,
        window: Window,
    ) -> None:
        self._context = context
        self._catalog = catalog
        self._function = function
        self._query = query
        self._window = window
        self._parameters = Parameters()

    def action(self, payload: Payload | None) -> Action:
        settings, preferences = self._context.settings, self._context.preferences
        function = self._function
        root = self._tree()
        settle_fields(self._catalog, root, aggregates_enabled=settings.aggregates_enabled)
        media = negotiate(self._context.request.accept, plan_enabled=settings.plan_enabled)
        if preferences.limit_of_affected is not None and not function.returns_set:
            raise RestError(
                400,
                "PGRST128",
                "Function must return SETOF or TABLE when max-affected preference is used with"
                " handling=strict",
            )
        columns = _with_filtered(returned_columns(root, ()), root)
        given = self._query.arguments if payload is None else payload.pairs or ()
        call = call_sql(function, payload, _arguments(function, given), self._parameters, columns)
        reader = ReadSql(self._catalog, self._parameters)
        rows = reader.query(root)
        count = reader.count(root) if preferences.counts_rows else None

        def respond(result: Result) -> Response:
            lower = self._window.lower
            headers = [content_range(lower, lower + result.rows - 1, result.total)]
            headers += applied_headers(preferences.applied("max-affected"))
            if function.is_void:
                return Response(204, headers)
            status = range_status(self._window, result)
            headers += content_headers(self._context, media)
            return Response(status, headers, result.body)

        return Action(
            statement=statement.call_statement(
                call,
                rows,
                count,
                function,
                media,
                self._parameters,
                has_body=not self._context.is_head,
            ),
            respond=respond,
            media=media,
            read_only=payload is None or function.reads_only,
            isolation=function.isolation,
            settings=function.settings,
            check=row_check(self._context, media, limits_affected=True),
        )

    def _tree(self) -> Node:
        """Return the tree that reads the result: rows of a table where it returns such."""
        function = self._function
        table = QualifiedName(
            function.name.schema,
            function.returns.name if function.returns_rows else function.name.name,
        )
        return read_tree(
            self._catalog,
            table,
            self._query,
            from_source=True,
            filters_root=True,
            max_rows=self._context.settings.max_rows,
            window=self._window,
        )


def _with_filtered(columns: Sequence[str], root: Node) -> list[str]:
    """Add the columns that filters of the result need."""
    if list(columns) == ["*"]:
        return ["*"]
    return sorted({*columns, *(name for each in root.predicates for name in _names(each))})


def _names(predicate: Logic) -> list[str]:
    if isinstance(predicate, Filter):
        return [predicate.field.name]
    return [name for each in predicate.items for name in _names(each)]


def _arguments(function: Function, given: Sequence[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Return the values by parameter; of a repeated one the last, of a variadic one all."""
    variadic = {each.name for each in function.parameters if each.is_variadic}
    values: dict[str, str | list[str]] = {}
    for name, value in given:
        if name in variadic:
            collected = values.setdefault(name, [])
            if isinstance(collected, list):
                collected.append(value)
        else:
            values[name] = value
    return values


def find_function(
    catalog: Catalog, name: QualifiedName, keys: Sequence[str], payload: Payload | None
) -> Function:
    """Return the overload that takes exactly the arguments `keys`.

    Raises:
        RestError: PGRST202, none does; PGRST203, several do.
    """
    overloads = catalog.functions.get(name, ())
    kind = payload.content_type if payload is not None else None
    named = [each for each in overloads if _takes(each, set(keys), kind)]
    found = named or [each for each in overloads if _takes_whole_body(each, kind)]
    if len(found) == 1:
        return found[0]
    if found:
        raise _ambiguous(found)
    raise _missing(catalog, name, sorted(set(keys)), kind)


def _takes(function: Function, keys: set[str], kind: str | None) -> bool:
    if not function.parameters:
        return not keys and kind not in RAW_TYPES
    required = {each.name for each in function.parameters if each.is_required}
    optional = {each.name for each in function.parameters if not each.is_required}
    return required <= keys <= required | optional


def _takes_whole_body(function: Function, kind: str | None) -> bool:
    if len(function.parameters) != 1 or function.parameters[0].name or kind is None:
        return False
    return function.parameters[0].declared_type in _UNNAMED_TYPES.get(kind, ())


def _ambiguous(found: Sequence[Function]) -> RestError:
    signatures = (
        f"{each.name.schema}.{each.name.name}("
        + ", ".join(f"{one.name} => {one.declared_type}" for one in each.parameters)
        + ")"
        for each in found
    )
    return RestError(
        300,
        "PGRST203",
        f"Could not choose the best candidate function between: {', '.join(signatures)}",
        hint="Try renaming the parameters or the function itself in the database so function"
        " overloading can be resolved",
    )


def _missing(
    catalog: Catalog, name: QualifiedName, keys: Sequence[str], kind: str | None
) -> RestError:
    shown = f"{name.schema}.{name.name}"
    unnamed = _UNNAMED_TYPES.get(kind or "", ())
    if kind in RAW_TYPES:
        return RestError(
            404,
            "PGRST202",
            f"Could not find the function {shown} in the schema cache",
            f"Searched for the function {shown} with a single unnamed {unnamed[0]} parameter,"
            " but no matches were found in the schema cache.",
        )
    listed = ", ".join(keys)
    given = f"({listed})" if keys else " without parameters"
    searched = f" with parameter{'s' if len(keys) > 1 else ''} {listed}" if keys else given
    if unnamed:
        searched += " or with a single unnamed json/jsonb parameter"
    return RestError(
        404,
        "PGRST202",
        f"Could not find the function {shown}{given} in the schema cache",
        f"Searched for the function {shown}{searched}, but no matches were found in the schema"
        " cache.",
        _suggestion(catalog, name, keys),
    )


def _suggestion(catalog: Catalog, name: QualifiedName, keys: Sequence[str]) -> str | None:
    overloads = catalog.functions.get(name)
    if overloads is None:
        known = {each.name.name for each in catalog.functions_of(name.schema)}
        close = closest(name.name, known, at_least=0.75)
    else:
        forms = {_form([one.name for one in each.parameters]) for each in overloads}
        near = closest(_form(keys), forms, at_least=0.33)
        close = near and name.name + near
    return close and f"Perhaps you meant to call the function {name.schema}.{close}"


def _form(names: Sequence[str]) -> str:
    return f"({', '.join(sorted(names))})"
