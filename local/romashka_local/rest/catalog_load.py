"""Reads the catalog from Postgres and derives every relationship that it allows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg

from romashka_local.rest.catalog import (
    Catalog,
    Column,
    Function,
    Junction,
    Parameter,
    QualifiedName,
    Relationship,
    Relationships,
    Table,
)
from romashka_local.rest.settings import Settings
from romashka_local.rest.views import ViewKeys, view_keys

# Read once: a reload needs no file, of which there may be none left to open.
_QUERIES = {
    file.stem: file.read_bytes() for file in (Path(__file__).parent / "catalog_sql").glob("*.sql")
}
# Of a function's own settings, those that its whole transaction takes over (PostgREST's defaults).
_HOISTED = ("statement_timeout", "plan_filter.statement_cost_limit")
_ISOLATION = "default_transaction_isolation"
_ORDER = ("one-to-many", "many-to-one", "one-to-one", "many-to-many", "computed")


async def load(connection: psycopg.AsyncConnection[Any], configured: Settings) -> Catalog:
    """Return the catalog of the exposed schemas, all of it from one snapshot.

    What the database says about the API wins over what is `configured`.
    """

    async def documents(query: str, *parameters: Sequence[str]) -> list[Any]:
        cursor = await psycopg.AsyncRawCursor(connection).execute(_QUERIES[query], parameters)
        return [row[0] for row in await cursor.fetchall()]

    async with connection.transaction():
        # An empty path makes Postgres qualify every name that it prints.
        await connection.execute("set transaction isolation level repeatable read read only")
        await connection.execute("set local search_path = ''")
        stored = await documents("server_settings")
        settings = configured.with_database({row["name"]: row["value"] for row in stored})
        schemas = list(settings.schemas)
        tables = {table.name: table for table in map(_table, await documents("tables", schemas))}
        foreign_keys = await documents("foreign_keys")
        computed = await documents("computed_relationships")
        functions = [_function(row) for row in await documents("functions", schemas)]
        keys = view_keys(
            await documents("views", [*schemas, *settings.extra_search_path]),
            await documents("column_numbers"),
        )
        role_settings = await documents("role_settings")

    tables = _with_view_keys(tables, keys)
    return Catalog(
        settings=settings,
        tables={name: table for name, table in tables.items() if name.schema in schemas},
        relationships=_relationships(tables, foreign_keys, computed, keys, schemas),
        functions=_grouped(functions),
        role_settings=_by_role(role_settings),
    )


def _table(row: Mapping[str, Any]) -> Table:
    columns = [Column(**{**each, "labels": tuple(each["labels"])}) for each in row["columns"]]
    return Table(
        name=QualifiedName(row["schema"], row["name"]),
        columns={column.name: column for column in columns},
        primary_key=tuple(row["primary_key"]),
        is_view=row["is_view"],
        insertable=row["insertable"],
        updatable=row["updatable"],
        deletable=row["deletable"],
        description=row["description"],
    )


def _function(row: Mapping[str, Any]) -> Function:
    settings = dict(pair.split("=", 1) for pair in row["settings"])
    isolation = settings.get(_ISOLATION)
    return Function(
        name=QualifiedName(row["schema"], row["name"]),
        parameters=tuple(Parameter(**each) for each in row["parameters"]),
        returns=QualifiedName(*row["returns"]),
        returns_set=row["returns_set"],
        returns_rows=row["returns_rows"],
        volatility=row["volatility"],
        isolation=isolation,
        settings={name: settings[name] for name in _HOISTED if name in settings},
        description=row["description"],
    )


def _grouped(functions: Iterable[Function]) -> dict[QualifiedName, tuple[Function, ...]]:
    groups: dict[QualifiedName, list[Function]] = defaultdict(list)
    for function in functions:
        groups[function.name].append(function)
    return {name: tuple(sorted(overloads, key=_signature)) for name, overloads in groups.items()}


def _signature(function: Function) -> tuple[Any, ...]:
    """Order overloads as error messages list them."""
    each = function.parameters
    return (len(each), [(one.name, one.declared_type, one.type) for one in each])


def _by_role(rows: Iterable[Mapping[str, str]]) -> dict[str, dict[str, str]]:
    settings: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        settings[row["role"]][row["name"]] = row["value"]
    return dict(settings)


def _with_view_keys(
    tables: Mapping[QualifiedName, Table], keys: ViewKeys
) -> dict[QualifiedName, Table]:
    """Return `tables` with each view's primary key: the columns that show its tables' keys."""
    found = dict(tables)
    for table in tables.values():
        for view, columns in keys.showing(table.name, table.primary_key):
            if view in found:
                known = found[view].primary_key
                found[view] = replace(found[view], primary_key=known + columns)
    return found


def _relationships(
    tables: Mapping[QualifiedName, Table],
    foreign_keys: Iterable[Mapping[str, Any]],
    computed: Iterable[Mapping[str, Any]],
    keys: ViewKeys,
    schemas: Sequence[str],
) -> Relationships:
    direct = [_from_foreign_key(row) for row in foreign_keys]
    direct += keys.relationships(direct)
    found = chain(direct, map(_inverse, direct), _through_junctions(tables, direct))
    # A computed relationship replaces what was found under its function's name.
    groups: dict[tuple[QualifiedName, QualifiedName], list[Relationship]] = defaultdict(list)
    for relationship in found:
        groups[relationship.table, relationship.foreign_table].append(relationship)
    for row in computed:
        relationship = _from_function(row)
        groups[relationship.table, QualifiedName(*row["function"])] = [relationship]

    exposed: dict[tuple[QualifiedName, str], list[Relationship]] = defaultdict(list)
    for (table, foreign), group in groups.items():
        if table.schema in schemas:
            exposed[table, foreign.schema] += [each for each in group if _is_exposed(each, schemas)]
    return {key: tuple(sorted(group, key=_order)) for key, group in exposed.items()}


def _order(relationship: Relationship) -> tuple[Any, ...]:
    via = relationship.junction.table if relationship.junction else ()
    rank = _ORDER.index(relationship.cardinality)
    return (relationship.foreign_table, relationship.is_self, rank, relationship.constraint, via)


def _is_exposed(relationship: Relationship, schemas: Sequence[str]) -> bool:
    junction = relationship.junction
    return relationship.foreign_table.schema in schemas and (
        junction is None or junction.table.schema in schemas
    )


def _from_foreign_key(row: Mapping[str, Any]) -> Relationship:
    return Relationship(
        table=QualifiedName(*row["table"]),
        foreign_table=QualifiedName(*row["foreign_table"]),
        cardinality="one-to-one" if row["is_unique"] else "many-to-one",
        constraint=row["constraint"],
        columns=tuple((near, far) for near, far in row["columns"]),
    )


def _from_function(row: Mapping[str, Any]) -> Relationship:
    return Relationship(
        table=QualifiedName(*row["table"]),
        foreign_table=QualifiedName(*row["foreign_table"]),
        cardinality="computed",
        function=QualifiedName(*row["function"]),
        function_returns_one=row["returns_one"],
    )


def _inverse(relationship: Relationship) -> Relationship:
    is_one_to_one = relationship.cardinality == "one-to-one"
    return Relationship(
        table=relationship.foreign_table,
        foreign_table=relationship.table,
        cardinality="one-to-one" if is_one_to_one else "one-to-many",
        constraint=relationship.constraint,
        columns=tuple((far, near) for near, far in relationship.columns),
        is_parent=is_one_to_one,
        is_view=relationship.is_foreign_view,
        is_foreign_view=relationship.is_view,
    )


def _through_junctions(
    tables: Mapping[QualifiedName, Table], direct: Iterable[Relationship]
) -> list[Relationship]:
    """Return the many-to-many relationships: two keys of a table, both within its primary key."""
    by_table: dict[QualifiedName, list[Relationship]] = defaultdict(list)
    for relationship in direct:
        if relationship.cardinality == "many-to-one":
            by_table[relationship.table].append(relationship)
    return [
        _many_to_many(one, other)
        for name, keys in by_table.items()
        for one in keys
        for other in keys
        if one.constraint != other.constraint
        and name in tables
        and {near for near, _ in one.columns + other.columns} <= set(tables[name].primary_key)
    ]


def _many_to_many(one: Relationship, other: Relationship) -> Relationship:
    return Relationship(
        table=one.foreign_table,
        foreign_table=other.foreign_table,
        cardinality="many-to-many",
        is_view=one.is_foreign_view,
        is_foreign_view=other.is_foreign_view,
        junction=Junction(
            table=one.table,
            constraint=one.constraint,
            foreign_constraint=other.constraint,
            columns=tuple((far, near) for near, far in one.columns),
            foreign_columns=tuple((far, near) for near, far in other.columns),
        ),
    )
