"""The same on the oldest server, without pgvector, and with extensions in the schema `public`."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from romashka._installation import install
from romashka_local.postgres import Cluster

from tests.adoption.originals import ORIGINALS, install_original
from tests.database.inbox import Inbox
from tests.support import databases
from tests.support.older_servers import binaries_of


@pytest.fixture(scope="module")
def oldest() -> Iterator[Cluster]:
    """A server of the oldest version that hosted projects have."""
    with databases.temporary_cluster(binaries_of(15)) as running:
        yield running


@pytest.fixture(scope="module")
def oldest_bare(oldest: Cluster) -> str:
    return databases.make_template(oldest, "bare")


@pytest.mark.parametrize("original", [None, *ORIGINALS])
def test_everything_installs_and_a_turn_works_on_postgresql_15(
    oldest: Cluster, oldest_bare: str, original: str | None
) -> None:
    """Many hosted projects are on it; an empty one and the original's alike must work."""
    with databases.clone(oldest, oldest_bare) as url:
        if original:
            install_original(url, original)
        install(url)
        assert _answers(url)


@pytest.mark.parametrize("original", [None, "full product"])
def test_extensions_may_be_in_public(cluster: Cluster, bare_db: str, original: str | None) -> None:
    """The original put them there; a name that needs the schema `extensions` would fail."""
    admin = bare_db.replace("//postgres:", "//supabase_admin:")
    with psycopg.connect(admin) as connection:
        for name in ("uuid-ossp", "pgcrypto", "pg_stat_statements", "pg_trgm", "vector"):
            connection.execute(f'drop extension if exists "{name}" cascade'.encode())
            connection.execute(f'create extension "{name}" with schema public'.encode())
    if original:
        install_original(bare_db, original)
    install(bare_db)

    assert _answers(bare_db)


def test_two_runs_at_once_adopt_once(bare_db: str) -> None:
    """Two deployments start together over the original: one does the work, the other waits."""
    install_original(bare_db, "full product")
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(install, bare_db) for _ in range(2)]
        applied = [name for run in runs for name in run.result()]

    assert len(applied) == len(set(applied)) > 0
    assert _answers(bare_db)


def _answers(url: str) -> bool:
    """Ask a question, claim it, settle it; search for an article on the way."""
    with Inbox(url) as inbox:
        conversation = inbox.open(inbox.user(), "Hello?")
        [job] = inbox.claim()
        inbox.run("select * from public.search_knowledge('opening hours')", by="service_role")
        inbox.settle(job, "Hello!")
        return [row["sender_type"] for row in inbox.messages(conversation)] == ["user", "ai"]
