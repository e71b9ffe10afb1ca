"""Migrations are applied as the Supabase CLI does it: in order, each file whole or not at all."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from romashka._migrations import MigrationError, apply_migrations, apply_seed
from romashka._statements import split_statements

from tests.support.stacks import ROMASHKA


def _project(folder: Path, files: dict[str, str]) -> Path:
    (folder / "migrations").mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / "migrations" / name).write_text(text)
    return folder


def test_files_are_applied_in_order_and_recorded_with_their_statements(
    bare_db: str, tmp_path: Path
) -> None:
    """`supabase migration list` and `db push` read this table of the same database."""
    files = {
        "20260102_fill.sql": "insert into a values (';');\ninsert into a values ('2')",
        "20260101_create.sql": "create table a (t text);",
        "notes.sql": "this is no migration",
    }
    assert apply_migrations(bare_db, _project(tmp_path, files)) == [
        "20260101_create.sql",
        "20260102_fill.sql",
    ]

    with psycopg.connect(bare_db) as connection:
        recorded = connection.execute(
            "select version, name, statements from supabase_migrations.schema_migrations order by 1"
        ).fetchall()
    assert recorded == [
        ("20260101", "create", ["create table a (t text)"]),
        ("20260102", "fill", ["insert into a values (';')", "insert into a values ('2')"]),
    ]


def test_a_failing_file_is_named_and_nothing_of_it_is_kept(bare_db: str, tmp_path: Path) -> None:
    """The next run, with the file mended, must start from a known state."""
    files = {
        "1_good.sql": "create table good ();",
        "2_bad.sql": "create table half ();\n\n-- next\nselect nothing;",
    }
    project = _project(tmp_path, files)
    with pytest.raises(MigrationError) as caught:
        apply_migrations(bare_db, project)

    assert str(caught.value) == '2_bad.sql, line 4: column "nothing" does not exist'
    with psycopg.connect(bare_db) as connection:
        found = connection.execute("select to_regclass('good'), to_regclass('half')").fetchone()
    assert found == ("good", None)

    _project(tmp_path, {"2_bad.sql": "create table half ();"})
    assert apply_migrations(bare_db, project) == ["2_bad.sql"]


def test_two_runs_at_once_apply_each_file_once(bare_db: str, tmp_path: Path) -> None:
    """Two workers that are deployed together both migrate."""
    files = {f"{n}_step.sql": f"create table t{n} ();" for n in range(1, 6)}
    project = _project(tmp_path, files)
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(apply_migrations, bare_db, project) for _ in range(2)]
        applied = [name for run in runs for name in run.result()]

    assert sorted(applied) == sorted(files)


def test_what_a_file_sets_does_not_reach_the_next(bare_db: str, tmp_path: Path) -> None:
    """A dump sets an empty search_path, on purpose, for itself alone."""
    files = {
        "1_dump.sql": "set search_path = ''; create table public.a ();",
        "2_plain.sql": "create table b as select uuid_generate_v4() as id;",
    }
    apply_migrations(bare_db, _project(tmp_path, files))

    with psycopg.connect(bare_db) as connection:
        assert connection.execute("select to_regclass('public.b') is not null").fetchone() == (
            True,
        )


def test_a_seed_runs_once(bare_db: str, tmp_path: Path) -> None:
    """A restarted stack must not insert the seed's rows again."""
    (tmp_path / "seed.sql").write_text(
        "create table if not exists s (n int); insert into s values (1)"
    )
    first, second = apply_seed(bare_db, tmp_path), apply_seed(bare_db, tmp_path)

    assert (first, second) == (["seed.sql"], [])
    with psycopg.connect(bare_db) as connection:
        assert connection.execute("select count(*) from s").fetchone() == (1,)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("select 1", 1),
        ("select 1;; select 2;", 2),
        ("select ';', \";\", E'\\';', U&';'; select 2", 2),
        ("-- a; b\nselect 1; /* c; /* d; */ e; */ select 2", 2),
        ("do $$ begin; end $$; do $x$ $$ ; $$ $x$; select $1; select 2", 4),
        ("create rule r as on insert to t do also (select 1; select 2); select 3", 2),
        (
            "create function f() returns int begin atomic; select case when true then 1 end; end;"
            "select 2",
            2,
        ),
        ("begin; select a$b$c; commit;", 3),
    ],
)
def test_only_a_semicolon_that_ends_a_statement_splits(text: str, count: int) -> None:
    """A function's body cut in two would fail, or worse, run."""
    assert len(split_statements(text)) == count


def test_the_command_applies_everything_and_then_has_nothing_to_do(bare_db: str) -> None:
    """What an operator types against a hosted project."""
    command = [ROMASHKA, "migrate", "--db-url", bare_db]
    first = subprocess.run(command, capture_output=True, text=True)
    second = subprocess.run(command, capture_output=True, text=True)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert all(line.startswith("applied ") for line in first.stdout.splitlines())
    assert second.stdout == "Nothing to apply: the database is up to date.\n"


@pytest.mark.parametrize(
    ("url", "code", "says"),
    [
        ("postgresql://postgres:wrong@{address}/postgres", 1, "unable to use the database; "),
        ("postgresql://postgres@127.0.0.1:1/x", 1, "unable to use the database; "),
        ("nonsense", 2, "--db-url (DATABASE_URL) is not of the form postgres"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_clear_line(
    bare_db: str, url: str, code: int, says: str
) -> None:
    """A wrong password, nobody there, no URL: no trace."""
    address = bare_db.partition("@")[2].partition("/")[0]
    command = [ROMASHKA, "migrate", "--db-url", url.format(address=address)]
    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == code
    assert done.stderr.startswith(f"romashka: {says}")
    assert len(done.stderr.splitlines()) == 1
    assert "wrong@" not in done.stderr


_ENABLE_ROW_SECURITY = """
create function enable_row_security() returns event_trigger language plpgsql as $$
declare command record;
begin
  for command in select * from pg_event_trigger_ddl_commands() where schema_name = 'public' loop
    execute format('alter table %s enable row level security', command.object_identity);
  end loop;
end $$;
drop event trigger if exists ensure_row_security;
-- for every table
create event trigger ensure_row_security on ddl_command_end when tag in ('CREATE TABLE')
  execute function enable_row_security();
"""


def test_a_migration_may_make_an_event_trigger(bare_db: str, tmp_path: Path) -> None:
    """Hosted projects offer one that turns on row-level security for each new table."""
    files = {"1_trigger.sql": _ENABLE_ROW_SECURITY, "2_table.sql": "create table todos ();"}
    apply_migrations(bare_db, _project(tmp_path, files))

    with psycopg.connect(bare_db) as connection:
        secured = connection.execute("select relrowsecurity from pg_class where relname = 'todos'")
        assert secured.fetchone() == (True,)
        is_super = connection.execute("select rolsuper from pg_roles where rolname = 'postgres'")
        assert is_super.fetchone() == (False,)
        connection.execute("alter event trigger ensure_row_security disable")
        connection.execute("drop event trigger ensure_row_security")


def test_a_wrong_event_trigger_is_refused_with_its_line(bare_db: str, tmp_path: Path) -> None:
    """As any other statement of a migration."""
    project = _project(
        tmp_path,
        {"1_bad.sql": "select 1;\ncreate event trigger e on login execute function nowhere();"},
    )
    with pytest.raises(MigrationError, match=r"1_bad\.sql, line 2: .*nowhere"):
        apply_migrations(bare_db, project)
