"""`romashka doctor --try` where Romashka is in use: a customer says hello, and is gone again."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from romashka import AsyncRomashka, Message, NoAnswer, RomashkaError
from romashka._errors import translated

from romashka_worker.doctor import examine
from romashka_worker.doctor.finding import Finding
from romashka_worker.trial.cast import sign_in_customer
from romashka_worker.trial.settings import TrialSettings
from romashka_worker.trial.steps import hear

Tell = Callable[[Finding], None]
_Made = TypeVar("_Made")

_GREETING = "Hello!"
"""Answered from the settings: no model is asked, and no colleague is called."""
_ANSWER_SECONDS = 15.0
_HEAR_SECONDS = 5.0
_NAME = "romashka doctor --try"
"""What staff see while it lasts."""


async def is_in_use(settings: TrialSettings) -> bool:
    """Is Romashka installed in the project? Where that cannot be told, it is not."""
    url, key = settings.supabase_url, settings.supabase_key.get_secret_value()
    try:
        async with AsyncRomashka.connect(url, key) as service:
            return bool(await service.call("get_romashka_installation"))
    except (RomashkaError, TimeoutError):
        return False


async def try_in_use(settings: TrialSettings, tell: Tell) -> None:
    """Look at everything, then write as a customer, wait for the answer, and remove it all."""
    url, key = settings.supabase_url, settings.supabase_key.get_secret_value()
    try:
        async for finding in examine():
            tell(finding)
        async with AsyncRomashka.connect(url, key) as service, _erased(service, tell) as users:
            tell(await _greet(settings, service, users, tell))
    except (RomashkaError, TimeoutError) as error:
        tell(Finding("customer", "problem", str(error) or "the project does not answer"))
    except asyncio.CancelledError:
        tell(Finding("interrupted", "problem", "nothing of it is left in the project"))
        raise


async def _greet(
    settings: TrialSettings, service: AsyncRomashka, users: list[str], tell: Tell
) -> Finding:
    anon_key = settings.anon_key.get_secret_value()
    async with AsyncRomashka.connect(settings.supabase_url, anon_key) as customer:
        tell(await _whole(sign_in_customer(customer, service, users)))
        conversation = await _whole(customer.conversations.create(_NAME))
        async with customer.topics.listen(f"conversation:{conversation.id}") as listener:
            await anext(listener)
            began = time.monotonic()
            try:
                answer = await conversation.ask(_GREETING, timeout_seconds=_ANSWER_SECONDS)
            except NoAnswer as error:
                return Finding.problem("customer", str(error), "romashka worker")
            seconds = time.monotonic() - began
            try:
                async with asyncio.timeout(_HEAR_SECONDS):
                    await hear(listener, answer.id)
            except TimeoutError:
                says = f"was answered in {seconds:.2f} s, and did not hear of it through Realtime"
                return Finding("customer", "problem", says)
    return _told(answer, seconds)


async def _whole(step: Coroutine[Any, Any, _Made]) -> _Made:
    """Let a step end before an interruption is heeded: all that it makes is to be removed."""
    task = asyncio.create_task(step)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _told(answer: Message, seconds: float) -> Finding:
    reason = (answer.metadata or {}).get("reason")
    if reason == "overdue":
        says = f"no worker answered; the database handed over after {seconds:.2f} s"
        return Finding.problem("customer", says, "romashka worker")
    how = "was answered" if answer.kind == "reply" else f"was handed over ({reason})"
    says = f"said hello, {how} in {seconds:.2f} s, and heard of it through Realtime"
    return Finding.ok("customer", says)


@asynccontextmanager
async def _erased(service: AsyncRomashka, tell: Tell) -> AsyncIterator[list[str]]:
    """Give a list for the ids of users; when the block is left, all of them is removed."""
    users: list[str] = []
    try:
        yield users
    finally:
        for user_id in users:
            customers = await service.call("find_customers", id=user_id)
            for customer in customers:
                await _resolve(service, customer["id"])
                await service.call("erase_customer", customer_id=customer["id"])
            if not customers:  # else it went with them
                with translated():
                    await service.supabase.auth.admin.delete_user(user_id)
        if users:
            tell(Finding.ok("removal", "the conversation, its customer and their account are gone"))


async def _resolve(service: AsyncRomashka, customer_id: str) -> None:
    """Take it from the lists of inboxes that are open: nobody tells them that a row is gone."""
    rows = service.supabase.table("conversations").select("id").eq("customer_id", customer_id)
    with translated():
        found: Any = (await rows.execute()).data
    for row in found:
        await service.call("resolve_conversation", conversation_id=row["id"])
