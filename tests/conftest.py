"""What tests of every layer start from: databases of a real Postgres, and a whole local stack."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog
from romashka._installation import install
from romashka_local.postgres import Cluster

from tests.support import databases, waiting, wants
from tests.support.stacks import RunningStack, be_patient, run_stack, unhurried_project

# Who runs the tests in the background may have these ignored, and every program would inherit it.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Images of containers often forbid Python to keep what it compiled. The tests start programs by the
# hundred, and the half of a short one's time would go by compiling.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# By default structlog draws a traceback with the source and the variables of every frame; pytest's
# own frames are many, and each error that the worker's parts log would cost a second of CPU.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

# The files that take longest, so that none of them is begun when the others are done.
_FIRST = (
    "cli/test_doctor_try.py",
    "cli/test_dev.py",
    "database/test_model.py",
    "end_to_end/test_demo.py",
    "local/test_lifecycle.py",
    "packaging/test_packages.py",
    "sdk/test_typescript.py",
    "database/test_access_properties.py",
    "cli/test_supabase_cli.py",
    "worker/test_worker_faults.py",
    "worker/test_worker.py",
    "end_to_end/test_timelines.py",
    "upgrade/test_workers.py",
    "worker/test_worker_start.py",
    "local/test_rest_properties.py",
    "sdk/test_topic_scenarios.py",
    "database/test_channel_orders.py",
    "local/test_default_privileges.py",
    "channels/test_storm.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips",
        action="store_true",
        help="fail where a test wants what this machine lacks, as where CI is set",
    )
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


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(wants)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage only among what is made later: thousands of tests are collected, and stay.

    To look through them again and again takes two seconds of CPU time in each process.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {Path(__file__).parent / name: place for place, name in enumerate(_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


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
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The whole local stack with Romashka's migrations and seed, as users start it."""
    project = unhurried_project(tmp_path_factory.mktemp("project"))
    with run_stack("--ephemeral", cwd=project) as running:
        yield running


@pytest.fixture(scope="session")
def patient_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The same with a deadline that no slow machine misses: for tests of what is answered.

    That it is answered within six seconds is what tests/end_to_end tries.
    """
    project = unhurried_project(tmp_path_factory.mktemp("project"))
    with run_stack("--ephemeral", cwd=project) as running:
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
