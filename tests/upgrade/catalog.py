"""All that a database's catalog says of Romashka, as lines to compare."""

from typing import Any

import psycopg

_OURS = "in ('public', 'private')"


def _sorted(acl: str) -> str:
    """Rights that were taken and given again stand in another order."""
    return f"(select array_agg(item::text order by item::text) from unnest({acl}) as item)"


_QUERIES = (
    f"""
    select format('%s %s.%s %s %s rls=%s', tables.relkind, schemas.nspname, tables.relname,
      tables.reloptions, {_sorted("tables.relacl")}, tables.relrowsecurity)
    from pg_class as tables join pg_namespace as schemas on schemas.oid = tables.relnamespace
    where schemas.nspname {_OURS}
    """,
    f"""
    select format('column %s.%s %s not_null=%s %s %s %s', schemas.nspname, tables.relname,
      columns.attname, columns.attnotnull, format_type(columns.atttypid, columns.atttypmod),
      {_sorted("columns.attacl")}, pg_get_expr(defaults.adbin, defaults.adrelid))
    from pg_attribute as columns join pg_class as tables on tables.oid = columns.attrelid
    join pg_namespace as schemas on schemas.oid = tables.relnamespace
    left join pg_attrdef as defaults
      on defaults.adrelid = tables.oid and defaults.adnum = columns.attnum
    where schemas.nspname {_OURS} and columns.attnum > 0 and not columns.attisdropped
      and tables.relkind <> 'i'
    """,
    f"""
    select format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    from pg_constraint where connamespace::regnamespace::text {_OURS} and contype <> 'n'
    """,
    f"select 'index ' || indexdef from pg_indexes where schemaname {_OURS}",
    """
    select format('trigger %s', pg_get_triggerdef(oid)) from pg_trigger
    where not tgisinternal and tgrelid::regclass::text !~ '^(storage|realtime)'
    """,
    """
    select format('policy %s.%s %s %s %s %s %s %s', schemaname, tablename, policyname, permissive,
      roles, cmd, qual, with_check)
    from pg_policies
    """,
    f"""
    select format('function %s %s %s', oid::regprocedure, {_sorted("proacl")},
      pg_get_functiondef(oid))
    from pg_proc where pronamespace::regnamespace::text {_OURS}
    """,
    f"""
    select format('comment %s %s', oid::regprocedure, obj_description(oid, 'pg_proc'))
    from pg_proc where pronamespace::regnamespace::text {_OURS}
    """,
    """
    select format('published %s.%s %s', schemaname, tablename, pubname)
    from pg_publication_tables where pubname = 'supabase_realtime'
    """,
    "select format('cron %s %s %s', jobname, schedule, command) from cron.job",
    f"select format('schema %s %s', nspname, {_sorted('nspacl')}) from pg_namespace"
    " where nspname = 'private'",
    "select format('bucket %s %s %s', id, public, file_size_limit) from storage.buckets",
    "select format('file %s %s', name, digest) from private.applied_files",
)


def read_catalog(url: str) -> set[str]:
    """Return a line for each object, without the order of columns, which an upgrade cannot keep."""
    with psycopg.connect(url) as connection:
        return {line for query in _QUERIES for (line,) in _all(connection, query)}


def _all(connection: psycopg.Connection[Any], query: str) -> list[tuple[str]]:
    return connection.execute(query.encode()).fetchall()


_WHOLE = (
    f"select format('schema %s %s', nspname, {_sorted('nspacl')}) from pg_namespace"
    " where nspname !~ '^pg_(toast_)?temp'",
    f"""
    select format('%s %s.%s %s', relkind, relnamespace::regnamespace, relname, {_sorted("relacl")})
    from pg_class where relnamespace::regnamespace::text !~ '^pg_'
      and relname !~ '^messages_[0-9_]+'  -- Realtime's own, a day each
    """,
    f"select format('function %s %s', oid::regprocedure, {_sorted('proacl')}) from pg_proc"
    " where pronamespace::regnamespace::text !~ '^pg_temp'",
    "select 'type ' || typname from pg_type where typname !~ 'messages_[0-9_]+$'",
    "select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal",
    "select policies::text from pg_policies as policies",
    "select 'extension ' || extname from pg_extension",
    "select format('default %s %s', defaclnamespace::regnamespace, defaclacl) from pg_default_acl",
    "select format('published %s %s', pubname, pg_get_userbyid(pubowner)) from pg_publication",
    "select tables::text from pg_publication_tables as tables",
    "select users.id::text from auth.users as users",
    "select buckets.id from storage.buckets as buckets",
    "select objects.name from storage.objects as objects",
)


def read_whole(url: str) -> set[str]:
    """Return a line for each object of a database, whoever made it, for its users and its files."""
    with psycopg.connect(url) as connection:
        lines = {line for query in _WHOLE for (line,) in _all(connection, query)}
        for table in ("cron.job", "supabase_migrations.schema_migrations"):
            if connection.execute("select to_regclass(%s)", [table]).fetchone() != (None,):
                lines |= {f"{table} {row}" for row in _all(connection, f"select * from {table}")}
    return lines
