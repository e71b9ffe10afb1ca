"""The session behind a client: its token is renewed before it is used too late.

The Auth client renews it by a timer, which stands still while a laptop sleeps. So each request, and
each join of a topic, looks at the clock first.
"""

import asyncio
import time

import httpx
from supabase import AsyncClient
from supabase_auth.types import AuthChangeEvent
from supabase_auth.types import Session as AuthSession

from romashka._errors import NotSignedIn, translated

_MARGIN_SECONDS = 5


class Session:
    """Whoever the client is signed in as; nobody, with the service role key."""

    def __init__(self, supabase: AsyncClient) -> None:
        self._supabase = supabase
        self._current: AuthSession | None = None
        self._renewed: str | None = None  # the token before: requests may still carry it
        self._renewing = asyncio.Lock()
        supabase.auth.on_auth_state_change(self._note)

    def _note(self, _: AuthChangeEvent, session: AuthSession | None) -> None:
        self._current = session
        if session is not None:
            # The client tells Realtime in a task: a topic joined before that would use the old one.
            self._supabase.realtime.access_token = session.access_token

    @property
    def is_there(self) -> bool:
        """Is there a session, and not only a key?"""
        return self._current is not None

    @property
    def is_expired(self) -> bool:
        """Is there a session whose token is too old to be used?"""
        expires_at = self._current.expires_at if self._current else None
        return expires_at is not None and expires_at <= time.time() + _MARGIN_SECONDS

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
            with translated():
                await self._supabase.auth.refresh_session(before.refresh_token)
            self._renewed = before.access_token

    async def before_request(self, request: httpx.Request) -> None:
        """Give a request the new token if the one that it carries is too old."""
        if self._current is None or "/auth/v1/" in request.url.path:
            return
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token == self._current.access_token:
            await self.renew_if_expired()
        if token in (self._current.access_token, self._renewed):
            request.headers["Authorization"] = f"Bearer {self._current.access_token}"
