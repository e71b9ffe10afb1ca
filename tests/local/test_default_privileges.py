"""What clients may do with what migrations create: on projects of today, and of before."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from romashka_local.postgres import Cluster

from tests.support import databases
from tests.support.stacks import run_stack

Connection = psycopg.Connection[Any]
AsUser = Callable[..., Connection]

_OBJECTS = """
create table todos (id int generated always as identity, owner uuid);
create sequence numbers;
create function answer() returns int language sql as 'select 42';
"""


@pytest.fixture(scope="module")
def closed_template(cluster: Cluster) -> str:
    """The name of a project of today, which exposes nothing by itself."""
    return databases.make_template(cluster, "closed", exposes_new_tables=False)


@pytest.fixture
def closed_db(cluster: Cluster, closed_template: str) -> Iterator[Connection]:
    with databases.clone(cluster, closed_template) as url, psycopg.connect(url) as connection:
        connection.execute(_OBJECTS)
        yield connection


@pytest.fixture
def open_db(cluster: Cluster, open_template: str) -> Iterator[Connection]:
    with databases.clone(cluster, open_template) as url, psycopg.connect(url) as connection:
        connection.execute(_OBJECTS)
        yield connection


def _value(connection: Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return row and row[0]


def _try(connection: Connection, statement: str) -> None:
    with connection.transaction():
        connection.execute(statement.encode())


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_clients_reach_what_is_granted_and_nothing_else(
    closed_db: Connection, as_user: AsUser, role: str
) -> None:
    """A migration that grants nothing would work here and be closed on every hosted project."""
    db = as_user(closed_db, role)
    for statement in ("select from todos", "insert into todos default values"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="for table todos"):
            _try(db, statement)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="for sequence numbers"):
        _try(db, "select last_value from numbers")
    assert _value(db, "select answer()") == 42  # execute to PUBLIC is Postgres' own default

    as_user(db, None).execute(f"grant select on todos to {role}")
    assert _value(as_user(db, role), "select count(*) from todos") == 0


def test_a_closed_project_keeps_the_rights_that_the_data_api_has_no_use_for(
    closed_db: Connection,
) -> None:
    """Who reads a catalog of grants meets these on hosted projects, too."""
    tables = _value(closed_db, "select relacl::text from pg_class where relname = 'todos'")
    sequences = _value(closed_db, "select relacl::text from pg_class where relname = 'numbers'")
    functions = _value(closed_db, "select proacl::text from pg_proc where proname = 'answer'")

    maintain = "m" if closed_db.info.server_version >= 170000 else ""
    assert f"anon=Dxt{maintain}/postgres" in tables
    assert "anon=w/postgres" in sequences
    assert functions is None  # as Postgres has it: the owner's, and execute to PUBLIC


def test_an_open_project_grants_all_and_row_level_security_restricts(
    open_db: Connection, as_user: AsUser
) -> None:
    """Old projects keep what their tables have; `auto_expose_new_tables` gives it to new ones."""
    db = open_db
    db.execute("alter table todos enable row level security")
    db.execute("create policy own on todos for all to authenticated using (owner = auth.uid())")
    user = str(uuid.uuid4())
    as_user(db, user).execute("insert into todos (owner) values (auth.uid())")

    assert _value(as_user(db, user), "select count(*) from todos") == 1
    assert _value(as_user(db, "anon"), "select count(*) from todos") == 0
    assert _value(as_user(db, "service_role"), "select count(*) from todos") == 1


@pytest.mark.parametrize("exposes", [True, False])
def test_config_toml_chooses_the_form(tmp_path: Path, exposes: bool) -> None:
    """The setting of the real CLI; a project that has it starts here as it does there."""
    project = _project(tmp_path, f"auto_expose_new_tables = {str(exposes).lower()}")
    with (
        run_stack("--ephemeral", cwd=project) as stack,
        psycopg.connect(stack.db_url) as connection,
    ):
        reads = _value(connection, "select has_table_privilege('anon', 'todos', 'select')")

    assert reads is exposes


def _project(folder: Path, setting: str) -> Path:
    (folder / "supabase" / "migrations").mkdir(parents=True)
    (folder / "supabase" / "config.toml").write_text(f"[api]\n{setting}\n")
    (folder / "supabase" / "migrations" / "20260101000000_todos.sql").write_text(_OBJECTS)
    return folder
