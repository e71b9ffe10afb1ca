"""What the original's pages show and hear."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from supabase import AsyncClient, acreate_client

from tests.end_to_end.cast import Cast


def test_staff_get_what_the_pages_show(pages_cast: Cast) -> None:
    """Names that are embedded, and no null where the page would stop."""
    items = _get(pages_cast, "knowledge_items?select=*,knowledge_categories(name)&title=eq.Hours")
    conversations = _get(pages_cast, "conversations?select=*")
    note = {"conversation_id": pages_cast.people["guest"].conversation, "note": "n"}
    pages_cast.rest("agent").from_("conversation_notes").insert(note).execute()
    notes = _get(pages_cast, "conversation_notes?select=*,profiles:agent_id(full_name)")
    [analytics] = _get(
        pages_cast,
        "knowledge_analytics?select=*,knowledge_items(title,category_id),conversations(id)",
    )

    assert [item["knowledge_categories"] for item in items] == [{"name": "General"}]
    assert items[0]["confidence_score"] == 0.8
    assert analytics["knowledge_items"]["title"] == "Hours"
    assert analytics["conversations"]["id"] == pages_cast.people["guest"].conversation
    assert all(set(note["profiles"]) == {"full_name"} for note in notes)
    names = {row[name] for row in conversations for name in ("user_name", "user_email")}
    assert None not in names | {row["last_message"] for row in conversations}


def test_who_types_again_is_the_same_row(pages_cast: Cast) -> None:
    """The widget names no key: every second of its rows was refused, and nobody seen typing."""
    guest = pages_cast.people["guest"]
    typing = {"user_id": guest.id, "conversation_id": guest.conversation, "is_typing": True}
    for _ in range(3):
        pages_cast.rest("guest").from_("typing_indicators").upsert([typing]).execute()
    rows = _get(pages_cast, f"typing_indicators?conversation_id=eq.{guest.conversation}")
    pages_cast.run("delete from public.typing_indicators")

    assert [row["user_id"] for row in rows] == [guest.id]


async def test_one_subscription_hears_messages_and_who_types(pages_cast: Cast) -> None:
    """Realtime refuses all of the widget's subscription where one table of it cannot be heard."""
    conversation = pages_cast.people["guest"].conversation
    rest = pages_cast.rest("agent")
    async with AsyncExitStack() as subscribed:
        heard = {
            who: await subscribed.enter_async_context(_listening(pages_cast, who, conversation))
            for who in ("guest", "stranger", "agent")
        }
        typing = {"user_id": pages_cast.people["agent"].id, "conversation_id": conversation}
        rest.from_("typing_indicators").upsert(
            typing | {"is_typing": True}, on_conflict="user_id,conversation_id"
        ).execute()
        rest.from_("messages").insert(
            {"conversation_id": conversation, "sender_type": "agent", "content": "Hello"}
        ).execute()
        async with asyncio.timeout(5):
            seen = {
                who: {await heard[who].get(), await heard[who].get()} for who in ("guest", "agent")
            }

        assert seen["guest"] == seen["agent"] == {"typing_indicators", "messages"}
        assert heard["stranger"].empty()


@asynccontextmanager
async def _listening(
    cast: Cast, who: str, conversation: str
) -> AsyncIterator["asyncio.Queue[str]"]:
    """Subscribe as the widget does; give the names of the tables that changed."""
    client: AsyncClient = await acreate_client(cast.stack.api_url, cast.stack.anon_key)
    await client.realtime.set_auth(cast.people[who].token)
    heard: asyncio.Queue[str] = asyncio.Queue()
    ready = asyncio.Event()
    channel = client.channel(f"chat-{conversation}")
    for event, table in (
        ("INSERT", "messages"),
        ("UPDATE", "messages"),
        ("*", "typing_indicators"),
    ):
        channel.on_postgres_changes(
            event,  # type: ignore[arg-type]  # accepts the name, too
            lambda change: heard.put_nowait(change["data"]["table"]),
            table=table,
            filter=f"conversation_id=eq.{conversation}",
        )
    channel.on_system(lambda _: ready.set())
    await channel.subscribe()
    await asyncio.wait_for(ready.wait(), 10)
    try:
        yield heard
    finally:
        await client.realtime.close()


def _get(cast: Cast, path: str) -> list[dict[str, Any]]:
    answer = cast.http.get(f"/rest/v1/{path}", headers=cast.headers("agent"))
    return list(answer.raise_for_status().json())
