"""One person whose number has several spellings: what Meta tells makes them one customer."""

import uuid
from typing import Any

import pytest

from tests.channels.account import Account, delivering, sent_by
from tests.channels.arrived import Database, Row
from tests.channels.graph import Graph
from tests.channels.meta import Meta, message, messages, new_id, whatsapp
from tests.support.stacks import CHANNEL_SECRETS, RunningStack

TEMPLATE = {"template": {"name": "follow_up", "language": "pt_BR", "components": []}}


def numbers() -> tuple[str, str]:
    """Return a number with the ninth digit, and as WhatsApp has it."""
    digits = new_id()[-8:]
    return f"55119{digits}", f"5511{digits}"


def open_conversation(inbox: Database, account: Account, phone: str) -> str:
    """Let staff open a conversation with a customer whom they know by a number."""
    row = inbox.execute(
        "with customer as (insert into public.customer_profiles (name, phone)"
        " values ('Bia', %s) returning id)"
        " insert into public.conversations (customer_id, channel_type, channel_id)"
        " select id, 'whatsapp', %s from customer returning id",
        [f"+{phone}", account.channel_id],
    ).fetchone()
    assert row is not None
    return str(row["id"])


async def staff_write(account: Account, conversation: str) -> str:
    """Send a template; return the delivery's message when it is out."""
    sent = await account.write("Chegou?", conversation_id=conversation, metadata=TEMPLATE)
    await account.ends(sent)
    return sent


def writes(meta: Meta, account: Account, number: str, text: str, **more: Any) -> None:
    """Let the customer write, under the number that WhatsApp has."""
    sent = message("text", {"body": text}, **more) | {"from": number}
    people = [{"profile": {"name": "Bia"}, "wa_id": number}]
    answer = meta.post("whatsapp", whatsapp(account.id, messages(sent, contacts=people)))
    assert answer.json()["outcomes"] == {"stored": 1}


def said(inbox: Database, text: str) -> Row:
    """Return a message with its conversation and how many turns that has."""
    row = inbox.execute(
        "select messages.*, conversations.customer_id, conversations.requires_human,"
        " conversations.business_context, (select count(*) from public.ai_response_queue as jobs"
        " where jobs.conversation_id = conversations.id) as turns"
        " from public.messages as messages"
        " join public.conversations as conversations on conversations.id = messages.conversation_id"
        " where messages.content = %s",
        [text],
    ).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize("tells", ["the answer", "a status", "the quote"])
async def test_who_answers_staff_under_another_spelling_is_the_same_customer(
    stack: RunningStack, graph: Graph, account: Account, meta: Meta, inbox: Database, tells: str
) -> None:
    """The AI would answer in a conversation of its own, beside the human who asked."""
    ours, theirs = numbers()
    text = f"Sim, chegou {uuid.uuid4()}"
    conversation = open_conversation(inbox, account, ours)
    if tells == "the answer":
        graph.spellings[ours] = theirs
    async with delivering(stack, graph):
        await staff_write(account, conversation)
    [sent] = sent_by(graph, account)
    if tells == "a status":
        graph.spellings[ours] = theirs
        secret = CHANNEL_SECRETS["WHATSAPP_APP_SECRET"]
        await graph.call_back(meta.url("whatsapp"), graph.status(sent, "delivered"), secret)
    quoted = {"context": {"from": "15550100", "id": sent.id}} if tells == "the quote" else {}
    writes(meta, account, theirs, text, **quoted)
    answered = said(inbox, text)

    assert str(answered["conversation_id"]) == conversation
    assert (answered["requires_human"], answered["turns"]) == (True, 0)


async def test_who_wrote_before_meta_told_is_found_to_be_the_same(
    stack: RunningStack, graph: Graph, account: Account, meta: Meta, inbox: Database
) -> None:
    """Their first message is with the same human, and what they write next is where staff wrote."""
    ours, theirs = numbers()
    first, second = f"Oi {uuid.uuid4()}", f"E agora {uuid.uuid4()}"
    conversation = open_conversation(inbox, account, ours)
    async with delivering(stack, graph):
        await staff_write(account, conversation)
    writes(meta, account, theirs, first)
    apart = said(inbox, first)
    graph.spellings[ours] = theirs
    [sent] = sent_by(graph, account)
    secret = CHANNEL_SECRETS["WHATSAPP_APP_SECRET"]
    await graph.call_back(meta.url("whatsapp"), graph.status(sent, "delivered"), secret)
    joined = said(inbox, first)
    writes(meta, account, theirs, second)
    after = said(inbox, second)

    assert str(apart["conversation_id"]) != conversation
    assert joined["customer_id"] == after["customer_id"] != apart["customer_id"]
    assert joined["requires_human"]
    assert joined["business_context"]["continued_in"] == conversation
    assert str(after["conversation_id"]) == conversation


async def test_a_status_tells_the_user_id_of_a_number(
    stack: RunningStack, graph: Graph, account: Account, meta: Meta, inbox: Database
) -> None:
    """Who takes a username later writes without a number; a group that got a message is nobody."""
    ours, _ = numbers()
    user_id, text = new_id("BR."), f"Sem número {uuid.uuid4()}"
    conversation = open_conversation(inbox, account, ours)
    async with delivering(stack, graph):
        await staff_write(account, conversation)
    [sent] = sent_by(graph, account)
    for told in ({"recipient_user_id": user_id}, {"recipient_type": "group", "recipient_id": "9"}):
        webhook = graph.status(sent, "delivered")
        [change] = webhook["entry"][0]["changes"]
        change["value"]["statuses"][0] |= told
        assert meta.post("whatsapp", webhook).is_success
    written = message("text", {"body": text}, from_user_id=user_id) | {"from": ""}
    people = [{"profile": {"name": "Bia"}, "user_id": user_id}]
    meta.post("whatsapp", whatsapp(account.id, messages(written, contacts=people)))
    known = inbox.execute(
        "select external_id from private.channel_customers where channel_id = %s",
        [account.channel_id],
    ).fetchall()

    assert str(said(inbox, text)["conversation_id"]) == conversation
    assert "9" not in {row["external_id"] for row in known}
