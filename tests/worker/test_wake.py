"""Which announcements a worker follows, where others hear them too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from romashka_worker.wake import Wake

from tests.support.waiting import becomes
from tests.worker.queues import Announcements


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Announcements, Wake]]:
    announcements = Announcements()
    wake = Wake(announcements)
    listener = asyncio.create_task(wake.listen())
    yield announcements, wake
    listener.cancel()


async def rings(wake: Wake, within: float = 0.3) -> bool:
    """Does the alarm end a wait?"""
    waiting = asyncio.create_task(wake.wait(within + 30))
    done, _ = await asyncio.wait([waiting], timeout=within)
    waiting.cancel()
    return bool(done)


async def lose(announcements: Announcements, wake: Wake, job_id: str) -> None:
    """Follow an announcement, and look twice in vain."""
    announcements.announce(job_id)
    assert await rings(wake, 30)
    assert wake.claimed([], held=0)
    assert not wake.claimed([], held=0)


async def test_a_worker_that_comes_too_late_twice_leaves_announcements_to_others() -> None:
    """With 15 workers each message cost 30 claims, of which one found it."""
    async with listening() as (announcements, wake):
        await lose(announcements, wake, "one")
        await lose(announcements, wake, "two")
        assert not wake.is_heeded
        announcements.announce("three")
        assert not await rings(wake)

        wake.claimed(["four"], held=1)  # on its timer: nobody else was quick enough
        assert wake.is_heeded
        announcements.announce("five")
        assert await rings(wake, 30)


async def test_what_the_worker_has_claimed_already_is_no_loss() -> None:
    """A worker that is alone would begin to miss announcements, and its customers to wait."""
    async with listening() as (announcements, wake):
        for number in range(5):
            wake.claimed([str(number)], held=0)
            announcements.announce(str(number))
        assert not await rings(wake)
        assert wake.is_heeded


async def test_a_job_that_is_put_off_rings_once() -> None:
    """A customer who writes on puts it off each time: claims in between would find nothing."""
    async with listening() as (announcements, wake):
        soon = datetime.now(UTC) + timedelta(seconds=0.05)
        announcements.announce("one", process_after=soon.isoformat())
        later = datetime.now(UTC) + timedelta(seconds=1)
        announcements.announce("one", process_after=later.isoformat())
        assert not await rings(wake, 0.5)
        assert await rings(wake, 30)


@pytest.mark.parametrize("payload", [{}, {"process_after": "soon"}, {"process_after": None}])
async def test_an_announcement_without_a_time_rings_at_once(payload: dict[str, str | None]) -> None:
    """A claim too many is cheaper than a customer who waits."""
    async with listening() as (announcements, wake):
        announcements.announce("one", **payload)
        assert await rings(wake, 30)


async def test_others_are_let_go_first_by_who_holds_more() -> None:
    """One worker would take all turns, and be slow with them, while others have nothing to do."""
    async with listening() as (announcements, wake):
        await lose(announcements, wake, "one")
        wake.claimed(["two"], held=100)
        announcements.announce("three")
        assert not await rings(wake, 0.005)
        await becomes(lambda: rings(wake))
