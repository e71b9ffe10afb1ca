"""Tests of what is answered, not of how soon."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio
from romashka_worker.model_client import open_client
from romashka_worker.responders.openai.endpoint import Endpoint

from tests.support.stacks import RunningStack
from tests.worker.provider import Provider, analysis, answers, open_provider


@pytest.fixture(scope="module")
def stack(patient_stack: RunningStack) -> RunningStack:
    """A stack with a deadline that no slow machine misses, where no turn of other tests waits.

    A worker would answer it too, with what the model was told to say to somebody else.
    """
    with psycopg.connect(patient_stack.admin_url()) as database:
        database.execute(
            "delete from public.ai_response_queue where status in ('pending', 'processing')"
        )
    return patient_stack


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_provider() -> AsyncIterator[Provider]:
    async with open_provider() as provider:
        yield provider


@pytest.fixture
def provider(running_provider: Provider) -> Provider:
    """A model that nobody has asked yet, and that gives a good answer until it is told another."""
    running_provider.requests.clear()
    running_provider.will(answers(analysis()))
    return running_provider


@pytest_asyncio.fixture(loop_scope="module")
async def endpoint(provider: Provider) -> AsyncIterator[Endpoint]:
    """The provider, of which nothing is known yet."""
    async with open_client(provider.url, "key") as client:
        yield Endpoint(client, "some-model")
