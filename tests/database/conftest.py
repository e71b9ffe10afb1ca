"""What tests of the database start from."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import dict_row
from romashka_local.postgres import Cluster

from tests.database.clock import install_clock
from tests.database.inbox import Inbox
from tests.database.outbox import Outbox
from tests.support import databases


@pytest.fixture(scope="session")
def clocked_template(cluster: Cluster, template_db: str) -> Iterator[str]:
    """The name of a database with the migrations, whose time only tests let pass."""
    with databases.clone(cluster, template_db) as url:
        with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
            install_clock(connection)
        yield url.rpartition("/")[2]


@pytest.fixture
def fresh_db(cluster: Cluster, clocked_template: str) -> Iterator[str]:
    """The URL (as `postgres`) of a fresh database: a slow machine makes nobody late in it."""
    with databases.clone(cluster, clocked_template) as url:
        yield url


@pytest.fixture
def inbox(fresh_db: str) -> Iterator[Inbox]:
    """A fresh database with the migrations."""
    with Inbox(fresh_db) as opened:
        yield opened


@pytest.fixture
def outbox(fresh_db: str) -> Iterator[Outbox]:
    """The same, where customers come by channels."""
    with Outbox(fresh_db) as opened:
        yield opened


@pytest.fixture(scope="session")
def inbox_url(cluster: Cluster, clocked_template: str) -> Iterator[str]:
    """The URL of the database that `passing_inbox` works on; nothing is ever committed in it."""
    with databases.clone(cluster, clocked_template) as url:
        yield url


@pytest.fixture
def passing_inbox(inbox_url: str) -> Iterator[Inbox]:
    """An inbox in one transaction that is rolled back: quicker, where one connection is enough."""
    with Inbox(inbox_url) as opened, opened.connection.transaction(force_rollback=True):
        yield opened
