"""Sends broadcasts on private topics through Realtime's HTTP interface, many in one call.

By HTTP no topic has to be joined: a socket may hold a hundred, and each join costs a check.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from romashka import AsyncRomashka, Unreachable

_CALL_SECONDS = 1.0


class Broadcasts:
    """Broadcasts in the client's name, which is the service role's."""

    def __init__(self, client: AsyncRomashka) -> None:
        options = client.supabase.options
        if options.httpx_client is None:
            raise ValueError("unable to broadcast; the client has no HTTP client of its own")
        self._http = options.httpx_client
        self._headers = dict(options.headers)
        self._url = str(client.supabase.supabase_url / "realtime" / "v1" / "api" / "broadcast")

    async def send(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Send events (topic, event, payload) in order; whoever has joined their topics sees them.

        Raises:
            Unreachable: Realtime did not answer, or had too much to do.
            TimeoutError: nor did it say so in time; they may have been sent.
        """
        messages = [{**event, "private": True} for event in events]
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                answer = await self._http.post(
                    self._url, json={"messages": messages}, headers=self._headers
                )
        except httpx.TransportError as error:
            raise Unreachable(f"Realtime does not answer; {type(error).__name__}") from error
        if answer.status_code != httpx.codes.ACCEPTED:
            raise Unreachable(f"Realtime took no broadcasts; status {answer.status_code}")
