"""What tests of the local stack's servers start from."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from romashka_local.auth import open_auth
from romashka_local.postgres import Cluster

from tests.local.auth_client import Auth, auth_config
from tests.local.storage_client import Storage, open_for_test
from tests.support import databases
from tests.support.realtime import RealtimeServer, running_realtime
from tests.support.rest import Rest, running_rest
from tests.support.servers import config_for, serving

# What a project may send in a second is tried by test_realtime_limits.py alone.
_UNLIMITED = {"max_events_per_second": 1_000_000}


@pytest.fixture(scope="module")
def module_db(cluster: Cluster, bare_template: str) -> Iterator[str]:
    """The URL of a Supabase database that the tests of one file share; they empty what they use."""
    with databases.clone(cluster, bare_template) as url:
        yield url


@pytest.fixture
async def auth(module_db: str, tmp_path: Path) -> AsyncIterator[Auth]:
    """An auth server with anonymous sign-ins and no users."""
    with psycopg.connect(module_db) as database:
        database.execute("truncate auth.users cascade")
    async with serving(open_auth, auth_config(module_db, tmp_path)) as http:
        yield Auth(http, module_db)


@pytest.fixture
async def own_auth(bare_db: str, tmp_path: Path) -> AsyncIterator[Auth]:
    """The same on a database of its own, for tests that change more than rows."""
    async with serving(open_auth, auth_config(bare_db, tmp_path)) as http:
        yield Auth(http, bare_db)


@pytest.fixture
async def storage(module_db: str, tmp_path: Path) -> AsyncIterator[Storage]:
    """A storage server with the two empty buckets of `open_for_test`."""
    with psycopg.connect(module_db) as database:
        database.execute("truncate storage.buckets, storage.objects cascade")
    async with open_for_test(module_db, tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def open_template(cluster: Cluster) -> str:
    """The name of a bare database that exposes what tests create in it."""
    return databases.make_template(cluster, "open", exposes_new_tables=True)


@pytest.fixture
async def realtime(
    cluster: Cluster, open_template: str, tmp_path: Path
) -> AsyncIterator[RealtimeServer]:
    """A Realtime server on a database of its own, which exposes what is created in it."""
    with databases.clone(cluster, open_template) as url:
        async with running_realtime(config_for(url, tmp_path, realtime=_UNLIMITED)) as server:
            yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_realtime(
    module_db: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RealtimeServer]:
    """A Realtime server for the tests of one file that change nothing in the database."""
    folder = tmp_path_factory.mktemp("realtime")
    async with running_realtime(config_for(module_db, folder, realtime=_UNLIMITED)) as server:
        yield server


@pytest.fixture(scope="session")
def rest_template(cluster: Cluster) -> str:
    """The name of a database with the library of `rest_schema.sql`, exposed, made once."""
    name = databases.make_template(cluster, "rest", exposes_new_tables=True)
    schema = Path(__file__).with_name("rest_schema.sql").read_bytes()
    with psycopg.connect(cluster.url("postgres", name)) as connection:
        connection.execute(schema)
    return name


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rest(
    cluster: Cluster, rest_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Rest]:
    """A REST server on a library that the tests of one file share: each keeps to its own rows."""
    with databases.clone(cluster, rest_template) as url:
        async with running_rest(url, tmp_path_factory.mktemp("rest")) as server:
            yield server


@pytest.fixture
def rest_on_library(
    cluster: Cluster, rest_template: str, tmp_path: Path
) -> Iterator[Callable[..., AbstractAsyncContextManager[Rest]]]:
    """A way to open a REST server on a library with settings of `[api]`."""
    with databases.clone(cluster, rest_template) as url:
        yield lambda **api: running_rest(url, tmp_path, **api)
