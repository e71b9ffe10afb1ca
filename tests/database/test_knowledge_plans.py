"""How the search finds candidates among many items: by its indexes, not by reading everything."""

import json
from collections.abc import Iterator

import psycopg
import pytest
from romashka_local.postgres import SUPERUSER, Cluster

from tests.support import databases

# As the triggers would leave it, in a moment: items of sixty words, each word in a few of them.
_FILL = """
set session_replication_role = replica;
insert into public.knowledge_items (title, content)
select 'Topic ' || number, 'x' from generate_series(1, 8000) as number;
insert into private.knowledge_documents (item_id, language, title_words, words)
select items.id, 'en', to_tsvector('simple', items.title), (
  select to_tsvector('simple', string_agg('word' || word, ' '))
  from (
    select abs(mod(hashtext(items.title || place), 2500)) as word
    from generate_series(1, 60) as place
  ) as words
) from public.knowledge_items as items;
"""
_FILL_VECTORS = """
insert into private.knowledge_embeddings (item_id, model, part, embedding)
select items.id, 'some-model', 1, (
  select array_agg(random() - 0.5) from generate_series(1, 384)
  where items.id is not null  -- another vector for each item
)::{schema}.vector
from public.knowledge_items as items
"""
_INDEX = "select pg_get_indexdef('private.knowledge_embeddings_nearest_idx'::regclass)"
_SEARCH = "select id from public.search_knowledge('word7 word401 word2000', %s, 5, %s, %s)"
_SCANS = "select pg_stat_get_xact_numscans(('private.' || %s)::regclass)"
_MEANING = json.dumps([1 / 384**0.5] * 384)


@pytest.fixture(scope="module")
def many_items(cluster: Cluster, template_db: str) -> Iterator[str]:
    """The URL of a database with thousands of items, as autovacuum leaves it."""
    with databases.clone(cluster, template_db) as url:
        superuser_url = cluster.url(SUPERUSER, url.rpartition("/")[2])
        with psycopg.connect(superuser_url, autocommit=True) as connection:
            connection.execute(_FILL)
            if schema := _schema_of_pgvector(connection):
                _fill_vectors(connection, schema)
            connection.execute("vacuum analyze")
        yield url


def _fill_vectors(connection: psycopg.Connection, schema: str) -> None:
    """An index that is built at once is there sooner."""
    [definition] = connection.execute(_INDEX).fetchone() or [""]
    connection.execute("drop index private.knowledge_embeddings_nearest_idx")
    connection.execute(_FILL_VECTORS.format(schema=schema))
    connection.execute(definition)
    connection.execute("analyze private.knowledge_embeddings")


def _schema_of_pgvector(connection: psycopg.Connection) -> str | None:
    row = connection.execute(
        "select extnamespace::regnamespace::text from pg_extension where extname = 'vector'"
    ).fetchone()
    return row[0] if row else None


def _scans_of_a_search(url: str, language: str | None, vector: str | None, relation: str) -> int:
    """Return how often a search scans a table or an index, once Postgres keeps its plans."""
    with psycopg.connect(url) as connection:
        for _ in range(6):
            connection.execute(_SEARCH, [language, vector, vector and "some-model"])
        before = _scans(connection, relation)
        found = connection.execute(_SEARCH, [language, vector, vector and "some-model"])
        assert found.rowcount == 5
        return _scans(connection, relation) - before


def _scans(connection: psycopg.Connection, relation: str) -> int:
    """Return how many this transaction has begun."""
    row = connection.execute(_SCANS, [relation]).fetchone()
    return int(row[0]) if row else 0


@pytest.mark.parametrize("language", ["en", None])
def test_words_are_looked_up_in_their_index(many_items: str, language: str | None) -> None:
    """Three for how rare each word is, one for the items: reading them all gets slow with many."""
    index = "knowledge_documents_words_idx"
    assert _scans_of_a_search(many_items, language, None, index) == 4


@pytest.mark.parametrize("language", ["en", None])
def test_meanings_are_looked_up_in_their_index(many_items: str, language: str | None) -> None:
    """Comparing a question with each vector is the slowest way to find the nearest."""
    with psycopg.connect(many_items) as connection:
        if not _schema_of_pgvector(connection):
            pytest.skip("this server has no pgvector")
    index = "knowledge_embeddings_nearest_idx"
    assert _scans_of_a_search(many_items, language, _MEANING, index) == 1
    assert _scans_of_a_search(many_items, language, _MEANING, "knowledge_embeddings") == 0
