"""Customers, strangers and staff of a running stack, as SDK clients."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from romashka import AsyncRomashka

from tests.support.stacks import RunningStack


@asynccontextmanager
async def customer_of(stack: RunningStack, url: str | None = None) -> AsyncIterator[AsyncRomashka]:
    """Give the client of a new customer, signed in anonymously."""
    async with AsyncRomashka.connect(url or stack.api_url, stack.anon_key) as client:
        await client.sign_in_anonymously()
        yield client


@asynccontextmanager
async def service_of(stack: RunningStack) -> AsyncIterator[AsyncRomashka]:
    """Give a client with the service role key."""
    async with AsyncRomashka.connect(stack.api_url, stack.service_role_key) as client:
        yield client


def new_identifier() -> str:
    """Return an identifier that no other test uses."""
    return f"visitor-{uuid.uuid4()}"
