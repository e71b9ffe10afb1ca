"""Customers, strangers and staff of a running stack, as SDK clients."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import psycopg
from romashka import AsyncRomashka, Conversation

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


@asynccontextmanager
async def staff_of(stack: RunningStack, url: str | None = None) -> AsyncIterator[AsyncRomashka]:
    """Give the client of a new agent."""
    email, password = new_agent(stack)
    async with AsyncRomashka.connect(url or stack.api_url, stack.anon_key) as client:
        await client.sign_in(email, password)
        yield client


def new_agent(stack: RunningStack) -> tuple[str, str]:
    """Sign up an agent; return the e-mail address and the password."""
    account = {"email": f"{uuid.uuid4()}@example.com", "password": "correct horse"}
    answer = httpx.post(
        f"{stack.api_url}/auth/v1/signup", json=account, headers={"apikey": stack.anon_key}
    )
    with psycopg.connect(stack.db_url) as database:
        database.execute(
            "update public.profiles set role = 'agent' where id = %s",
            [answer.raise_for_status().json()["user"]["id"]],
        )
    return account["email"], account["password"]


def new_identifier() -> str:
    """Return an identifier that no other test uses."""
    return f"visitor-{uuid.uuid4()}"


async def conversation_with_human(
    client: AsyncRomashka, stack: RunningStack, message: str | None = None
) -> Conversation:
    """Open a conversation that a human has: nothing automatic is written into it, ever."""
    conversation = await client.conversations.create(new_identifier())
    async with service_of(stack) as service:
        await (await service.conversations.get(conversation.id)).take_over()
    if message is not None:
        await conversation.send(message)
    return conversation
