"""A bare database has what a Supabase project has before its first migration."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

Connection = psycopg.Connection[Any]
AsUser = Callable[..., Connection]


@pytest.fixture
def db(bare_db: str) -> Iterator[Connection]:
    """A bare database, as the role that migrations run as."""
    with psycopg.connect(bare_db) as connection:
        yield connection


def _one(connection: Connection, query: str, *parameters: Any) -> Any:
    row = connection.execute(query.encode(), parameters or None).fetchone()
    return row if row is None or len(row) > 1 else row[0]


def _add_user(connection: Connection) -> str:
    user = str(uuid.uuid4())
    connection.execute("insert into auth.users (id, email) values (%s, 'a@example.com')", [user])
    return user


@pytest.mark.parametrize(
    ("role", "superuser", "login", "inherit", "bypass_rls"),
    [
        # What works only as a superuser would fail on a hosted project.
        ("postgres", False, True, True, True),
        ("anon", False, False, True, False),
        ("authenticated", False, False, True, False),
        ("service_role", False, False, True, True),
        ("authenticator", False, True, False, False),
        ("supabase_admin", True, True, True, True),
        ("supabase_auth_admin", False, True, False, False),
        ("supabase_realtime_admin", False, False, False, False),
    ],
)
def test_each_role_may_do_what_it_may_on_a_hosted_project(
    db: Connection, role: str, superuser: bool, login: bool, inherit: bool, bypass_rls: bool
) -> None:
    """A right too many here hides a failure there; a right too few invents one."""
    found = _one(
        db,
        "select rolsuper, rolcanlogin, rolinherit, rolbypassrls from pg_roles where rolname = %s",
        role,
    )

    assert found == (superuser, login, inherit, bypass_rls)


def test_claims_are_read_in_both_forms_and_empty_ones_are_absent(db: Connection) -> None:
    """A setting that was local in an earlier transaction reads back as an empty string."""
    user = str(uuid.uuid4())
    everything = "select auth.uid()::text, auth.role(), auth.email(), auth.jwt() ->> 'role'"
    db.execute("select set_config('request.jwt.claims', '', true)")
    assert _one(db, everything) == (None, None, None, None)

    claims = f'{{"sub": "{user}", "role": "anon", "email": "a@example.com"}}'
    db.execute("select set_config('request.jwt.claims', %s, true)", [claims])
    assert _one(db, everything) == (user, "anon", "a@example.com", "anon")

    db.execute("select set_config('request.jwt.claim.role', 'service_role', true)")
    assert _one(db, everything)[1] == "service_role"


def test_migrations_may_attach_to_users(db: Connection) -> None:
    """The usual first migration: a profile for each new user, gone with the user."""
    db.execute(
        "create table profiles (id uuid primary key references auth.users on delete cascade)"
    )
    db.execute(
        "create function add_profile() returns trigger language plpgsql security definer as $$"
        " begin insert into public.profiles values (new.id); return new; end $$"
    )
    db.execute(
        "create trigger add_profile after insert on auth.users"
        " for each row execute function add_profile()"
    )
    user = _add_user(db)
    db.execute(
        "insert into auth.identities (provider_id, user_id, identity_data, provider)"
        " values (%s, %s, '{}', 'email')",
        [user, user],
    )
    assert _one(db, "select count(*) from profiles") == 1

    db.execute("delete from auth.users")
    assert _one(db, "select (select count(*) from profiles), count(*) from auth.identities") == (
        0,
        0,
    )


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_users_are_not_exposed(db: Connection, as_user: AsUser, role: str) -> None:
    """Nobody reads password hashes through the API."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_user(db, role).execute("select * from auth.users")


@pytest.mark.parametrize("table", ["realtime.messages", "storage.objects", "storage.buckets"])
def test_migrations_may_write_policies_on_the_servers_tables(db: Connection, table: str) -> None:
    """Private channels and buckets are opened by policies of the project."""
    db.execute(f"create policy mine on {table} for select to authenticated using (true)")


