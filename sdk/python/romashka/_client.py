"""The client: one project, one identity; everything else hangs on it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Self

import httpx
from postgrest import CountMethod
from supabase import AsyncClient, AsyncClientOptions, AsyncSupabaseException
from supabase_auth.types import AuthResponse, SignInAnonymouslyCredentials

from romashka._attachments import Attachments
from romashka._conversations import Conversations
from romashka._errors import InvalidRequest, NotSignedIn, Unreachable, translated
from romashka._inbox import Inbox
from romashka._knowledge import Knowledge
from romashka._metrics import Metrics
from romashka._pasted import BadSetting, read_key, read_project_url
from romashka._session import HttpClient, Session
from romashka._storable import check_storable
from romashka._topics import Topics

TIMEOUT = httpx.Timeout(35.0, connect=5.0)
"""A database function may wait for 30 s (a long poll)."""


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


class AsyncRomashka:
    """A connection to one Romashka project.

    Example:
        async with AsyncRomashka.connect(url, anon_key) as client:
            await client.sign_in_anonymously()
            conversation = await client.conversations.create("visitor-17")
            answer = await conversation.ask("What is Romashka?")
    """

    def __init__(self, supabase: AsyncClient, session: Session) -> None:
        self.supabase = supabase
        """The wrapped client, for everything that this package does not cover."""
        self.topics = Topics(supabase.realtime, session)
        """Private broadcast topics, kept subscribed."""
        self.conversations = Conversations(self)
        self.inbox = Inbox(self)
        self.attachments = Attachments(self)
        self.knowledge = Knowledge(self)
        self.metrics = Metrics(self)
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

    async def call(self, function: str, /, **arguments: Any) -> Any:
        """Call a database function by its parameters' names; return its result as JSON.

        Raises:
            ServerError: it refused.
            Unreachable: the project did not answer; the call may still have taken effect.

        Example:
            found = await staff.call("search_knowledge", query="channels", language="en")
        """
        check_storable((function, arguments))
        with translated():
            return (await self.supabase.rpc(function, arguments).execute()).data

    async def _call_counted(
        self, function: str, /, _after: int = 0, **arguments: Any
    ) -> tuple[Any, int | None]:
        """Do what `call` does; return also how many rows there were, if the project says so.

        It gives no more than its `max_rows` of them, and of the others not a word.
        """
        check_storable(arguments)
        query = self.supabase.rpc(function, arguments, CountMethod.exact)
        if _after:
            query.request.params = query.request.params.set("offset", _after)
        with translated():
            answer = await query.execute()
        return answer.data, answer.count

    async def _read(self, function: str, /, **arguments: Any) -> list[Mapping[str, Any]]:
        """Return all rows of a function that reads, however few the project gives at a time."""
        rows, count = await self._call_counted(function, **arguments)
        while count and len(rows) < count:
            more, _ = await self._call_counted(function, len(rows), **arguments)
            if not more:
                break
            rows = [*rows, *more]
        if not isinstance(rows, list):
            raise Unreachable("the project does not answer; somebody else's page came")
        return rows

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
