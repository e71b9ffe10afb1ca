"""A conversation is followed without a gap, wherever in the exchange the network fails."""

import asyncio

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from romashka import AsyncRomashka

from tests.support.customers import customer_of, new_identifier, service_of
from tests.support.proxy import Fault, open_proxy
from tests.support.stacks import RunningStack

pytestmark = pytest.mark.timeout(300)

MESSAGES = 5

# An exchange has some 12,000 bytes: two handshakes, the join, its replies, what is read and sent.
FAULTS = st.lists(
    st.builds(
        Fault,
        st.integers(1, 4000),
        st.sampled_from(["reset", "close", "half_close", "stall"]),
    ),
    min_size=1,
    max_size=4,
)
FEW = settings(
    max_examples=5, derandomize=True, deadline=None, database=None, phases=[Phase.generate]
)


@given(faults=FAULTS, data=st.data())
@FEW
def test_every_message_comes_once_and_in_order(
    stack: RunningStack, faults: list[Fault], data: st.DataObject
) -> None:
    """A bad network may delay what a customer sees; it may not hide, repeat or reorder it."""
    before = data.draw(st.integers(0, MESSAGES), label="messages that are there before")
    assert asyncio.run(positions_seen(stack, faults, before)) == list(range(1, MESSAGES + 1))


async def positions_seen(stack: RunningStack, faults: list[Fault], before: int) -> list[int]:
    """Follow a conversation over a failing network, until the last message is seen."""
    seen = []
    async with (
        open_proxy(stack.api_url) as network,
        customer_of(stack, network.url) as client,
        service_of(stack) as service,
    ):
        conversation = await client.conversations.create(new_identifier())
        elsewhere = await service.conversations.get(conversation.id)
        for number in range(before):
            await elsewhere.send(f"before {number}")
        network.fail(*faults)

        async def follow() -> None:
            async for event in conversation.events():
                seen.append(event.message.position)
                if event.message.position == MESSAGES:
                    return

        async with asyncio.timeout(100), asyncio.TaskGroup() as tasks:
            tasks.create_task(follow())
            for number in range(before, MESSAGES):
                await elsewhere.send(f"meanwhile {number}")
    return seen


@given(faults=FAULTS)
@FEW
def test_the_inbox_converges_to_the_latest_state(stack: RunningStack, faults: list[Fault]) -> None:
    """An agent's list shows what is, after whatever the network did to it."""
    assert asyncio.run(inbox_converges(stack, faults))


async def inbox_converges(stack: RunningStack, faults: list[Fault]) -> bool:
    """Follow the inbox over a failing network, until it shows the last message of each."""
    async with (
        open_proxy(stack.api_url) as network,
        AsyncRomashka.connect(network.url, stack.service_role_key) as staff,
        customer_of(stack) as client,
    ):
        conversations = [
            await client.conversations.create(new_identifier(), channel_type=channel)
            for channel in ("website", "email")
        ]
        for conversation in conversations:  # nothing automatic becomes the last message
            await (await staff.conversations.get(conversation.id)).take_over()
        latest = {conversation.id: "" for conversation in conversations}
        network.fail(*faults)
        is_shown = asyncio.Event()

        async def follow() -> None:
            async for event in staff.inbox.events(newest=2):
                is_shown.set()
                if event.conversation.id in latest:
                    latest[event.conversation.id] = event.conversation.last_message or ""
                if set(latest.values()) == {"last"}:
                    return

        async with asyncio.timeout(100), asyncio.TaskGroup() as tasks:
            tasks.create_task(follow())
            for text in ("first", "second", "last"):
                if text == "last":
                    await is_shown.wait()  # from then on nothing is missed, old or new
                for conversation in conversations:
                    await conversation.send(text)
    return True
