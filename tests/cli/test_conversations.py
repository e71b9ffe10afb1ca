"""`romashka conversations`: all that the team does, without an inbox."""

import asyncio
import json
import uuid
from collections.abc import Callable

import pytest
from romashka import AsyncRomashka, Conversation

from tests.support.answering import answer_next
from tests.support.commands import Command
from tests.support.customers import customer_of, new_agent, new_identifier, service_of
from tests.support.stacks import RunningStack


def keys(stack: RunningStack) -> dict[str, str]:
    return {"SUPABASE_URL": stack.api_url, "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key}


def agent(stack: RunningStack) -> dict[str, str]:
    """Return the settings of a new agent, who has no service key."""
    email, password = new_agent(stack)
    return {
        "SUPABASE_URL": stack.api_url,
        "SUPABASE_SERVICE_ROLE_KEY": stack.anon_key,
        "ROMASHKA_EMAIL": email,
        "ROMASHKA_PASSWORD": password,
    }


async def handed_over(client: AsyncRomashka, service: AsyncRomashka) -> Conversation:
    """Open a conversation of which a customer was told that a human is coming."""
    conversation = await client.conversations.create(new_identifier())
    asked = asyncio.create_task(conversation.ask("a [bold]human", timeout_seconds=60))
    await answer_next(service, conversation.id, "", action="escalate", reason="human_requested")
    await asked
    return conversation


@pytest.mark.parametrize("who", [keys, agent], ids=["by key", "as an agent"])
async def test_what_waits_is_found_answered_noted_and_resolved(
    stack: RunningStack, romashka: Command, who: Callable[[RunningStack], dict[str, str]]
) -> None:
    """An evaluator without the inbox saw a hand-over, and was stuck."""
    settings = who(stack)
    async with customer_of(stack) as customer, service_of(stack) as service:
        conversation = await handed_over(customer, service)
        one = conversation.id

        async def call(*command: str, typed: str = "") -> str:
            done = await asyncio.to_thread(
                romashka, "conversations", *command, typed=typed, **settings
            )
            assert (done.exit_code, done.errors) == (0, "")
            return done.output

        waiting = await call("waiting")
        everything = await call("waiting", "--limit", "500", "--json")
        replied = await call("reply", one, "-", typed="Here I am.\n")
        noted = await call("note", one, "Knows us well.")
        shown = await call("show", one)
        as_json = [json.loads(line) for line in (await call("show", one, "--json")).splitlines()]
        returned = await call("return", one)
        taken = await call("take-over", one)
        resolved = await call("resolve", one)
        still_waiting = await asyncio.to_thread(
            romashka, "conversations", "waiting", "--json", "--limit", "500", **settings
        )
        messages = await conversation.messages()

    assert waiting.startswith("id  ")
    [line] = [json.loads(line) for line in everything.splitlines() if one in line]
    assert line["conversation"]["escalation_reason"] == "human_requested"
    assert "agent     Here I am." in replied
    assert noted == f"{one}: noted now.\n"
    assert "a human has it (human_requested)" in shown.splitlines()[0]
    assert "customer  a [bold]human" in shown
    assert "note      Knows us well." in shown
    assert [each["event"] for each in as_json] == [
        "conversation",
        *["message.created"] * len(messages[:3]),
        "note",
    ]
    assert returned == f"{one}: the AI has it now.\n"
    assert taken == f"{one}: a human has it now.\n"
    assert resolved == f"{one}: it is resolved now.\n"
    assert one not in still_waiting.output
    assert [each.sender_type for each in messages] == ["user", "ai", "agent"]


async def test_a_conversation_is_assigned_by_address_and_taken_from_everybody(
    stack: RunningStack, romashka: Command
) -> None:
    """People know their colleagues' addresses, not their ids."""
    colleague, _ = new_agent(stack)
    async with customer_of(stack) as customer, service_of(stack) as service:
        conversation = await customer.conversations.create(new_identifier())

        async def assign(to: str) -> tuple[str | None, str]:
            done = await asyncio.to_thread(
                romashka, "conversations", "assign", conversation.id, to, **keys(stack)
            )
            now = await service.conversations.get(conversation.id)
            return now.assigned_agent_id, done.output + done.errors

        by_address, said = await assign(colleague.upper())
        by_id, _ = await assign(str(by_address))
        unknown, refused = await assign("nobody@example.com")
        no_id, refused_id = await assign("ada")
        nobody, _ = await assign("nobody")

    assert by_address is not None
    assert said == f"{conversation.id}: it is {colleague.upper()}'s now.\n"
    assert by_id == unknown == no_id == by_address
    assert refused == (
        "romashka: nobody of the team has the address nobody@example.com; romashka staff list\n"
    )
    assert refused_id.startswith("romashka: ")
    assert refused_id.count("\n") == 1
    assert nobody is None


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["reply", str(uuid.uuid4()), " "], "there is nothing to say: the text is empty"),
        (["note", str(uuid.uuid4()), "-"], "there is nothing to say: the text is empty"),
        (["take-over", "no-id"], "there is no conversation no-id"),
        (["show", str(uuid.uuid4())], "there is no conversation "),
    ],
)
def test_what_is_wrong_is_one_clear_line(
    stack: RunningStack, romashka: Command, command: list[str], says: str
) -> None:
    """Nothing is sent."""
    done = romashka("conversations", *command, **keys(stack))

    assert (done.exit_code, done.output) == (1, "")
    assert done.errors.startswith(f"romashka: {says}")
    assert done.errors.count("\n") == 1


async def test_who_waits_for_an_answer_is_told_that_a_human_has_it(
    stack: RunningStack, romashka: Command
) -> None:
    """At once, and with the exit code of a hand-over."""
    async with customer_of(stack) as customer, service_of(stack) as service:
        conversation = await handed_over(customer, service)
        done = await asyncio.to_thread(
            romashka,
            *("send", "Are you there?", "--conversation", conversation.id, "--wait", "60"),
            **keys(stack),
        )

    assert (done.exit_code, done.output) == (3, "")
    assert done.errors == "romashka: a human has the conversation, and answers there\n"
