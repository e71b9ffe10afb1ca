"""What the tests of channels start from: the stack's functions, and its database."""

from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from tests.channels.meta import Meta
from tests.support.stacks import RunningStack


@pytest.fixture(scope="session")
def meta(stack: RunningStack) -> Iterator[Meta]:
    with httpx.Client(timeout=60) as http:
        yield Meta(stack, http)


@pytest.fixture
def inbox(stack: RunningStack) -> Iterator["psycopg.Connection[dict[str, Any]]"]:
    """A connection to the stack's database; each statement sees what is committed."""
    with psycopg.connect(stack.admin_url(), autocommit=True, row_factory=dict_row) as database:
        yield database
