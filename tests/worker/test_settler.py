"""Results on their way to the database: what holds up one of them holds up no other."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from romashka import InvalidRequest, NotSignedIn, RomashkaError, ServerError, Unreachable
from romashka_worker.faults import beside
from romashka_worker.job import Answer, Job, Settlement
from romashka_worker.queue import Result
from romashka_worker.settler import Settler

from tests.support.waiting import becomes
from tests.worker.queues import Backlog
from tests.worker.turns import job

ANSWER = Answer(action="reply", text="An answer.", confidence=1)


class Locking(Backlog):
    """A queue in which somebody else has a conversation, or a result that is never taken."""

    def __init__(self) -> None:
        super().__init__()
        self.locked: set[str] = set()
        self.refused: set[str] = set()
        self.faults: list[RomashkaError] = []

    async def settle(self, results: Sequence[Result]) -> dict[str, Settlement]:
        if self.faults:
            raise self.faults.pop()
        ids = {job.id for job, _ in results}
        if ids & self.refused:
            self.calls.append(("settle", sorted(ids)))
            raise InvalidRequest("no", name="bad_results")
        settled = await super().settle(results)
        for locked in ids & self.locked:
            del settled[locked], self.settled[locked]
        return settled


@asynccontextmanager
async def settling(
    queue: Locking, *jobs: Job
) -> AsyncIterator[dict[str, "asyncio.Task[Settlement]"]]:
    """Settle jobs in one batch."""
    settler = Settler(queue)
    settles = {job.id: asyncio.create_task(settler.settle(job, ANSWER)) for job in jobs}
    await asyncio.sleep(0)  # all wait by now
    async with beside(settler=settler.run):
        yield settles


async def test_a_locked_conversation_is_tried_again_alone_until_it_is_free() -> None:
    """The answers of all others are there, and the customer's too once nobody is in the way."""
    queue = Locking()
    queue.locked = {"locked"}
    async with settling(queue, *(job(id=name) for name in ("one", "locked", "two"))) as settles:
        await asyncio.gather(settles["one"], settles["two"])
        await becomes(lambda: queue.calls.count(("settle", ["locked"])) > 1)
        queue.locked.clear()
        await settles["locked"]

    batch, *alone = [names for _, names in queue.calls]
    assert batch == ["one", "locked", "two"]
    assert {*map(tuple, alone)} == {("locked",)}


async def test_a_conversation_that_stays_locked_is_given_up_at_its_deadline() -> None:
    """Then the database has handed it over; the worker must not hold it for ever."""
    queue = Locking()
    queue.locked = {"locked"}
    async with settling(queue, job(seconds=-10, id="locked")) as settles:
        with pytest.raises(TimeoutError):
            await settles["locked"]


async def test_a_result_that_is_refused_takes_no_other_along() -> None:
    """One bad result in a batch would cost fifty customers their answers."""
    queue = Locking()
    queue.refused = {"bad"}
    async with settling(queue, *(job(id=name) for name in ("one", "bad", "two"))) as settles:
        await asyncio.gather(settles["one"], settles["two"])
        with pytest.raises(InvalidRequest):
            await settles["bad"]

    assert set(queue.settled) == {"one", "two"}


@pytest.mark.parametrize(
    "passing",
    [
        NotSignedIn("JWT issued at future", name="PGRST303"),
        ServerError("Unauthorized", name="401"),
        Unreachable("the project's database does not answer"),
    ],
)
async def test_what_a_gateway_says_is_no_refusal(passing: RomashkaError) -> None:
    """Its token of a key may be too new for the server's clock: an answer was lost."""
    queue = Locking()
    queue.faults = [passing, passing]
    async with settling(queue, job(id="one"), job(id="two")) as settles:
        await asyncio.gather(*settles.values())

    assert set(queue.settled) == {"one", "two"}
