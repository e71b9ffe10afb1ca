"""SQL of inserts, updates, deletes and function calls: the rows that the rest is read from."""

from collections.abc import Sequence

from romashka_local.rest import errors
from romashka_local.rest.catalog import Function, QualifiedName, Table
from romashka_local.rest.payload import Payload
from romashka_local.rest.plan import Node
from romashka_local.rest.sql_text import Parameters, column, identifier, literal, qualified

_Typed = tuple[str, str, str | None]
"""A column or parameter: its name, type and default."""


def returned_columns(root: Node, primary_key: Sequence[str]) -> list[str]:
    """Return what a write or a call must return so that `root` and its embeds can be read."""
    names = {each.field.name for each in root.fields}
    if "*" in names or not (root.fields or root.children):
        return ["*"]
    for child in root.children:
        found = child.relationship
        if found is None or found.function is not None:
            return ["*"]
        pairs = found.junction.columns if found.junction else found.columns
        names.update(near for near, _ in pairs)
    return sorted(names | set(primary_key))


def insert_sql(
    table: Table,
    payload: Payload,
    parameters: Parameters,
    *,
    conflict: tuple[str, Sequence[str]] | None,
    conditions: Sequence[str] = (),
    returning: Sequence[str],
    with_defaults: bool,
) -> str:
    """Return an insert of the payload's rows.

    `conflict` is a resolution and the columns that tell duplicates; `conditions`, on the payload's
    rows, are those of a PUT. How many rows were new is counted in the setting `pgrst.inserted`.
    """
    columns = _typed_columns(table, payload.keys)
    names = ", ".join(identifier(name) for name, _, _ in columns)
    merges = conflict is not None and conflict[0] == "merge-duplicates"
    checks = [*([_count_inserted(1)] if merges else []), *conditions]
    parts = [
        f"INSERT INTO {qualified(table.name)}{f'({names})' if names else ''}",
        "SELECT " + ", ".join(f"pgrst_body.{identifier(name)}" for name, _, _ in columns),
        _from_body(payload, columns, parameters, with_defaults=with_defaults),
        f"WHERE {' AND '.join(checks)}" if checks else "",
        _on_conflict(conflict, columns) if conflict else "",
        _returning(table.name, returning),
    ]
    return " ".join(part for part in parts if part)


def _on_conflict(conflict: tuple[str, Sequence[str]], columns: Sequence[_Typed]) -> str:
    resolution, targets = conflict
    if not targets:
        return ""
    head = f"ON CONFLICT({', '.join(map(identifier, targets))})"
    if resolution == "ignore-duplicates" or not columns:
        return f"{head} DO NOTHING"
    names = [identifier(name) for name, _, _ in columns]
    assignments = ", ".join(f"{name} = EXCLUDED.{name}" for name in names)
    return f"{head} DO UPDATE SET {assignments} WHERE {_count_inserted(-1)}"


def _count_inserted(step: int) -> str:
    """Return a condition that is always true and counts: a row is new unless it conflicted."""
    known = "coalesce(nullif(current_setting('pgrst.inserted', true), '')::int, 0)"
    return f"set_config('pgrst.inserted', ({known} + {step})::text, true) <> ''"


def update_sql(
    table: Table,
    payload: Payload,
    parameters: Parameters,
    *,
    conditions: Sequence[str],
    returning: Sequence[str],
    with_defaults: bool,
) -> str:
    """Return an update of the rows that meet `conditions`; `{}` changes nothing."""
    columns = _typed_columns(table, payload.keys)
    if not columns:
        shown = ", ".join(column(table.name, name) for name in returning) or "NULL"
        return f"SELECT {shown} FROM {qualified(table.name)} WHERE false"
    assignments = ", ".join(
        f"{identifier(name)} = pgrst_body.{identifier(name)}" for name, _, _ in columns
    )
    parts = [
        f"UPDATE {qualified(table.name)} SET {assignments}",
        _from_body(payload, columns, parameters, with_defaults=with_defaults),
        f"WHERE {' AND '.join(conditions)}" if conditions else "",
        _returning(table.name, returning),
    ]
    return " ".join(part for part in parts if part)


def delete_sql(table: Table, *, conditions: Sequence[str], returning: Sequence[str]) -> str:
    """Return a delete of the rows that meet `conditions`."""
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    return f"DELETE FROM {qualified(table.name)} {where}{_returning(table.name, returning)}"


