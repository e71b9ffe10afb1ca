"""Who tries: two customers, an agent, and somebody without a session, each with a client."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import psycopg
from romashka import AsyncRomashka, Conversation, NotSignedIn
from romashka._errors import translated

from romashka_worker.doctor.finding import Finding

_NO_ANONYMOUS = "anonymous_provider_disabled"


@dataclass(frozen=True, slots=True)
class Project:
    """The project, and how it is reached."""

    url: str
    anon_key: str
    db_url: str
    service: AsyncRomashka
    users: list[str]
    """The ids of those that were made, so that they are deleted."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who tries, and what about."""

    project: Project
    nobody: AsyncRomashka
    customer: AsyncRomashka
    stranger: AsyncRomashka
    staff: AsyncRomashka
    conversation: Conversation
    """The customer's."""
    signed_in: Finding

    @property
    def topic(self) -> str:
        return f"conversation:{self.conversation.id}"


@asynccontextmanager
async def open_cast(project: Project) -> AsyncIterator[Cast]:
    """Sign everybody in, and open the customer's conversation.

    Raises:
        RomashkaError: the project refused somebody.
    """
    async with AsyncExitStack() as stack:
        nobody, customer, stranger, staff = [
            await stack.enter_async_context(AsyncRomashka.connect(project.url, project.anon_key))
            for _ in range(4)
        ]
        signed_in, _ = [
            await sign_in_customer(client, project.service, project.users)
            for client in (customer, stranger)
        ]
        agent_id = await _sign_in_with_password(staff, project.service, project.users)
        with psycopg.connect(project.db_url, prepare_threshold=None) as database:
            database.execute("update public.profiles set role = 'agent' where id = %s", [agent_id])
        conversation = await customer.conversations.create("romashka-trial")
        yield Cast(project, nobody, customer, stranger, staff, conversation, signed_in)


async def sign_in_customer(
    client: AsyncRomashka, service: AsyncRomashka, users: list[str]
) -> Finding:
    """Sign a customer in, as a visitor if that is allowed; note whom it made.

    Raises:
        RomashkaError: the project refused.
    """
    try:
        users.append(await client.sign_in_anonymously())
    except NotSignedIn as error:
        if error.name != _NO_ANONYMOUS:
            raise
        await _sign_in_with_password(client, service, users)
        return Finding.warning(
            "sign-in",
            "anonymous sign-ins are off: visitors without an account cannot write",
            "Dashboard, Authentication, Sign In / Providers: allow anonymous sign-ins",
        )
    return Finding.ok("sign-in", "customers anonymously")


async def _sign_in_with_password(
    client: AsyncRomashka, service: AsyncRomashka, users: list[str]
) -> str:
    """Make an account that is confirmed, so that no mail is sent, and sign in with it."""
    password = secrets.token_urlsafe(24)
    email = f"romashka-trial-{secrets.token_hex(8)}@example.com"
    with translated():
        made = await service.supabase.auth.admin.create_user(
            {"email": email, "password": password, "email_confirm": True}
        )
    users.append(made.user.id)
    return await client.sign_in(email, password)
