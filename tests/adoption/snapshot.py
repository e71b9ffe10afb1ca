"""What a database is: every object of its schemas, and every row of `public`, to be compared."""

import psycopg

from tests.adoption.originals import Rows, read_rows

_OBJECTS = """
with mine as (
  select oid, nspname, nspacl from pg_namespace
  where nspname not in ('pg_catalog', 'information_schema') and nspname !~ '^pg_(toast|temp)'
)
select format('schema %s %s', nspname, nspacl) from mine
union all
select format('relation %s.%s %s %s %s', nspname, relname, relkind, relrowsecurity, relacl)
from pg_class join mine on mine.oid = relnamespace where relkind <> 'S'
union all
select format('column %s.%s.%s %s %s %s', nspname, relname, attname,
  format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid))
from pg_attribute join pg_class on pg_class.oid = attrelid join mine on mine.oid = relnamespace
left join pg_attrdef on adrelid = attrelid and adnum = attnum where attnum > 0 and not attisdropped
union all
select format('constraint %s.%s %s', nspname, conname, pg_get_constraintdef(pg_constraint.oid))
from pg_constraint join mine on mine.oid = connamespace
union all
select format('function %s %s %s %s %s',
  pg_proc.oid::regprocedure, md5(prosrc), prosecdef, proconfig, proacl)
from pg_proc join mine on mine.oid = pronamespace
union all
select format('trigger %s %s', pg_get_triggerdef(pg_trigger.oid), tgenabled)
from pg_trigger join pg_class on pg_class.oid = tgrelid join mine on mine.oid = relnamespace
where not tgisinternal
union all
select format('policy %s.%s.%s %s %s %s %s',
  schemaname, tablename, policyname, cmd, roles, qual, with_check)
from pg_policies
union all
select format('published %s %s.%s', pubname, schemaname, tablename) from pg_publication_tables
union all
select format('extension %s', extname) from pg_extension
"""

Snapshot = tuple[set[str], Rows]


def take_snapshot(url: str) -> Snapshot:
    """Return what must be equal before and after something that changes nothing."""
    with psycopg.connect(url) as connection:
        return {line for (line,) in connection.execute(_OBJECTS)}, read_rows(url)


def differences(before: Snapshot, after: Snapshot) -> list[str]:
    """Name what is in one of two snapshots alone."""
    tables = before[1].keys() | after[1].keys()
    return sorted(before[0] ^ after[0]) + [
        f"rows of {table}"
        for table in sorted(tables)
        if before[1].get(table) != after[1].get(table)
    ]
