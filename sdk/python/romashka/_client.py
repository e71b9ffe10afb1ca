"""The client: one project, one identity; everything else hangs on it."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Self

import httpx
from supabase import AsyncClient, AsyncClientOptions, AsyncSupabaseException
from supabase_auth.types import Session

from romashka._conversations import Conversations
from romashka._errors import InvalidRequest, NotSignedIn, translated
from romashka._realtime import Topics

_TIMEOUT = httpx.Timeout(35.0, connect=5.0)
"""A database function may wait for 30 s (a long poll)."""


@cache
def _tls_context() -> ssl.SSLContext:
    """Return the context of every client: reading the certificate authorities takes its time."""
    return httpx.create_ssl_context()


class AsyncRomashka:
    """A connection to one Romashka project.

    Example:
        async with AsyncRomashka.connect(url, anon_key) as client:
            await client.sign_in_anonymously()
            conversation = await client.conversations.create("visitor-17")
            answer = await conversation.ask("What is Romashka?")
    """

    def __init__(self, supabase: AsyncClient) -> None:
        self.supabase = supabase
        """The wrapped client, for everything that this package does not cover."""
        self.topics = Topics(supabase.realtime)
        """Private broadcast topics, kept subscribed."""
        self.conversations = Conversations(self)

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, key: str) -> AsyncIterator[Self]:
        """Open a client for the project at `url`; nothing is sent before the first call.

        Args:
            url: the project's URL, as `supabase status` shows it.
            key: the anon (publishable) key, then sign in; or the service role (secret) key, which
                needs no sign-in and must not leave the server.

        Raises:
            InvalidRequest: `url` or `key` cannot be one.
        """
        async with httpx.AsyncClient(
            verify=_tls_context(), timeout=_TIMEOUT, follow_redirects=True, http2=True
        ) as http:
            # Reconnecting is done by Topics: the Realtime client's own way ends after a few tries.
            options = AsyncClientOptions(httpx_client=http, realtime={"auto_reconnect": False})
            try:
                supabase = AsyncClient(url, key, options)
            except AsyncSupabaseException as error:
                raise InvalidRequest(f"unable to connect; {error.message}") from error
            client = cls(supabase)
            try:
                yield client
            finally:
                await client._close()

    async def call(self, function: str, **arguments: Any) -> Any:
        """Call a database function by its parameters' names; return its result as JSON.

        Raises:
            ServerError: it refused.
            Unreachable: the project did not answer; the call may still have taken effect.
        """
        with translated():
            return (await self.supabase.rpc(function, arguments).execute()).data

    async def sign_in_anonymously(self) -> str:
        """Become a new customer without an account; return the user's id.

        Raises:
            NotSignedIn: the project does not allow it.
        """
        with translated():
            answer = await self.supabase.auth.sign_in_anonymously()
        return await self._adopt(answer.session)

    async def sign_in(self, email: str, password: str) -> str:
        """Sign in with e-mail and password; return the user's id.

        Raises:
            NotSignedIn: they do not match an account.
        """
        with translated():
            answer = await self.supabase.auth.sign_in_with_password(
                {"email": email, "password": password}
            )
        return await self._adopt(answer.session)

    async def _adopt(self, session: Session | None) -> str:
        if session is None:
            raise NotSignedIn("unable to sign in; the account is not confirmed")
        # The client tells Realtime in a task: a topic joined before that would use the old key.
        await self.supabase.realtime.set_auth(session.access_token)
        return str(session.user.id)

    async def _close(self) -> None:
        await self.topics.close()
        # It has no public way to stop refreshing the session without ending it on the server.
        if timer := self.supabase.auth._refresh_token_timer:
            timer.cancel()
