"""What tests of every layer start from: databases of a real Postgres, and a whole local stack."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from romashka._installation import install
from romashka_local.postgres import Cluster

from tests.support import databases, waiting
from tests.support.stacks import RunningStack, be_patient, run_stack

# Who runs the tests in the background may have these ignored, and every program would inherit it.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--postgres-bin",
        type=Path,
        help="use another server than the wheel's, e.g. /usr/lib/postgresql/15/bin",
    )
    parser.addoption(
        "--exposed",
        action="store_true",
        help="use databases with the default privileges of before: new tables are open to the API",
    )


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """A Postgres server of this process' own."""
    with databases.temporary_cluster(pytestconfig.getoption("--postgres-bin")) as running:
        yield running


@pytest.fixture(scope="session")
def bare_template(cluster: Cluster) -> str:
    """The name of a database that is a Supabase project without any migration."""
    return databases.make_template(cluster, "bare")


@pytest.fixture
def bare_db(cluster: Cluster, bare_template: str) -> Iterator[str]:
    """The URL (as `postgres`) of a fresh Supabase database without any migration."""
    with databases.clone(cluster, bare_template) as url:
        yield url


@pytest.fixture(scope="session")
def template_db(cluster: Cluster, pytestconfig: pytest.Config) -> str:
    """The name of a database with Romashka's migrations (without the seed), made once."""
    is_exposed = pytestconfig.getoption("--exposed")
    name = databases.make_template(cluster, "migrated", exposes_new_tables=is_exposed)
    install(cluster.url("postgres", name))
    return name


@pytest.fixture
def fresh_db(cluster: Cluster, template_db: str) -> Iterator[str]:
    """The URL (as `postgres`) of a fresh database with Romashka's migrations."""
    with databases.clone(cluster, template_db) as url:
        yield url


@pytest.fixture(scope="session")
def shared_db(cluster: Cluster, template_db: str) -> Iterator[str]:
    """The URL of the database that `db` works on; nothing is ever committed in it."""
    with databases.clone(cluster, template_db) as url:
        yield url


@pytest.fixture
def db(shared_db: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection as `postgres`, in one transaction that is rolled back."""
    with psycopg.connect(shared_db) as connection:
        yield connection
        connection.rollback()


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """The whole local stack with Romashka's migrations and seed, as users start it."""
    with run_stack("--ephemeral") as running:
        yield running


@pytest.fixture(scope="session")
def patient_stack() -> Iterator[RunningStack]:
    """The same with a deadline that no slow machine misses: for tests of what is answered.

    That it is answered within six seconds is what tests/end_to_end tries.
    """
    with run_stack("--ephemeral") as running:
        be_patient(running)
        yield running


@pytest.fixture(scope="session")
def bare_stack() -> Iterator[RunningStack]:
    """The whole local stack, with no migration applied."""
    with run_stack("--ephemeral", "--no-migrate") as running:
        yield running


@pytest.fixture
def eventually() -> Callable[..., Any]:
    return waiting.eventually


@pytest.fixture
def as_user() -> Callable[..., psycopg.Connection[Any]]:
    return databases.as_user
