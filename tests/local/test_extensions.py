"""`create extension` works for what hosted projects offer, and stand-ins compute what is right."""

import hashlib
import hmac
import uuid
from collections.abc import Iterator
from typing import Any

import jwt
import psycopg
import pytest

Connection = psycopg.Connection[Any]


@pytest.fixture
def db(bare_db: str) -> Iterator[Connection]:
    with psycopg.connect(bare_db) as connection:
        yield connection


def _one(connection: Connection, query: str, *parameters: Any) -> Any:
    row = connection.execute(query.encode(), parameters or None).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


@pytest.mark.parametrize(
    "name",
    "vector pg_trgm citext unaccent hstore ltree btree_gin btree_gist fuzzystrmatch moddatetime"
    " pg_stat_statements uuid-ossp pgcrypto pgjwt pg_net tablefunc".split(),
)
def test_postgres_may_create_the_usual_extensions(db: Connection, name: str) -> None:
    """Hosted projects let `postgres` create these, so migrations do."""
    db.execute(f'create extension if not exists "{name}" with schema extensions')


@pytest.mark.parametrize("name", ["pg_cron", "pg_graphql", "supabase_vault"])
def test_extensions_that_choose_their_schema_can_be_created(db: Connection, name: str) -> None:
    """As migrations do that need them."""
    db.execute(f"create extension if not exists {name}")


def test_a_migration_may_call_uuid_functions_unqualified(db: Connection) -> None:
    """`default uuid_generate_v4()` is in most projects' first table."""
    assert _one(db, "select uuid_generate_v4()").version == 4
    assert _one(db, "select uuid_generate_v1()").version == 1


@pytest.mark.parametrize("length", [0, 1, 39, 40, 47, 48, 200])
def test_named_uuids_are_the_same_everywhere(db: Connection, length: int) -> None:
    """Ids that a seed derives from names must match those of other databases."""
    name = "я" + "x" * length
    made = _one(
        db,
        "select uuid_generate_v3(uuid_ns_url(), %s), uuid_generate_v5(uuid_ns_url(), %s)",
        name,
        name,
    )

    assert made == (uuid.uuid3(uuid.NAMESPACE_URL, name), uuid.uuid5(uuid.NAMESPACE_URL, name))


@pytest.mark.parametrize("algorithm", ["md5", "sha224", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("key", ["k", "k" * 200])
def test_digests_and_signatures_are_right(db: Connection, algorithm: str, key: str) -> None:
    """Webhook signatures are checked in SQL with these."""
    made = _one(db, "select digest('text', %s), hmac('text', %s, %s)", algorithm, key, algorithm)

    assert made == (
        hashlib.new(algorithm, b"text").digest(),
        hmac.new(key.encode(), b"text", algorithm).digest(),
    )


def test_random_bytes_have_the_length_that_was_asked_for(db: Connection) -> None:
    """Tokens are made of these."""
    first, second = _one(db, "select gen_random_bytes(33), gen_random_bytes(33)")

    assert len(first) == len(second) == 33
    assert first != second


def test_a_token_signed_in_sql_is_a_token(db: Connection) -> None:
    """With pgjwt, SQL signs tokens for itself."""
    secret = "a secret that is long enough for HS256"
    db.execute("create extension pgjwt with schema extensions")
    token = _one(db, """select sign('{"role": "anon"}', %s)""", secret)

    assert jwt.decode(token, secret, algorithms=["HS256"]) == {"role": "anon"}
    assert _one(db, "select valid from verify(%s, %s)", token, secret) is True
    assert _one(db, "select valid from verify(%s, 'another')", token) is False


def test_what_a_stand_in_cannot_do_it_refuses(db: Connection) -> None:
    """Better than a password that nothing can check."""
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="not part of the local stack"):
        db.execute("select crypt('password', gen_salt('bf'))")


def test_vault_keeps_and_gives_back_secrets(db: Connection) -> None:
    """Functions read their keys from it."""
    db.execute("select vault.create_secret('s3cret', 'name')")

    assert _one(db, "select decrypted_secret from vault.decrypted_secrets") == "s3cret"
