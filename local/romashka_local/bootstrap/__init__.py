"""What an empty database needs to be a Supabase project: the SQL files of this folder, in order."""

from importlib import resources

import psycopg
from psycopg import sql

from romashka_local.extensions import stand_in
from romashka_local.keys import DEFAULT_JWT_SECRET


def bootstrap_database(url: str, *, jwt_secret: str = DEFAULT_JWT_SECRET) -> None:
    """Make the database at `url` (connected to as `supabase_admin`) a bare Supabase project.

    All of it happens in one transaction, so a crash leaves an empty database; in one that is
    a project already only the secret is set.
    """
    with psycopg.connect(url) as connection:
        if not is_bootstrapped(connection):
            for _name, text in bootstrap_files():
                connection.execute(text.encode())
            _add_cron(connection)
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
