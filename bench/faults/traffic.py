"""Who writes: customers on the website, WhatsApp and by mail, and staff who come between."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from time import time as now
from typing import Any, TypeVar

import psycopg
from romashka import AsyncRomashka, Conversation, RomashkaError

from bench.faults.system import System
from tests.channels import meta
from tests.channels.mail_in import DESK, SERVER, SUPPORT, TOKEN, verdict, write
from tests.support.waiting import becomes

QUESTION = "What is Romashka?"
_PATIENCE_SECONDS = 90
_ANSWER_SECONDS = 20
_STAFF = 0.25
"""So often staff come into a conversation."""
T = TypeVar("T")


async def persist(call: Callable[[], Awaitable[T]], within: float = _PATIENCE_SECONDS) -> T:
    """Call until it works, as whoever has a bad network does."""
    give_up_at = now() + within
    while True:
        try:
            return await call()
        except (RomashkaError, OSError, psycopg.Error) as error:
            if now() > give_up_at:
                raise AssertionError(f"nothing works any more: {error!r}") from error
            await asyncio.sleep(0.5)


# ---- customers


async def visit_website(system: System, chance: random.Random, turns: int) -> None:
    """Have a conversation on the website, and note all that is shown of it."""
    subscriber = str(uuid.uuid4())
    async with AsyncRomashka.connect(system.customers.url, system.project.stack.anon_key) as client:
        await persist(client.sign_in_anonymously)
        conversation = await persist(lambda: client.conversations.create(f"visitor-{subscriber}"))
        shown: list[Any] = []
        watching = asyncio.create_task(_watch(system, subscriber, conversation, shown))
        async with staff_beside(system, conversation.id, chance):
            for _ in range(turns):
                for _ in range(_burst(chance)):
                    await _send(system, conversation)
                    await asyncio.sleep(chance.uniform(0.05, 0.6))
                await _wait(lambda: shown and shown[-1].sender_type != "user")
                await asyncio.sleep(chance.uniform(0.2, 1.5))
        await asyncio.sleep(2)
        await _caught_up(system, conversation.id, shown)
        system.history.add("left", subscriber=subscriber, conversation=conversation.id)
        watching.cancel()
        await asyncio.wait([watching])


async def _send(system: System, conversation: Conversation) -> None:
    message = str(uuid.uuid4())
    system.history.add("sending", conversation=conversation.id, message=message, via="website")
    await persist(lambda: conversation.send(QUESTION, message_id=message))
    system.history.add("accepted", conversation=conversation.id, message=message, via="website")


async def _watch(
    system: System, subscriber: str, conversation: Conversation, shown: list[Any]
) -> None:
    system.history.add("subscribed", subscriber=subscriber, conversation=conversation.id)

    def note(is_live: bool) -> None:
        system.history.add("connection", subscriber=subscriber, is_live=is_live)

    try:
        async for event in conversation.events(on_connection=note):
            message = event.message
            shown.append(message)
            system.history.add(
                "seen",
                subscriber=subscriber,
                conversation=message.conversation_id,
                message=message.id,
                position=message.position,
            )
    except RomashkaError as error:
        system.history.add("subscription.ended", subscriber=subscriber, error=repr(error))


async def _caught_up(system: System, conversation_id: str, shown: list[Any]) -> None:
    """Wait until what is stored is shown; the checker finds it if that never comes."""

    async def is_shown() -> bool:
        [row] = await _rows(
            system,
            "select count(*) from public.messages where conversation_id = %s",
            conversation_id,
        )
        return bool(row[0] <= len(shown))

    await _wait(is_shown, 30)


async def write_whatsapp(system: System, chance: random.Random, turns: int) -> None:
    """Write on WhatsApp, each webhook once or twice."""
    phone = f"1202{chance.randrange(10**7):07}"
    first = None
    for turn in range(turns):
        for part in range(_burst(chance)):
            # Who always says the same may be a program, and gets a human.
            sent = meta.message("text", {"body": f"{QUESTION} I ask again, {turn}.{part}."})
            sent["from"], sent["timestamp"] = phone, str(int(now()))
            first = first or sent["id"]
            change = meta.messages(sent)
            change["value"]["contacts"] = [{"profile": {"name": "Guest"}, "wa_id": phone}]
            webhook = meta.whatsapp(system.whatsapp_account, change)
            system.history.add("sending", message=sent["id"], via="whatsapp", customer=phone)
            await system.post_whatsapp(webhook)
            system.history.add("accepted", message=sent["id"], via="whatsapp", customer=phone)
            if chance.random() < 0.3:
                await system.post_whatsapp(webhook)
        await _channel_answers(system, chance, sent["id"])


async def write_mail(system: System, chance: random.Random, turns: int) -> None:
    """Write by mail: a thread of the customer's own."""
    address = f"guest-{uuid.uuid4().hex}@example.org"
    headers: dict[str, str] = {}
    for _ in range(turns):
        identity = f"<{uuid.uuid4()}@mail.example.org>"
        mail = write(
            QUESTION,
            Message_ID=identity,
            From=f"Guest <{address}>",
            Subject="Re: Question" if headers else "Question",
            Authentication_Results=verdict("example.org"),
            **headers,
        )
        assert DESK.encode() not in mail
        system.history.add("sending", message=identity, via="email", customer=address)
        for _ in range(1 + (chance.random() < 0.3)):
            await system.post(
                "email",
                mail,
                {"content-type": "message/rfc822", "authorization": f"Bearer {TOKEN}"},
            )
        system.history.add("accepted", message=identity, via="email", customer=address)
        headers = {"In_Reply_To": identity, "References": identity}
        await _channel_answers(system, chance, identity)


