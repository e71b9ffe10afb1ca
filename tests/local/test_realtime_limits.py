"""What happens to who sends too much: what a new project allows, and what is beyond it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from romashka_local.realtime.broadcast import broadcast_inserted
from romashka_local.realtime.change import Change
from romashka_local.realtime.hub import Hub
from romashka_local.realtime.pgoutput import Begin, Relation
from romashka_local.realtime.rate_limit import RateLimit

from tests.support.realtime import RawSocket, RealtimeServer, running_realtime
from tests.support.servers import config_for


@pytest.fixture
async def narrow(bare_db: str, tmp_path: Path) -> AsyncIterator[RealtimeServer]:
    """A server that allows one message a second, over the last steps of five seconds."""
    config = config_for(bare_db, tmp_path, realtime={"max_events_per_second": 1})
    async with running_realtime(config) as server:
        yield server


def test_a_burst_is_within_the_limit_and_a_stream_is_not() -> None:
    """The average over a minute counts, from the first step that is over it to the first below."""
    limit = RateLimit(100, of="messages")
    limit.add(999)
    limit.step()
    assert (limit.average, limit.is_exceeded) == (99.9, False)

    limit.add(501)
    limit.step()
    assert (limit.average, limit.is_exceeded) == (100.0, True)

    limit.step()
    assert (limit.average, limit.is_exceeded) == (75.0, False)


async def test_a_flood_closes_the_channels_that_hear_it(narrow: RealtimeServer) -> None:
    """Clients are told why, and must join again."""
    async with narrow.connect() as sender, narrow.connect() as hearer:
        await sender.join("room")
        await hearer.join("room")
        told = asyncio.create_task(_closing(hearer))
        while not told.done():
            await sender.push("room", "broadcast", {"event": "a", "payload": {}})
            await asyncio.sleep(0.05)  # a stream, not a burst
        assert await told == "Too many messages per second"


async def test_what_the_database_sends_beyond_the_limit_is_lost() -> None:
    """It is not handed on, so it does not count either."""
    limit = RateLimit(1, of="messages")
    relation = Relation(16, "realtime", "messages_2026_01_01", "d", ())
    row = {"topic": "room", "event": "a", "id": "1", "private": "f", "payload": "{}"}
    begin = Begin(1, datetime(2026, 1, 1, tzinfo=UTC), 7)
    sent = Change(relation, "INSERT", dict(row), {}, 1, begin)

    await broadcast_inserted(Hub(limit), sent)
    limit.step()
    assert limit.average == 1 / 2 / 5

    limit.add(19)
    limit.step()
    assert limit.is_exceeded
    await broadcast_inserted(Hub(limit), sent)
    limit.step()
    assert limit.average == 20 / 4 / 5


async def _closing(socket: RawSocket) -> str:
    """Return why a channel is closed."""
    system = await socket.next("system")
    await socket.next("phx_close")
    return str(system.payload["message"])


async def test_a_large_batch_by_http_is_refused(narrow: RealtimeServer) -> None:
    """More messages at once than a second may have are not sent, even when all is quiet."""
    message = {"topic": "room", "event": "a", "payload": {}}
    headers = {"apikey": narrow.config.keys.service_role_key}
    async with httpx.AsyncClient(base_url=narrow.http_url, headers=headers) as http:
        refused = await http.post("/api/broadcast", json={"messages": [message, message]})
        allowed = await http.post("/api/broadcast", json={"messages": [message]})

    assert refused.status_code == 429
    assert refused.json() == {
        "message": "Too many messages to broadcast, please reduce the batch size"
    }
    assert allowed.status_code == 202


async def test_a_channel_may_change_its_presence_five_times_in_half_a_minute(
    realtime: RealtimeServer,
) -> None:
    """A typing indicator that follows every key is cut off, here as on hosted projects."""
    async with realtime.connect() as socket:
        await socket.join("room", presence={"enabled": True})
        for number in range(6):
            payload = {"type": "presence", "event": "track", "payload": {"number": number}}
            await socket.push("room", "presence", payload)

        assert await _closing(socket) == "Client presence rate limit exceeded"
