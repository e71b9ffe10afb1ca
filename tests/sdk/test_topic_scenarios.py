"""Topics in every kind of trouble: the table that the TypeScript SDK's tests play too."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any
from uuid import uuid4

import pytest
import romashka
from romashka import AsyncRomashka, Conversation

from tests.support.scripted import ANON_KEY, conversation_row, playing, read_scenarios

SCENARIOS = read_scenarios()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where the scenarios are played."""
    with playing(SCENARIOS) as url:
        yield url


@pytest.mark.parametrize("number", range(len(SCENARIOS)), ids=[each["name"] for each in SCENARIOS])
async def test_a_subscriber_sees_what_the_table_says(url: str, number: int) -> None:
    """What stops a subscription for now must not stop it for good, nor hide why it ended."""
    expected = dict(SCENARIOS[number]["sees"])
    within_seconds = expected.pop("within_seconds", 60)
    async with asyncio.timeout(within_seconds):
        count = len(expected["messages"]) or 1
        told = len(expected.get("connection", ()))
        seen = await play(f"{url}/{uuid4()}/{number}", count, told)

    assert {what: seen[what] for what in expected} == expected


async def play(url: str, count: int, told: int) -> dict[str, Any]:
    """Follow the conversation of a scenario until so much was told; return what was seen of it."""
    messages: list[str] = []
    connection: list[bool] = []
    async with AsyncRomashka.connect(url, ANON_KEY) as client:
        client.supabase.realtime.timeout = 1
        await client.sign_in_anonymously()
        conversation = Conversation.from_row(conversation_row(), client)
        async with aclosing(conversation.events(on_connection=connection.append)) as events:
            try:
                while len(messages) < count:
                    messages.append((await anext(events)).message.content)
                for _ in range(100):  # a message may be read before the connection is back
                    if len(connection) >= told:
                        break
                    await asyncio.sleep(0.05)
            except romashka.RomashkaError as error:
                return {"messages": messages, "error": type(error).__name__}
    return {"messages": messages, "connection": connection}
