"""The functions and tables of the schema `storage` that projects and dumps call by name."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

Connection = psycopg.Connection[Any]

_FILES = """
insert into storage.buckets (id, name) values ('b', 'b'), ('other', 'other');
insert into storage.objects (bucket_id, name, metadata, created_at, updated_at) values
  ('b', 'a-b.txt', '{"size": 1}', '2026-01-05', '2026-01-01'),
  ('b', 'a/1.txt', '{"size": 2}', '2026-01-02', '2026-01-02'),
  ('b', 'a/2.txt', '{"size": 4}', '2026-01-03', '2026-01-03'),
  ('b', 'a/deep/3.txt', '{"size": 8}', '2026-01-04', '2026-01-04'),
  ('b', 'b.txt', '{"size": 16}', '2026-01-01', '2026-01-05'),
  ('b', 'Big/x.txt', '{"size": 3000000000}', '2026-01-06', '2026-01-06'),
  ('other', 'z.txt', '{"size": 5}', now(), now());
"""


@pytest.fixture
def db(bare_db: str) -> Iterator[Connection]:
    """Two buckets with a few files."""
    with psycopg.connect(bare_db) as connection:
        connection.execute(_FILES)
        yield connection


def _names(connection: Connection, call: str) -> list[str]:
    """Return the names that a function lists; those of folders end with a slash."""
    rows = connection.execute(
        f"select name || case when id is null then '/' else '' end from {call}".encode()
    )
    return [name for (name,) in rows]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("'', 'b'", ["a-b.txt", "a/", "b.txt", "Big/"]),
        ("'', 'b', sortorder => 'desc'", ["Big/", "b.txt", "a/", "a-b.txt"]),
        ("'a/', 'b', levels => 2", ["1.txt", "2.txt", "deep/"]),
        ("'', 'b', search => 'B'", ["b.txt", "Big/"]),
        ("'', 'b', search => 'a/'", ["a/1.txt", "a/2.txt", "a/deep/"]),
        ("'', 'b', 2, 1, 1", ["a/", "b.txt"]),
        (
            "'', 'b', sortcolumn => 'updated_at', sortorder => 'desc'",
            ["Big/", "a/", "b.txt", "a-b.txt"],
        ),
        ("'', 'nowhere'", []),
    ],
)
def test_search_lists_one_level_of_a_bucket(
    db: Connection, arguments: str, expected: list[str]
) -> None:
    """What `list` of the clients is answered from; projects call it in their own SQL."""
    assert _names(db, f"storage.search({arguments})") == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("'b', '', '/'", ["Big/", "a-b.txt", "a/", "b.txt"]),
        ("'b', '', '/', start_after => 'a-b.txt'", ["a/", "b.txt"]),
        ("'b', '', '/', next_token => 'a'", ["b.txt"]),
        ("'b', '', '/', 2, sort_order => 'desc'", ["b.txt", "a/"]),
        ("'b', '', '/', start_after => 'a', sort_order => 'desc'", ["a-b.txt", "Big/"]),
        ("'b', 'a/', '/'", ["a/1.txt", "a/2.txt", "a/deep/"]),
    ],
)
def test_objects_are_listed_as_by_s3(db: Connection, arguments: str, expected: list[str]) -> None:
    """Pages follow one another without a gap: a folder is one entry, where its files would be."""
    assert _names(db, f"storage.list_objects_with_delimiter({arguments})") == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("'', 'b', start_after => 'Big'", ["a-b.txt", "a/", "b.txt"]),
        ("'', 'b', sort_column => 'created_at'", ["b.txt", "a/", "a-b.txt", "Big/"]),
        (
            "'', 'b', 2, 1, 'a', 'asc', 'created_at', '2026-01-02'",
            ["a-b.txt", "Big/"],
        ),
        ("'', 'b', 1, sort_column => 'updated_at', sort_order => 'desc'", ["Big/"]),
    ],
)
def test_search_v2_goes_on_after_the_last_entry(
    db: Connection, arguments: str, expected: list[str]
) -> None:
    """The cursor is a name, and the time where a time orders."""
    assert _names(db, f"storage.search_v2({arguments})") == expected


def test_a_level_has_a_key(db: Connection) -> None:
    """`search_v2` gives the whole name, and the part of it that the level shows."""
    rows = db.execute("select key, name from storage.search_v2('a/', 'b', levels => 2)").fetchall()

    assert rows == [("1.txt", "a/1.txt"), ("2.txt", "a/2.txt"), ("deep", "a/deep")]


def test_listing_obeys_row_level_security(db: Connection) -> None:
    """The functions run with their caller's rights."""
    db.execute("create policy a on storage.objects for select to anon using (name like 'a/%')")
    db.execute("set local role anon")

    assert _names(db, "storage.search('', 'b')") == ["a/"]


def test_the_size_of_each_bucket(db: Connection) -> None:
    """Also beyond two gigabytes."""
    sizes = dict(db.execute("select bucket_id, size from storage.get_size_by_bucket()").fetchall())

    assert sizes == {"b": 3_000_000_031, "other": 5}


def test_an_insert_can_be_tried(db: Connection) -> None:
    """It always ends with an error: PT200 says that it would have been allowed."""
    with pytest.raises(psycopg.Error) as tried, db.transaction():
        db.execute("select storage.can_insert_object('b', 'new.txt', null, '{}')")

    assert tried.value.sqlstate == "PT200"


def test_a_policy_may_be_of_one_operation(db: Connection) -> None:
    """With or without the prefix; nothing is allowed outside of an operation."""
    ask = """select storage.allow_only_operation('object.list'),
      storage.allow_any_operation('{storage.object.get, storage.object.list}'),
      storage.allow_only_operation(''), storage.allow_any_operation(null)"""
    outside = db.execute(ask.encode()).fetchone()
    db.execute("select set_config('storage.operation', 'storage.object.list', true)")
    inside = db.execute(ask.encode()).fetchone()

    assert outside == (False, False, False, False)
    assert inside == (True, True, False, False)


def test_the_tables_that_dumps_and_policies_name_are_there(db: Connection) -> None:
    """A dump of a hosted project's data names these columns; nobody but the server writes them."""
    db.execute("select archived_at, is_delete_marker, is_versioned from storage.objects")
    db.execute("select versioning_status from storage.buckets")
    db.execute(
        "create policy p on storage.s3_multipart_uploads_parts to authenticated using (true)"
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege), db.transaction():
        db.execute("insert into storage.migrations values (1, 'mine', '')")
    with pytest.raises(psycopg.errors.RaiseException, match="is too long"), db.transaction():
        db.execute("insert into storage.buckets (id, name) values ('c', repeat('x', 101))")
