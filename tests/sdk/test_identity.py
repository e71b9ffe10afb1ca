"""Customers of an account, and of a page's signature, through the SDK and the official clients."""

import hashlib
import hmac
from uuid import uuid4

import httpx
import pytest
from romashka import AsyncRomashka, NotFound, PermissionDenied

from tests.support.customers import customer_of, service_of
from tests.support.stacks import RunningStack
from tests.support.waiting import becomes


def _sign_up(stack: RunningStack) -> dict[str, str]:
    account = {"email": f"{uuid4()}@example.com", "password": "correct horse"}
    url, headers = f"{stack.api_url}/auth/v1/signup", {"apikey": stack.anon_key}
    httpx.post(url, json=account, headers=headers).raise_for_status()
    return account


async def _conversations(client: AsyncRomashka) -> set[str]:
    return {conversation.id for conversation in await client.conversations.list()}


async def test_an_account_has_its_conversations_on_each_device(stack: RunningStack) -> None:
    """Its session is who it is: nothing more is asked; what a visitor had open comes along."""
    account = _sign_up(stack)
    async with (
        customer_of(stack) as visitor,
        customer_of(stack) as stranger,
        AsyncRomashka.connect(stack.api_url, stack.anon_key) as phone,
        AsyncRomashka.connect(stack.api_url, stack.anon_key) as laptop,
    ):
        opened = await visitor.conversations.create("a visitor")
        word = await visitor.identity.offer_conversations()
        for device in (phone, laptop):
            await device.sign_in(**account)
        with pytest.raises(PermissionDenied):
            await stranger.identity.bring_conversations(word or "")
        brought = await phone.identity.bring_conversations(word or "")
        with pytest.raises(NotFound):
            await laptop.identity.bring_conversations(word or "")
        found = [await _conversations(device) for device in (phone, laptop)]
        others = [await _conversations(device) for device in (visitor, stranger)]

        await (await phone.conversations.get(opened.id)).leave_address("ada@example.org")
        told = await laptop.conversations.get(opened.id)

    assert told.answer_email == "ada@example.org"
    assert brought == 1
    assert found == [{opened.id}] * 2
    assert others == [set()] * 2


async def test_whom_the_page_signs_is_the_same_on_each_device(stack: RunningStack) -> None:
    """Rows, files and live events are theirs, until they sign out; a copy of the session is not."""
    user_id = str(uuid4())
    async with (
        service_of(stack) as operator,
        customer_of(stack) as phone,
        customer_of(stack) as laptop,
    ):
        secret = await operator.identity.rotate_secret()
        signature = hmac.new(secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()
        for device in (phone, laptop):
            await device.identity.identify(user_id, signature)
        conversation = await phone.conversations.create("somebody")
        there = await laptop.conversations.get(conversation.id)
        photo = await phone.attachments.upload(conversation.id, "a.png", b"\x89PNG a")
        async with laptop.topics.listen(f"conversation:{conversation.id}") as topic:
            await becomes(lambda: topic.is_live)
            await conversation.send("From my phone", attachment=photo)
            async for signal in topic:
                if "From my phone" in str(signal):
                    break
        message = (await there.messages())[0]
        assert message.attachment is not None
        content = await laptop.attachments.download(message.attachment)
        await laptop.identity.sign_out()
        with pytest.raises(NotFound):
            await laptop.conversations.get(conversation.id)
        with pytest.raises((NotFound, PermissionDenied)):
            await laptop.attachments.download(message.attachment)
        (newest, *_) = await operator.identity.secrets()

    assert content == b"\x89PNG a"
    assert newest.sessions == 1
