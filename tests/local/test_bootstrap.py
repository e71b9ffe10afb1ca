"""A bare database has what a Supabase project has before its first migration."""

import psycopg
import pytest


def test_migrations_do_not_run_as_a_superuser(bare_db: str) -> None:
    """A migration that works only for a superuser would fail on a hosted project."""
    with psycopg.connect(bare_db) as connection:
        row = connection.execute(
            "select current_user, rolsuper, rolcreaterole, rolbypassrls"
            " from pg_roles where rolname = current_user"
        ).fetchone()

    assert row == ("postgres", False, True, True)


@pytest.mark.parametrize("name", ["vector", "pg_trgm", "moddatetime", "pg_stat_statements"])
def test_postgres_may_create_the_usual_extensions(bare_db: str, name: str) -> None:
    """Hosted projects let `postgres` create these, so migrations do."""
    with psycopg.connect(bare_db) as connection:
        connection.execute(f"create extension if not exists {name} with schema extensions")
