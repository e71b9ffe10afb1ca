"""What the API offers, as PostgREST's root describes it: OpenAPI 2, without the descriptions."""

import json
from typing import Any

from romashka_local.rest.action import Response, content_headers
from romashka_local.rest.catalog import Catalog, Column, Function, Table
from romashka_local.rest.media import Media, accepts_openapi
from romashka_local.rest.request import Context

_OPENAPI = Media("application/openapi+json", "openapi")


def describe(context: Context, catalog: Catalog) -> Response:
    """Return the description of the request's schema.

    Raises:
        RestError: PGRST107, the client accepts no such thing.
    """
    accepts_openapi(context.request.accept)
    paths: dict[str, Any] = {"/": {"get": _operation("Introspection", "OpenAPI description")}}
    definitions = {}
    for table in catalog.tables_of(context.schema):
        paths[f"/{table.name.name}"] = _table_path(table)
        definitions[table.name.name] = _definition(table)
    for function in catalog.functions_of(context.schema):
        paths[f"/rpc/{function.name.name}"] = _function_path(function)
    document = {
        "swagger": "2.0",
        "info": {"title": "PostgREST API", "version": "14.0", "description": ""},
        "host": context.request.header("host") or "",
        "basePath": "/",
        "schemes": ["http"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": paths,
        "definitions": definitions,
    }
    body = b"" if context.is_head else json.dumps(document, ensure_ascii=False).encode()
    return Response(200, content_headers(context, _OPENAPI), body)


def _operation(tag: str, summary: str) -> dict[str, Any]:
    return {"tags": [tag], "summary": summary, "responses": {"200": {"description": "OK"}}}


def _table_path(table: Table) -> dict[str, Any]:
    name = table.name.name
    methods = {
        "get": True,
        "post": table.insertable,
        "patch": table.updatable,
        "delete": table.deletable,
    }
    return {
        method: _operation(name, table.description or "")
        for method, offered in methods.items()
        if offered
    }


def _function_path(function: Function) -> dict[str, Any]:
    arguments = {
        "name": "args",
        "in": "body",
        "required": True,
        "schema": {
            "type": "object",
            "required": [each.name for each in function.parameters if each.is_required],
            "properties": {
                each.name: {"format": each.declared_type} for each in function.parameters
            },
        },
    }
    operation = _operation(f"(rpc) {function.name.name}", function.description or "")
    path = {"post": {**operation, "parameters": [arguments]}}
    return {"get": operation, **path} if function.reads_only else path


def _definition(table: Table) -> dict[str, Any]:
    columns = table.columns.values()
    return {
        "type": "object",
        "required": [each.name for each in columns if not each.is_nullable],
        "properties": {each.name: _property(each) for each in columns},
    }


_TYPES = {
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "boolean": "boolean",
    "real": "number",
    "double precision": "number",
    "numeric": "number",
}


def _property(column: Column) -> dict[str, Any]:
    described: dict[str, Any] = {"format": column.type}
    if column.type not in ("json", "jsonb"):
        is_array = column.type.endswith("[]")
        described["type"] = "array" if is_array else _TYPES.get(column.type, "string")
    if column.max_length is not None:
        described["maxLength"] = column.max_length
    if column.labels:
        described["enum"] = list(column.labels)
    if column.description is not None:
        described["description"] = column.description
    return described
