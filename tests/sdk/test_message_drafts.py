"""Drafts through the SDK: on each device of one agent, and on nobody else's."""

import asyncio
from contextlib import aclosing

import pytest
from romashka import AsyncRomashka, Conflict, InvalidRequest, NotSignedIn, PermissionDenied

from tests.support.customers import conversation_with_human, customer_of, new_agent, service_of
from tests.support.stacks import RunningStack


async def test_two_devices_of_one_agent_have_the_same_drafts(stack: RunningStack) -> None:
    """What is begun on the phone is ended at the desk, and gone everywhere when it was sent."""
    email, password = new_agent(stack)
    async with (
        customer_of(stack) as customer,
        AsyncRomashka.connect(stack.api_url, stack.anon_key) as phone,
        AsyncRomashka.connect(stack.api_url, stack.anon_key) as desk,
        asyncio.timeout(60),
    ):
        conversation = await conversation_with_human(customer, stack, "Hello?")
        await phone.sign_in(email, password)
        await desk.sign_in(email, password)
        first = await phone.drafts.save(conversation.id, "Dear")
        async with aclosing(desk.drafts.events()) as events:
            begun = await anext(events)
            second = await phone.drafts.save(conversation.id, "Dear Ada", revision=first)
            heard = await anext(events)
            with pytest.raises(Conflict) as late:
                await desk.drafts.save(conversation.id, "Dear Bob", revision=first)
            listed = await desk.drafts.list()
            await (await desk.conversations.get(conversation.id)).send(
                "Dear Ada", sender_type="agent"
            )
            sent = await anext(events)

        assert (begun.content, begun.revision, begun.mode) == ("Dear", first, "reply")
        assert listed == [heard]
        assert (heard.content, heard.revision) == ("Dear Ada", second)
        assert late.value.name == "draft_changed"
        assert (sent.conversation_id, sent.content) == (conversation.id, "")
        assert await phone.drafts.list() == []


async def test_what_went_while_nobody_listened_is_told(stack: RunningStack) -> None:
    """A list would show a draft that was sent an hour ago."""
    email, password = new_agent(stack)
    async with (
        customer_of(stack) as customer,
        AsyncRomashka.connect(stack.api_url, stack.anon_key) as desk,
        asyncio.timeout(60),
    ):
        conversation = await conversation_with_human(customer, stack)
        await desk.sign_in(email, password)
        revision = await desk.drafts.save(conversation.id, "Dear", mode="note")
        async with aclosing(desk.drafts.events()) as events:
            there = await anext(events)
            cut = asyncio.create_task(anext(events))
            await desk.supabase.realtime._ws_connection.close()
            await desk.drafts.save(conversation.id, "", mode="note", revision=revision)
            gone = await cut

    assert (there.content, gone.content, gone.mode) == ("Dear", "", "note")


async def test_drafts_are_for_staff_who_are_signed_in(stack: RunningStack) -> None:
    """A key is nobody, and a customer has none."""
    async with customer_of(stack) as customer, service_of(stack) as service:
        conversation = await customer.conversations.create("visitor")
        with pytest.raises(PermissionDenied):
            await customer.drafts.save(conversation.id, "x")
        with pytest.raises(PermissionDenied):
            await anext(customer.drafts.events())
        with pytest.raises(NotSignedIn):
            await anext(service.drafts.events())
        with pytest.raises(InvalidRequest):
            await customer.drafts.save(conversation.id, "\0")
        assert await customer.drafts.list() == []