def test_migrations_may_publish_a_table(db: Connection) -> None:
    """In the usual way, and by making the publication anew."""
    db.execute("create table a (id int primary key)")
    db.execute("alter publication supabase_realtime add table a")
    db.execute("drop publication supabase_realtime; create publication supabase_realtime")


def test_an_update_of_a_published_table_with_a_generated_column_works(db: Connection) -> None:
    """PostgreSQL 18 would refuse it, were the generated column not published."""
    db.execute("create table a (id int primary key, b int generated always as (id * 2) stored)")
    db.execute("alter table a replica identity full")
    db.execute("alter publication supabase_realtime add table a")
    db.execute("insert into a values (1)")
    db.execute("update a set id = 2")


def test_a_broadcast_needs_an_insert_policy_and_never_fails_the_write(
    db: Connection, as_user: AsUser
) -> None:
    """A broadcast without right vanishes with a warning, here as on a hosted project."""
    warnings: list[str | None] = []
    db.add_notice_handler(lambda notice: warnings.append(notice.message_primary))
    send = """select realtime.send('{"a": 1}', 'event', 'room')"""
    as_user(db, "authenticated").execute(send)
    assert _one(as_user(db, None), "select count(*) from realtime.messages") == 0
    assert [str(warning).partition(":")[0] for warning in warnings] == [
        "WarnSendingBroadcastMessage"
    ]

    db.execute(
        "create policy room on realtime.messages for insert to authenticated"
        " with check (realtime.topic() = 'room')"
    )
    as_user(db, "authenticated").execute(send)
    found = _one(
        as_user(db, None),
        "select topic, event, private, extension, payload ->> 'a', payload ->> 'id' = id::text"
        " from realtime.messages",
    )
    assert found == ("room", "event", True, "broadcast", "1", True)


def test_broadcast_changes_tells_of_the_row(db: Connection) -> None:
    """The payload that supabase-js hands to its callers."""
    db.execute("create table notes (id int primary key, t text)")
    db.execute(
        "create function tell() returns trigger language plpgsql as $$ begin"
        " perform realtime.broadcast_changes('notes', tg_op, tg_op, tg_table_name,"
        " tg_table_schema, new, old); return null; end $$"
    )
    db.execute(
        "create trigger tell after insert or update or delete on notes"
        " for each row execute function tell()"
    )
    db.execute("insert into notes values (1, 'a'); update notes set t = 'b'; delete from notes")
    sent = db.execute("select payload - 'id' from realtime.messages order by inserted_at, ctid")

    table = {"table": "notes", "schema": "public"}
    a, b = {"id": 1, "t": "a"}, {"id": 1, "t": "b"}
    assert [payload for (payload,) in sent] == [
        {"operation": "INSERT", "record": a, "old_record": None, **table},
        {"operation": "UPDATE", "record": b, "old_record": a, **table},
        {"operation": "DELETE", "record": None, "old_record": b, **table},
    ]


@pytest.mark.parametrize(
    "statement",
    ["create table a ()", "drop function f()", "comment on function f() is 'x'", "drop type t"],
)
def test_the_rest_server_hears_of_a_new_schema(bare_db: str, statement: str) -> None:
    """Otherwise a new table stays unknown to it."""
    with psycopg.connect(bare_db, autocommit=True) as connection:
        connection.execute("create function f() returns int language sql as 'select 1'")
        connection.execute("create type t as (a int)")
        connection.execute("listen pgrst")
        connection.execute(statement.encode())
        [notice] = connection.notifies(timeout=5, stop_after=1)

    assert notice.payload == "reload schema"


def test_storage_functions_take_a_path_apart(db: Connection) -> None:
    """Policies give each user a folder with these."""
    found = _one(
        db,
        "select storage.foldername(p), storage.filename(p), storage.extension(p)"
        " from (values ('user/a/photo.min.png')) as v (p)",
    )

    assert found == (["user", "a"], "photo.min.png", "png")
