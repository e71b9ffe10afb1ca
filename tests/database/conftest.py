"""What tests of the database start from."""

from collections.abc import Iterator

import pytest

from tests.database.inbox import Inbox


@pytest.fixture
def inbox(fresh_db: str) -> Iterator[Inbox]:
    """A fresh database with the migrations."""
    with Inbox(fresh_db) as opened:
        yield opened
