"""Ask Postgres about changed rows: their values as JSON, which filters they pass, who may see them.

Each question is one statement for many rows and many subscribers.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from romashka_local.realtime.change import Values
from romashka_local.realtime.database import Connection
from romashka_local.realtime.filters import Filter
from romashka_local.realtime.pgoutput import Relation

_TABLE_SECONDS: Final = 1.0  # what no Relation message tells of, such as a role's new membership
_NOT_FINITE: Final = frozenset({"NaN", "Infinity", "-Infinity"})
_FLOATING: Final = frozenset({"float4", "float8", "numeric"})

_TABLE = """
select c.oid::regclass::text, c.relrowsecurity, a.attname, t.typname, a.atttypid::regtype::text,
  coalesce(a.attnum = any(k.conkey), false),
  array(
    select r.rolname::text from pg_roles as r
    where r.rolname = any(%(roles)s) and has_column_privilege(r.oid, c.oid, a.attnum, 'SELECT')
  )
from pg_class as c
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type as t on t.oid = a.atttypid
left join pg_constraint as k on k.conrelid = c.oid and k.contype = 'p'
where c.oid = %(table)s
order by a.attnum
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the catalog has it now."""

    name: str
    type_name: str
    sql_type: str
    is_key: bool
    readers: frozenset[str]
    """Which of the roles that were asked for may select it."""

    def as_sql_text(self, value: str | None) -> str | None:
        """Return what Postgres is given to convert: JSON has no NaN and no infinity."""
        return None if self.type_name in _FLOATING and value in _NOT_FINITE else value


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the catalog has it now."""

    name: str
    """Quoted, and with its schema where that is needed."""
    has_rls: bool
    columns: tuple[Column, ...]
    keys: tuple[Column, ...]
    """Those of the primary key."""


@dataclass(frozen=True, slots=True)
class ConvertedRow:
    """A row's values as JSON, and the filters that it passes."""

    values: dict[str, str]
    passed: frozenset[Filter]


@dataclass(frozen=True, slots=True)
class Claims:
    """On whose behalf a row is looked at."""

    role: str
    claims: str


class TableCache:
    """What the catalog says of tables, asked again when their shape or rights changed."""

    def __init__(self) -> None:
        self._tables: dict[int, tuple[Relation, frozenset[str], float, Table | None]] = {}

    async def get(
        self, connection: Connection, relation: Relation, roles: frozenset[str]
    ) -> Table | None:
        """Return the table of `relation`, or None if it is gone.

        A change of columns, rights or row security makes the WAL repeat the relation.
        """
        known = self._tables.get(relation.oid)
        if known and known[0] is relation and roles <= known[1] and time.monotonic() < known[2]:
            return known[3]
        table = await _read_table(connection, relation.oid, roles)
        self._tables[relation.oid] = (relation, roles, time.monotonic() + _TABLE_SECONDS, table)
        return table


async def _read_table(connection: Connection, oid: int, roles: frozenset[str]) -> Table | None:
    cursor = await connection.execute(_TABLE, {"table": oid, "roles": list(roles)})
    rows = await cursor.fetchall()
    if not rows:
        return None
    columns = tuple(Column(row[2], row[3], row[4], row[5], frozenset(row[6])) for row in rows)
    keys = tuple(column for column in columns if column.is_key)
    return Table(rows[0][0], rows[0][1], columns, keys)


async def convert(
    connection: Connection, table: Table, rows: Sequence[Values], filters: Sequence[Filter]
) -> list[ConvertedRow]:
    """Return each row's values as `to_jsonb` gives them, with the filters that it passes.

    Raises:
        psycopg.Error: a value is no longer one of its type.
    """
    used = {name for row in rows for name in row}
    columns = [column for column in table.columns if column.name in used]
    if not columns:
        return [ConvertedRow({}, frozenset()) for _ in rows]
    known = [f for f in filters if any(column.name == f.column for column in columns)]
    texts = [[column.as_sql_text(row.get(column.name)) for row in rows] for column in columns]
    cursor = await connection.execute(
        _conversion(columns, known), [*texts, [condition.value for condition in known]]
    )
    results = await cursor.fetchall()
    return [
        _converted(row, columns, known, values, passes)
        for row, (values, passes) in zip(rows, results, strict=True)
    ]


