"""The session behind a client: its token is renewed in time, or when the server calls it too old.

The Auth client renews it by a timer, which stands still while a laptop sleeps. So each request, and
each join of a topic, looks how long ago the token came. The device's clock itself is believed by
nobody: it may be hours wrong, and then the server's refusal is what tells.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx
from supabase import AsyncClient
from supabase_auth.types import AuthChangeEvent
from supabase_auth.types import Session as AuthSession

from romashka._errors import NotSignedIn, RomashkaError, Unreachable, translated
from romashka._limits import in_time

_MARGIN_SECONDS = 5
_TOO_OLD = re.compile(
    rb"(?:JWT|token) (?:is |has )?expired|\"?exp\\*\"? claim|invalid jwt", re.IGNORECASE
)
"""How REST, Storage, Functions and Auth say that a token is over."""


Send = Callable[[httpx.Request], Awaitable[httpx.Response]]


class HttpClient(httpx.AsyncClient):
    """Sends what it is given as the session it belongs to, once it has one.

    A redirect is followed nowhere: the keys are for the host that was named.
    """

    session: "Session | None" = None

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request; its token is a good one.

        Raises:
            Unreachable: somebody leads elsewhere.
        """

        async def send_there_alone(one: httpx.Request) -> httpx.Response:
            response = await send_as_it_is(one, **options)
            if response.has_redirect_location:
                await response.aclose()
                raise led_elsewhere(one.url, response.headers["location"])
            return response

        send_as_it_is = super().send
        if self.session is None:
            return await send_there_alone(request)
        return await self.session.send(request, send_there_alone)


def led_elsewhere(url: httpx.URL, location: str) -> Unreachable:
    """Say where a redirect leads; its query is not told, which may have a key in it."""
    try:
        there = httpx.URL(location)
        elsewhere = str(url.join(there).copy_with(userinfo=b"", query=None, fragment=None))
    except httpx.InvalidURL:
        elsewhere = "somewhere else"
    return Unreachable(
        f"the project does not answer at {url.scheme}://{url.netloc.decode()}, which leads to"
        f" {elsewhere}: set SUPABASE_URL (the client's URL) to where the project is"
    )


class Session:
    """Whoever the client is signed in as; nobody, with the service role key."""

    def __init__(self, supabase: AsyncClient) -> None:
        self._supabase = supabase
        self._current: AuthSession | None = None
        self._came_at = 0.0
        self._renewed: str | None = None  # the token before: requests may still carry it
        self._renewing = asyncio.Lock()
        supabase.auth.on_auth_state_change(self._note)

    def _note(self, _: AuthChangeEvent, session: AuthSession | None) -> None:
        before, self._current = self._current, session
        if session is None:
            return
        if before is None or before.access_token != session.access_token:
            self._came_at = time.time()
        # The client tells Realtime in a task: a topic joined before that would use the old one.
        self._supabase.realtime.access_token = session.access_token

    @property
    def is_there(self) -> bool:
        """Is there a session, and not only a key?"""
        return self._current is not None

    @property
    def user_id(self) -> str | None:
        """Whose session it is; None with a key alone."""
        return None if self._current is None else str(self._current.user.id)

    @property
    def is_expired(self) -> bool:
        """Is there a session whose token is too old to be used, by the time since it came?"""
        if self._current is None:
            return False
        return time.time() - self._came_at >= self._current.expires_in - _MARGIN_SECONDS

    async def renew_if_expired(self) -> None:
        """Get a new token where the present one is too old.

        Raises:
            NotSignedIn: the session is over.
            Unreachable: the project did not answer.
        """
        if self.is_expired:
            await self.renew()

    async def renew(self) -> None:
        """Get a new token, whatever the present one's age.

        Raises:
            NotSignedIn: there is no session, or it is over.
            Unreachable: the project did not answer.
        """
        before = self._current
        async with self._renewing:
            if self._current is not before:
                return  # somebody else did
            if before is None:
                raise NotSignedIn("the key or token is not valid here; sign in", name="no_session")
            try:
                with translated():
                    async with in_time():
                        await self._supabase.auth.refresh_session(before.refresh_token)
            except NotSignedIn:
                if self._current in (before, None):
                    raise
                return  # its own timer was faster, and the token is used
            self._renewed = before.access_token

    async def send(self, request: httpx.Request, send: Send) -> httpx.Response:
        """Send a request with a token that is good, and once more where the server calls it old."""
        if self._current is None or "/auth/v1/" in request.url.path:
            return await send(request)
        if _token_of(request) == self._current.access_token:
            await self.renew_if_expired()
        self._take_the_new(request)
        response = await send(request)
        if await _is_too_old(response) and _token_of(request) == self._current.access_token:
            with suppress(RomashkaError):  # the server's own refusal says more
                await self.renew()
                self._take_the_new(request)
                return await send(request)
        return response

    def _take_the_new(self, request: httpx.Request) -> None:
        if self._current and _token_of(request) in (self._current.access_token, self._renewed):
            request.headers["Authorization"] = f"Bearer {self._current.access_token}"


def _token_of(request: httpx.Request) -> str:
    return str(request.headers.get("Authorization", "")).removeprefix("Bearer ")


async def _is_too_old(response: httpx.Response) -> bool:
    if response.status_code not in (400, 401, 403):
        return False
    return _TOO_OLD.search(await response.aread()) is not None
