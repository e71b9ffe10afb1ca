"""What the tests of channels start from: the stack's functions, its database, a Graph API."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row
from romashka_worker.channels import Channel

from tests.channels.account import Account, open_account
from tests.channels.deliveries import channels_of
from tests.channels.graph import Graph, open_graph
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


@pytest.fixture
async def graph() -> AsyncIterator[Graph]:
    """Run a Graph API; a test fails if it is sent anything of a wrong form."""
    async with open_graph() as running:
        yield running


@pytest.fixture
async def channels(graph: Graph) -> AsyncIterator[dict[str, Channel]]:
    """Give the channels that send to `graph`."""
    async with channels_of(graph) as opened:
        yield opened


@pytest.fixture
async def account(stack: RunningStack) -> AsyncIterator[Account]:
    """Give an account of WhatsApp's with a customer."""
    async with open_account(stack) as opened:
        yield opened
