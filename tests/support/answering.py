"""A worker of the simplest kind, for tests that want answers and no second process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from romashka import AsyncRomashka

from tests.support.customers import service_of
from tests.support.stacks import RunningStack


async def answer_next(
    service: AsyncRomashka, conversation_id: str | None, text: str, **result: object
) -> None:
    """Claim until the job of that conversation (or any) comes, and settle it."""
    # A short lease: who stops waiting may be given a job all the same, for the next.
    claim = {"max_jobs": 1, "wait_seconds": 2, "lease_seconds": 5}
    while True:
        for job in await service.call("get_next_ai_response_job", **claim):
            mine = conversation_id in (None, job["conversation_id"])
            settled = {"job_id": job["job_id"], "attempt": job["attempt"], "action": "reply"}
            settled |= {"ai_response": text if mine else "for another test"} | result
            await service.call("complete_ai_response_jobs", results=[settled])
            if mine:
                return


@asynccontextmanager
async def answering(
    stack: RunningStack, text: str = "An inbox.", **result: object
) -> AsyncIterator[None]:
    """Answer every turn of the stack until the block is left."""

    async def answer() -> None:
        async with service_of(stack) as service:
            while True:
                await answer_next(service, None, text, **result)

    task = asyncio.create_task(answer())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