def _conversion(columns: Sequence[Column], filters: Sequence[Filter]) -> bytes:
    """Return the statement; its text depends on names and types alone, so it is prepared once."""
    positions = {column.name: number for number, column in enumerate(columns)}
    values = [_json_of(f"c{n}", column.sql_type) for n, column in enumerate(columns)]
    conditions = [
        condition.condition(
            f"c{positions[condition.column]}",
            f"f[{number}]",
            columns[positions[condition.column]].sql_type,
        )
        for number, condition in enumerate(filters, start=1)
    ]
    names = ", ".join(f"c{n}" for n in range(len(columns)))
    arrays = ", ".join("%s::text[]" for _ in columns)
    answers = f"array[{', '.join(values)}]::text[], array[{', '.join(conditions)}]::boolean[]"
    return (
        f"select {answers.replace('%', '%%')}"  # noqa: S608 -- names of types, from the catalog
        f" from unnest({arrays}) with ordinality as r({names}, n), (select %s::text[]) as v(f)"
        " order by n"
    ).encode()


def _json_of(expression: str, type_name: str) -> str:
    if type_name == "bytea":
        return f"to_jsonb(substr({expression}, 3))::text"  # hexadecimal, without its prefix
    return f"to_jsonb({expression}::{type_name})::text"


def _converted(
    row: Values,
    columns: Sequence[Column],
    filters: Sequence[Filter],
    values: Sequence[str | None],
    passes: Sequence[bool],
) -> ConvertedRow:
    texts = {
        column.name: value if value is not None else "null"
        for column, value in zip(columns, values, strict=True)
        if column.name in row
    }
    passed = (f for f, ok in zip(filters, passes, strict=True) if ok and f.column in row)
    return ConvertedRow(texts, frozenset(passed))


async def visible(
    connection: Connection,
    table: Table,
    rows: Sequence[Values],
    pairs: Sequence[tuple[int, Claims]],
    xids: Collection[int],
) -> set[tuple[int, Claims]]:
    """Return the pairs of a row's number and claims that row-level security lets through now.

    Waits until the transactions `xids` are visible: the WAL is a moment ahead of other sessions.
    """
    claims = list(dict.fromkeys(who for _, who in pairs))
    numbers = {who: number for number, who in enumerate(claims, start=1)}
    keys = [[row.get(key.name) for key in table.keys] for row in rows]
    cursor = await connection.execute(
        "select * from pg_temp.visible_to"
        "(%s::bigint[], %s, %s::text[], %s::int[], %s::text[], %s::text[], %s::int[])",
        [
            _array([str(xid) for xid in xids]),
            _existence(table),
            _array([_array(key) for key in keys]),
            _array([str(number + 1) for number, _ in pairs]),
            _array([who.role for who in claims]),
            _array([who.claims for who in claims]),
            _array([str(numbers[who]) for _, who in pairs]),
        ],
    )
    return {pairs[position - 1] for (position,) in await cursor.fetchall()}


def _existence(table: Table) -> str:
    conditions = " and ".join(
        f"{_quoted(key.name)} = ($1)[{number}]::{key.sql_type}"
        for number, key in enumerate(table.keys, start=1)
    )
    return f"select exists (select from {table.name} where {conditions})"  # noqa: S608 -- quoted


def _quoted(name: str) -> str:
    return sql.Identifier(name).as_string()


def _array(values: Sequence[str | None]) -> str:
    """Return the literal of an array: much quicker than psycopg's, which looks at each quote."""
    return "{" + ",".join(_element(value) for value in values) + "}"


def _element(value: str | None) -> str:
    if value is None:
        return "null"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
