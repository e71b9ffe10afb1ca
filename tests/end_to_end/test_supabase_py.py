"""The whole path with nothing but the official client: what an existing frontend does."""

import asyncio
from typing import Any

import pytest
from postgrest import APIError
from realtime.types import RealtimePostgresChangesListenEvent
from supabase import AsyncClient

from tests.support.customers import customer_of, new_identifier
from tests.support.stacks import RunningStack
from tests.worker.worker_process import run_worker


async def open_conversation(supabase: AsyncClient) -> str:
    created = await supabase.rpc(
        "create_conversation",
        {"customer_identifier": new_identifier(), "channel_type": "website", "initial_message": ""},
    ).execute()
    return str(created.data)


async def watch_messages(supabase: AsyncClient, conversation_id: str) -> asyncio.Queue[Any]:
    """Return a queue of the rows inserted into a conversation, as existing frontends get them."""
    rows: asyncio.Queue[Any] = asyncio.Queue()
    ready = asyncio.Event()
    channel = supabase.channel(f"messages-{conversation_id}")
    channel.on_postgres_changes(
        RealtimePostgresChangesListenEvent.Insert,
        lambda change: rows.put_nowait(change["data"]["record"]),
        table="messages",
        filter=f"conversation_id=eq.{conversation_id}",
    )
    channel.on_system(lambda _: ready.set())
    await channel.subscribe()
    await asyncio.wait_for(ready.wait(), 5)
    return rows


async def test_a_frontend_on_supabase_py_sees_the_answer(stack: RunningStack) -> None:
    """RPC, insert, `postgres_changes`, embedded select: all that the original's frontends use."""
    async with run_worker(stack), customer_of(stack) as customer:
        supabase = customer.supabase
        conversation_id = await open_conversation(supabase)
        rows = await watch_messages(supabase, conversation_id)
        question = {"conversation_id": conversation_id, "sender_type": "user"}
        await (
            supabase.table("messages")
            .insert(question | {"content": "Which channels are supported?"})
            .execute()
        )
        async with asyncio.timeout(6):
            asked, answered = await rows.get(), await rows.get()
        found = await (
            supabase.table("conversations")
            .select("id, message_count, customer_profiles(id, name)")
            .eq("id", conversation_id)
            .single()
            .execute()
        )

    conversation: Any = found.data
    assert (asked["sender_type"], answered["sender_type"]) == ("user", "ai")
    assert answered["metadata"].get("kind") != "handover"
    assert answered["turn_id"] == asked["id"]
    assert conversation["message_count"] == 2
    assert conversation["customer_profiles"]["id"]


async def test_a_customer_cannot_reach_anothers_conversation(stack: RunningStack) -> None:
    """Not by select, not by function, not by writing into it, not by listening."""
    async with customer_of(stack) as customer, customer_of(stack) as stranger:
        conversation_id = await open_conversation(customer.supabase)
        message = {"conversation_id": conversation_id, "sender_type": "user", "content": "secret"}
        await customer.supabase.table("messages").insert(message).execute()
        theirs = stranger.supabase
        rows = await watch_messages(theirs, conversation_id)
        messages = theirs.table("messages").select("*")
        jobs = theirs.table("ai_response_queue").select("*")

        assert (await messages.eq("conversation_id", conversation_id).execute()).data == []
        assert (await jobs.eq("conversation_id", conversation_id).execute()).data == []
        with pytest.raises(APIError) as refused:
            await theirs.table("messages").insert(message).execute()
        assert refused.value.code == "42501"
        with pytest.raises(APIError):
            await theirs.rpc(
                "get_conversation_with_messages", {"conversation_id": conversation_id}
            ).execute()

        await customer.supabase.table("messages").insert(message).execute()
        own = await open_conversation(theirs)
        own_rows = await watch_messages(theirs, own)
        await theirs.table("messages").insert(message | {"conversation_id": own}).execute()
        async with asyncio.timeout(5):
            await own_rows.get()
        assert rows.empty()


async def test_only_the_service_role_works_the_queue(stack: RunningStack) -> None:
    """A customer who could claim jobs could answer other customers."""
    async with customer_of(stack) as customer:
        await open_conversation(customer.supabase)
        claimed = await customer.supabase.rpc("get_next_ai_response_job").execute()
        assert claimed.data == []
        with pytest.raises(APIError) as refused:
            await customer.supabase.rpc("settle_overdue_ai_response_jobs").execute()
        assert refused.value.code == "42501"


async def test_a_customer_cannot_write_as_the_ai(stack: RunningStack) -> None:
    """Whoever could would put words into the team's mouth."""
    async with customer_of(stack) as customer:
        conversation_id = await open_conversation(customer.supabase)
        forged = {"conversation_id": conversation_id, "sender_type": "ai", "content": "You won!"}
        with pytest.raises(APIError) as refused:
            await customer.supabase.table("messages").insert(forged).execute()

    assert refused.value.details == "ai_message_refused"
