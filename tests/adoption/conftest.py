"""What tests of adoption start from."""

from collections.abc import Iterator

import pytest
from romashka_local.postgres import Cluster

from tests.adoption.originals import ORIGINALS, Adopted, adopt
from tests.adoption.pages import add_pages, cast_of_pages
from tests.database.inbox import Inbox
from tests.end_to_end.cast import Cast
from tests.support import databases
from tests.support.stacks import run_stack


@pytest.fixture(scope="session", params=ORIGINALS)
def adopted(cluster: Cluster, request: pytest.FixtureRequest) -> Adopted:
    """One of the original's databases with Romashka's migrations, made once."""
    return adopt(cluster, request.param)


@pytest.fixture
def inbox(cluster: Cluster, adopted: Adopted) -> Iterator[Inbox]:
    """A copy of the adopted database."""
    with databases.clone(cluster, adopted.template) as url, Inbox(url) as opened:
        yield opened


@pytest.fixture(scope="session")
def pages_cast() -> Iterator[Cast]:
    """The people of a stack with the original's pages, and rows for each page."""
    with run_stack("--ephemeral") as stack:
        add_pages(stack.db_url)
        with cast_of_pages(stack) as cast:
            yield cast
