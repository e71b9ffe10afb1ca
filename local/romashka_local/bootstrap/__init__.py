"""What an empty database needs to be a Supabase project: the SQL files of this folder, in order."""

from importlib import resources

import psycopg
from psycopg import sql

from romashka_local.extensions import stand_in
from romashka_local.keys import DEFAULT_JWT_SECRET

EXPOSES_NEW_TABLES = False
"""Whether clients reach what `postgres` creates in `public`, where nothing else is said."""

# As the Supabase CLI and Studio do it: what else the default privileges give stays, and anybody may
# call functions, which is Postgres' own default.
_CLOSE_NEW_TABLES = """
alter default privileges for role postgres in schema public
  revoke select, insert, update, delete on tables from anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  revoke usage, select on sequences from anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  revoke execute on functions from anon, authenticated, service_role;
"""


def bootstrap_database(
    url: str,
    *,
    jwt_secret: str = DEFAULT_JWT_SECRET,
    exposes_new_tables: bool = EXPOSES_NEW_TABLES,
) -> None:
    """Make the database at `url` (connected to as `supabase_admin`) a bare Supabase project.

    With `exposes_new_tables` the API's roles may use what `postgres` creates in `public`, as by
    `[api] auto_expose_new_tables`; without, only what a migration grants them by name.

    All of it happens in one transaction, so a crash leaves an empty database; in one that is
    a project already only the secret is set.
    """
    with psycopg.connect(url) as connection:
        if not is_bootstrapped(connection):
            for _name, text in bootstrap_files():
                connection.execute(text.encode())
            _add_cron(connection)
            if not exposes_new_tables:
                connection.execute(_CLOSE_NEW_TABLES)
        _record_secret(connection, jwt_secret)


def bootstrap_files() -> list[tuple[str, str]]:
    """Return the name and the text of each file, in order."""
    files = [f for f in resources.files(__name__).iterdir() if f.name.endswith(".sql")]
    return sorted((file.name, file.read_text(encoding="utf-8")) for file in files)


def _add_cron(connection: psycopg.Connection) -> None:
    """Make the schema `cron` where `create extension pg_cron` will not be able to."""
    available = connection.execute("select from pg_available_extensions where name = 'pg_cron'")
    if not available.rowcount:
        connection.execute(stand_in("pg_cron").encode())


def is_bootstrapped(connection: psycopg.Connection) -> bool:
    """Say whether the database is a Supabase project already."""
    row = connection.execute("select to_regnamespace('supabase_migrations') is not null").fetchone()
    return row is not None and bool(row[0])


def _record_secret(connection: psycopg.Connection, jwt_secret: str) -> None:
    """Set what SQL in the wild reads to sign or verify tokens itself."""
    database = sql.Identifier(connection.info.dbname)
    for name, value in (("app.settings.jwt_secret", jwt_secret), ("app.settings.jwt_exp", "3600")):
        connection.execute(
            sql.SQL("alter database {} set {} to {}").format(
                database, sql.Identifier(name), sql.Literal(value)
            )
        )
