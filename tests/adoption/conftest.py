"""What tests of adoption start from."""

from collections.abc import Iterator

import pytest
from romashka_local.postgres import Cluster

from tests.adoption.originals import ORIGINALS, Adopted, adopt
from tests.database.inbox import Inbox
from tests.support import databases


@pytest.fixture(scope="session", params=ORIGINALS)
def adopted(cluster: Cluster, request: pytest.FixtureRequest) -> Adopted:
    """One of the original's databases with Romashka's migrations, made once."""
    return adopt(cluster, request.param)


@pytest.fixture
def inbox(cluster: Cluster, adopted: Adopted) -> Iterator[Inbox]:
    """A copy of the adopted database."""
    with databases.clone(cluster, adopted.template) as url, Inbox(url) as opened:
        yield opened