def call_sql(
    function: Function,
    payload: Payload | None,
    arguments: dict[str, str | list[str]],
    parameters: Parameters,
    columns: Sequence[str],
) -> str:
    """Return a call with the payload's members, or with single `arguments`, as parameters."""
    given = set(arguments) if payload is None or payload.pairs is not None else set(payload.keys)
    wanted = [each for each in function.parameters if each.name in given]
    source = ""
    if [each.name for each in function.parameters] == [""]:
        text = payload.text if payload is not None else None
        passed = f"{parameters.bind(text)}::{function.parameters[0].declared_type}"
    elif not wanted:
        passed = ""
    elif payload is None or payload.pairs is not None:
        passed = ", ".join(
            f"{'VARIADIC ' if each.is_variadic else ''}{identifier(each.name)}"
            f" := {parameters.bind(arguments[each.name])}::{each.type}"
            for each in wanted
        )
    else:
        typed = [(each.name, each.type, None) for each in wanted]
        source = _from_body(payload, typed, parameters, only_first=True).removeprefix("FROM ")
        source += ", LATERAL "
        passed = ", ".join(
            f"{'VARIADIC ' if each.is_variadic else ''}{identifier(each.name)}"
            f" := pgrst_body.{identifier(each.name)}"
            for each in wanted
        )
    called = f"{qualified(function.name)}({passed})"
    if not function.returns_rows:
        return (
            f"SELECT pgrst_call.pgrst_scalar FROM {source}(SELECT {called} pgrst_scalar) pgrst_call"
        )
    shown = ", ".join(column(QualifiedName("", "pgrst_call"), name) for name in columns)
    return f"SELECT {shown} FROM {source}{called} pgrst_call"


def _returning(table: QualifiedName, columns: Sequence[str]) -> str:
    return "RETURNING " + (", ".join(column(table, name) for name in columns) or "1")


def _typed_columns(table: Table, names: Sequence[str]) -> list[_Typed]:
    """Return the columns called `names`.

    Raises:
        RestError: PGRST204, the table has no such column.
    """
    typed = []
    for name in sorted(names):
        known = table.columns.get(name)
        if known is None:
            raise errors.unknown_column(table.name.name, name)
        typed.append((name, known.type, known.default))
    return typed


def _from_body(
    payload: Payload,
    columns: Sequence[_Typed],
    parameters: Parameters,
    *,
    with_defaults: bool = False,
    only_first: bool = False,
) -> str:
    """Return the `FROM` that unpacks a payload into typed rows called `pgrst_body`."""
    kind = "jsonb" if with_defaults else "json"
    body = f"(SELECT {parameters.bind(payload.text)}::{kind} AS json_data) pgrst_payload"
    value, defaults = "pgrst_payload.json_data", ""
    if with_defaults:
        value, defaults = "pgrst_json_defs.val", _defaults(payload, columns)
    if not columns:
        elements = "(values(1))" if payload.is_object else f"{kind}_array_elements({value})"
        return f"FROM {body}, {defaults}LATERAL (SELECT FROM {elements} _) pgrst_body"
    names = ", ".join(identifier(name) for name, _, _ in columns)
    types = ", ".join(f"{identifier(name)} {type_name}" for name, type_name, _ in columns)
    unpack = f"{kind}_to_record" if payload.is_object else f"{kind}_to_recordset"
    limit = " LIMIT 1" if only_first else ""
    rows = f"SELECT {names} FROM {unpack}({value}) AS _({types}){limit}"
    return f"FROM {body}, {defaults}LATERAL ({rows}) pgrst_body"


def _defaults(payload: Payload, columns: Sequence[_Typed]) -> str:
    """Return the payload with the columns' defaults where it has no such key."""
    pairs = ", ".join(
        f"{literal(name)}, {default}" for name, _, default in columns if default is not None
    )
    built = f"jsonb_build_object({pairs})"
    if payload.is_object:
        value = f"SELECT {built} || pgrst_payload.json_data AS val"
    else:
        value = (
            f"SELECT jsonb_agg({built} || elem) AS val"
            " FROM jsonb_array_elements(pgrst_payload.json_data) elem"
        )
    return f"LATERAL ({value}) pgrst_json_defs, "