async def forge(system: System) -> None:
    """Post a webhook that nobody signed: nothing of it may be stored."""
    sent = meta.message("text", {"body": QUESTION})
    system.history.add("forged", message=sent["id"])
    content = str(meta.whatsapp(system.whatsapp_account, meta.messages(sent))).encode()
    with suppress(OSError, AssertionError):
        await system.post("whatsapp", content, {"x-hub-signature-256": "sha256=" + "0" * 64})


async def snoop(system: System) -> None:
    """Read as a customer who has written nothing; all that is seen is somebody else's."""
    async with AsyncRomashka.connect(
        system.project.stack.api_url, system.project.stack.anon_key
    ) as client:
        with suppress(RomashkaError, OSError):
            await client.sign_in_anonymously()
            for table in ("messages", "conversations", "ai_response_queue", "channel_deliveries"):
                with suppress(Exception):  # refused is as good as empty
                    rows = (await client.supabase.table(table).select("*").limit(5).execute()).data
                    system.history.add("snooped", table=table, count=len(rows))


async def open_accounts(system: System) -> None:
    """Make the team's address of mail known."""
    async with await psycopg.AsyncConnection.connect(
        system.project.admin_url, autocommit=True
    ) as database:
        await database.execute(
            "insert into public.communication_channels"
            " (name, type, external_account_id, configuration)"
            " values ('Team', 'email', %s, jsonb_build_object('authentication_server', %s::text))",
            [SUPPORT, SERVER],
        )


def _burst(chance: random.Random) -> int:
    return chance.choice((1, 1, 1, 2, 3))


async def _channel_answers(system: System, chance: random.Random, message: str) -> None:
    """Wait until a channel's message has an answer; staff may come between."""
    found: list[str] = []

    async def is_stored() -> bool:
        rows = await _rows(
            system,
            "select conversation_id::text from public.messages where external_message_id = %s",
            message,
        )
        found.extend(row[0] for row in rows)
        return bool(rows)

    await _wait(is_stored)
    if not found:
        return
    async with staff_beside(system, found[0], chance):
        await _wait(lambda: _is_answered(system, found[0]))
        await asyncio.sleep(chance.uniform(0.2, 1.5))


async def _is_answered(system: System, conversation_id: str) -> bool:
    [row] = await _rows(
        system,
        "select sender_type from public.messages where conversation_id = %s"
        " order by position desc limit 1",
        conversation_id,
    )
    return bool(row[0] != "user")


async def _wait(check: Callable[[], Any], within: float = _ANSWER_SECONDS) -> None:
    """Wait until something is so, or no longer: whether it must be so is the checker's question."""
    with suppress(AssertionError):
        await becomes(check, within)


async def _rows(system: System, query: str, *values: str) -> list[Any]:
    async def read() -> list[Any]:
        async with await psycopg.AsyncConnection.connect(system.project.admin_url) as database:
            return await (await database.execute(query.encode(), values)).fetchall()

    return await persist(read)


# ---- staff


@asynccontextmanager
async def staff_beside(
    system: System, conversation_id: str, chance: random.Random
) -> AsyncIterator[None]:
    """While the block runs, staff may take the conversation over, write, and give it back."""
    if chance.random() >= _STAFF:
        yield
        return
    coming = asyncio.create_task(_intervene(system, conversation_id, chance))
    yield
    await coming


async def _intervene(system: System, conversation_id: str, chance: random.Random) -> None:
    await asyncio.sleep(chance.uniform(0, 3))
    conversation = await persist(lambda: system.service.conversations.get(conversation_id))
    if chance.random() < 0.5:
        await _act(system, conversation_id, "take_over", conversation.take_over)
        await asyncio.sleep(chance.uniform(0.2, 2))
    identity = str(uuid.uuid4())
    await _act(
        system,
        conversation_id,
        "write",
        lambda: conversation.send("I see to it.", sender_type="agent", message_id=identity),
    )
    await asyncio.sleep(chance.uniform(0.2, 2))
    if chance.random() < 0.7:
        await _act(system, conversation_id, "return", conversation.return_to_ai)
    else:
        await _act(system, conversation_id, "resolve", conversation.resolve)


async def _act(
    system: System, conversation_id: str, action: str, call: Callable[[], Awaitable[Any]]
) -> None:
    begin = now()
    system.history.add("staff.begins", conversation=conversation_id, action=action)
    await persist(call)
    system.history.add("staff", conversation=conversation_id, action=action, begin=begin, end=now())
