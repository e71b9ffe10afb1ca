"""What is installed for a while only goes again, and nothing else goes with it."""

import shutil
from pathlib import Path

import psycopg
import pytest
from romashka._migration_files import product_folder
from romashka._migrations import MigrationError
from romashka._removal import NotEmpty, installed_for_now

from tests.upgrade.catalog import read_whole

OWN_THINGS = """
create table public.orders (id bigint primary key);
create function public.count_orders() returns bigint language sql
  return (select count(*) from public.orders);
create policy "mine" on realtime.messages for select to authenticated using (true);
create policy "mine" on storage.objects for select to authenticated using (true);
create extension vector schema extensions;
create extension if not exists pg_cron;
select cron.schedule('mine', '0 3 * * *', 'select 1');
alter publication supabase_realtime add table public.orders;
insert into storage.buckets (id, name) values ('mine', 'mine');
insert into auth.users (id) values (gen_random_uuid());
create schema supabase_migrations;
create table supabase_migrations.schema_migrations (
  version text primary key, statements text[], name text);
insert into supabase_migrations.schema_migrations values ('20200101000000', '{}', 'orders');
"""
"""What a project may have that has nothing to do with Romashka."""


def delete_bucket(url: str) -> None:
    """Do as Storage does."""
    with psycopg.connect(url.replace("//postgres:", "//supabase_admin:")) as database:
        database.execute("set storage.allow_delete_query = 'true'")
        database.execute("delete from storage.buckets where id = 'conversation-attachments'")


@pytest.mark.parametrize("has_own_things", [False, True])
def test_the_database_is_what_it_was(bare_db: str, has_own_things: bool) -> None:
    """Who tries it in their project would find the rest of it for years."""
    with psycopg.connect(bare_db) as database:
        database.execute("drop schema supabase_migrations")  # which the CLI makes, or we do
        if has_own_things:
            database.execute(OWN_THINGS)
    before = read_whole(bare_db)
    with installed_for_now(bare_db) as files:
        during = read_whole(bare_db)
        delete_bucket(bare_db)

    assert len(files) > 50
    assert len(during - before) > 400
    assert read_whole(bare_db) ^ before == set()


def test_it_is_removed_after_a_failure(bare_db: str) -> None:
    """What goes wrong is what it is tried for."""

    def try_in_vain() -> None:
        with installed_for_now(bare_db):
            delete_bucket(bare_db)
            raise ZeroDivisionError

    before = read_whole(bare_db)
    with pytest.raises(ZeroDivisionError):
        try_in_vain()

    assert read_whole(bare_db) ^ before == set()


def test_an_installation_that_fails_leaves_nothing(bare_db: str, tmp_path: Path) -> None:
    """Not even the tables in which the files are recorded."""
    edition = shutil.copytree(product_folder(), tmp_path / "supabase")
    (edition / "repeatable" / "1800_bad.sql").write_text("select nothing;")
    before = read_whole(bare_db)
    with (
        pytest.raises(MigrationError, match='column "nothing" does not exist'),
        installed_for_now(bare_db, edition),
    ):
        pytest.fail("it was installed")

    assert read_whole(bare_db) ^ before == set()


@pytest.mark.parametrize(
    ("there", "name"),
    [
        ("create table public.profiles (id uuid)", "table public.profiles"),
        ("create view public.messages as select 1 as id", "table public.messages"),
        ("create schema private", "schema private"),
        (
            "create function public.create_conversation() returns int language sql return 1",
            "create_conversation()",
        ),
        (
            'create policy "members say that they type" on realtime.messages using (true)',
            'policy "members say that they type" on realtime.messages',
        ),
        (
            "insert into storage.buckets (id, name) values"
            " ('conversation-attachments', 'conversation-attachments')",
            "bucket conversation-attachments",
        ),
    ],
)
def test_a_project_that_has_such_a_thing_is_left_alone(bare_db: str, there: str, name: str) -> None:
    """It would be adopted, and then removed with all its rows."""
    with psycopg.connect(bare_db) as database:
        database.execute(there.encode())
    before = read_whole(bare_db)
    with pytest.raises(NotEmpty) as refused, installed_for_now(bare_db):
        pytest.fail("it was installed")

    assert str(refused.value) == f"this database already has {name}"
    assert read_whole(bare_db) ^ before == set()


def test_an_installed_romashka_is_never_removed(fresh_db: str) -> None:
    """A typing error in --db-url must not cost a team its inbox."""
    before = read_whole(fresh_db)
    with pytest.raises(NotEmpty, match=r"this database already has .* more$"):
        with installed_for_now(fresh_db):
            pytest.fail("it was installed")

    assert read_whole(fresh_db) ^ before == set()
