"""The client: one project, one identity; everything else hangs on it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Self

import httpx
from supabase import AsyncClient, AsyncClientOptions, AsyncSupabaseException
from supabase_auth.types import AuthResponse, SignInAnonymouslyCredentials

from romashka._attachments import Attachments
from romashka._business_hours import BusinessHoursOfChannels
from romashka._conversations import Conversations
from romashka._core import Core
from romashka._errors import InvalidRequest, NotSignedIn, translated
from romashka._identity import Identity
from romashka._inbox import Inbox
from romashka._knowledge import Knowledge
from romashka._limits import SECONDS, in_time
from romashka._message_drafts import Drafts
from romashka._metrics import Metrics
from romashka._pasted import BadSetting, read_key, read_project_url
from romashka._saved_replies import SavedReplies
from romashka._session import HttpClient, Session
from romashka._storable import check_storable
from romashka._team import Team
from romashka._widget import Widget

TIMEOUT = httpx.Timeout(SECONDS["call"], connect=5.0)
"""Of each wait for the network; a request as a whole has a limit of its own."""


@cache
def tls_context() -> ssl.SSLContext:
    """Return the context of every client: reading the certificate authorities takes its time."""
    return httpx.create_ssl_context()


def _open_http() -> HttpClient:
    """Return the client of all requests but Realtime's.

    Raises:
        InvalidRequest: the environment has authorities or proxies that cannot be used.
    """
    try:
        verify = tls_context()
    except OSError as error:  # ssl's own errors are some
        reason = error.strerror or "no certificate is in it"
        problem = f"SSL_CERT_FILE, SSL_CERT_DIR: {reason}"
        raise InvalidRequest(f"unable to connect; {problem}", name="bad_environment") from error
    try:
        # Not HTTP/2: a call that is given up would break the connection of all others.
        return HttpClient(verify=verify, timeout=TIMEOUT)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        problem = "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY: one is not of the form http://host:port"
        raise InvalidRequest(f"unable to connect; {problem}", name="bad_environment") from error


class AsyncRomashka(Core):
    """A connection to one Romashka project.

    Example:
        async with AsyncRomashka.connect(url, anon_key) as client:
            await client.sign_in_anonymously()
            conversation = await client.conversations.create("visitor-17")
            answer = await conversation.ask("What is Romashka?")
    """

    def __init__(self, supabase: AsyncClient, session: Session) -> None:
        super().__init__(supabase, session)
        self.conversations = Conversations(self)
        self.inbox = Inbox(self)
        self.attachments = Attachments(self)
        self.knowledge = Knowledge(self)
        self.metrics = Metrics(self)
        self.drafts = Drafts(self)
        self.saved_replies = SavedReplies(self)
        self.team = Team(self)
        self.widget = Widget(self)
        self.identity = Identity(self)
        self.business_hours = BusinessHoursOfChannels(self)
        self._signing_in: asyncio.Task[str] | None = None

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, key: str) -> AsyncIterator[Self]:
        """Open a client for the project at `url`; nothing is sent before the first call.

        Args:
            url: the project's URL, as `supabase status` shows it.
            key: the anon (publishable) key, then sign in; or the service role (secret) key, which
                needs no sign-in and must not leave the server.

        Raises:
            InvalidRequest: `url` or `key` cannot be one, or the environment's proxy or authorities.

        Example:
            async with AsyncRomashka.connect(url, service_role_key) as client:
                conversations = await client.conversations.list(requires_human=True)
        """
        async with _open_http() as http:
            # Reconnecting is done by topics: the Realtime client's own way ends after a few tries.
            options = AsyncClientOptions(httpx_client=http, realtime={"auto_reconnect": False})
            try:
                supabase = AsyncClient(
                    read_project_url(url, "the URL"), read_key(key, "the key"), options
                )
            except BadSetting as error:
                raise InvalidRequest(f"unable to connect; {error}") from None
            except AsyncSupabaseException as error:
                raise InvalidRequest(f"unable to connect; {error.message}") from error
            session = Session(supabase)
            http.session = session
            client = cls(supabase, session)
            try:
                yield client
            finally:
                await client._close()

    async def sign_in_anonymously(self, captcha_token: str | None = None) -> str:
        """Become a new customer without an account; return the user's id.

        Called again before it is done, it gives the same one: a user is made once.

        Args:
            captcha_token: what hCaptcha or Turnstile gave, where the project asks for one.

        Raises:
            NotSignedIn: the project does not allow it.

        Example:
            async with AsyncRomashka.connect(url, anon_key) as client:
                user_id = await client.sign_in_anonymously()
        """
        if self._signing_in is None:
            self._signing_in = asyncio.create_task(self._sign_in_anonymously(captcha_token))
            self._signing_in.add_done_callback(self._note_signed_in)
        return await asyncio.shield(self._signing_in)

    async def _sign_in_anonymously(self, captcha_token: str | None) -> str:
        given: SignInAnonymouslyCredentials = (
            {"options": {"captcha_token": captcha_token}} if captcha_token else {}
        )
        with translated():
            async with in_time():
                return _user_id(await self.supabase.auth.sign_in_anonymously(given))

    def _note_signed_in(self, task: asyncio.Task[str]) -> None:
        self._signing_in = None
        if not task.cancelled():
            task.exception()  # whoever waited has it

    async def sign_in(self, email: str, password: str) -> str:
        """Sign in with e-mail and password, as a customer or as staff; return the user's id.

        Raises:
            NotSignedIn: they do not match an account.

        Example:
            async with AsyncRomashka.connect(url, anon_key) as staff:
                await staff.sign_in(email, password)
        """
        check_storable((email, password))
        with translated():
            async with in_time():
                return _user_id(
                    await self.supabase.auth.sign_in_with_password(
                        {"email": email, "password": password}
                    )
                )

    async def _close(self) -> None:
        await self.topics.close()
        # It has no public way to stop refreshing the session without ending it on the server.
        if timer := self.supabase.auth._refresh_token_timer:
            timer.cancel()


def _user_id(answer: AuthResponse) -> str:
    if answer.session is None:
        raise NotSignedIn("unable to sign in; the account is not confirmed")
    return str(answer.session.user.id)
