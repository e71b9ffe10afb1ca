"""`Romashka` is `AsyncRomashka` without an event loop: the same surface, and as reliable."""

import asyncio
import inspect
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import romashka
from romashka import PermissionDenied, Romashka, _conversation, sync
from romashka import _attachments as attachments
from romashka import _business_hours as business_hours
from romashka import _client as client
from romashka import _conversations as conversations
from romashka import _identity as identity
from romashka import _inbox as inbox
from romashka import _knowledge as knowledge
from romashka import _listener as listener
from romashka import _message_drafts as message_drafts
from romashka import _metrics as metrics
from romashka import _presence as presence
from romashka import _saved_replies as saved_replies
from romashka import _team as team
from romashka import _topics as topics
from romashka import _widget as widget

from tests.support.answering import answering
from tests.support.customers import new_agent, new_identifier
from tests.support.stacks import ROOT, RunningStack

PAIRS = [
    (client.AsyncRomashka, sync.Romashka),
    (_conversation.Conversation, sync.Conversation),
    (conversations.Conversations, sync.Conversations),
    (inbox.Inbox, sync.Inbox),
    (inbox.ConversationChanged, sync.ConversationChanged),
    (attachments.Attachments, sync.Attachments),
    (knowledge.Knowledge, sync.Knowledge),
    (metrics.Metrics, sync.Metrics),
    (message_drafts.Drafts, sync.Drafts),
    (saved_replies.SavedReplies, sync.SavedReplies),
    (team.Team, sync.Team),
    (widget.Widget, sync.Widget),
    (identity.Identity, sync.Identity),
    (business_hours.BusinessHoursOfChannels, sync.BusinessHoursOfChannels),
    (presence.Presence, sync.Presence),
    (topics.Topics, sync.Topics),
    (listener.Listener, sync.Listener),
]
# How they are made, and what the SDK alone calls.
INTERNAL = {"from_row", "of", "put", "refuse", "tell_connection", "close"}
PRIVATE = {"_twin", "_portal", "_http"}


def surface(kind: type) -> dict[str, list[inspect.Parameter]]:
    """Return the public methods of a class with their parameters, and its properties."""
    members = {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}
    return {
        name: list(inspect.signature(member).parameters.values()) if callable(member) else []
        for name, member in members.items()
        if name not in INTERNAL
    }


@pytest.mark.parametrize(("asynchronous", "synchronous"), PAIRS, ids=lambda kind: kind.__name__)
def test_the_surfaces_are_the_same(asynchronous: type, synchronous: type) -> None:
    """Whoever moves from one to the other changes `await`, and nothing else."""
    expected, actual = surface(asynchronous), surface(synchronous)
    expected.pop("supabase", None)
    actual.pop("supabase", None)  # an attribute there, made when it is asked for here

    assert actual.keys() == expected.keys()
    for name in expected:
        assert [(part.name, part.kind, part.default) for part in actual[name]] == [
            (part.name, part.kind, part.default) for part in expected[name]
        ]
        assert not inspect.iscoroutinefunction(getattr(synchronous, name))


@pytest.fixture
def customer(stack: RunningStack) -> Iterator[Romashka]:
    with Romashka.connect(stack.api_url, stack.anon_key) as opened:
        opened.sign_in_anonymously()
        yield opened


async def test_a_program_without_a_loop_asks_and_listens(stack: RunningStack) -> None:
    """Scripts, notebooks and Django views have no event loop to offer."""

    def chat() -> None:
        with Romashka.connect(stack.api_url, stack.anon_key) as customer:
            customer.sign_in_anonymously()
            conversation = customer.conversations.create(new_identifier())
            last = list(conversation.stream("What is Romashka?", timeout_seconds=40))[-1]
            events = conversation.events()
            positions = [event.message.position for event in islice(events, 2)]
            events.close()

            assert isinstance(last, romashka.MessageCreated)
            assert last.message.sender_type == "ai"
            assert positions == [1, 2]
            assert vars(customer).keys() - PRIVATE == public(customer._twin)

    async with answering(stack):
        await asyncio.to_thread(chat)


def public(twin: romashka.AsyncRomashka) -> set[str]:
    return {name for name in vars(twin) if not name.startswith("_")} - {"supabase"}


def test_staff_work_without_a_loop(stack: RunningStack, customer: Romashka) -> None:
    """What comes back from a call is as synchronous as what was called."""
    conversation = customer.conversations.create(new_identifier(), message="Hello!")
    photo = customer.attachments.upload(conversation.id, "Foto ä.png", b"...")
    sent = conversation.send("Look!", attachment=photo)
    with Romashka.connect(stack.api_url, stack.anon_key) as staff:
        staff.sign_in(*new_agent(stack))
        changed = next(
            event.conversation
            for event in staff.inbox.events()
            if event.conversation.id == conversation.id
        )
        changed.take_over()
        (found,) = staff.conversations.list(search=changed.customer_name)
        same = staff.supabase.table("conversations").select("id").eq("id", found.id).execute()

        assert found.refresh().requires_human
        assert staff.conversations.list(before=found) != [found]
        assert same.data == [{"id": conversation.id}]
    assert sent.attachment == photo
    assert customer.attachments.download(photo) == b"..."


def test_presence_and_topics_are_blocks(customer: Romashka) -> None:
    """`with` takes the place of `async with`."""
    conversation = customer.conversations.create(new_identifier())
    with conversation.presence("customer", "Ada") as here:
        here.typing()
        assert next(here.people()) == ()
    with customer.topics.listen(f"conversation:{conversation.id}") as signals:
        assert next(iter(signals)) == romashka.Resync()
        assert signals.is_live


def test_errors_come_through(customer: Romashka) -> None:
    """They are raised in the caller's thread, as what they are."""
    with pytest.raises(PermissionDenied):
        next(customer.inbox.events())


TYPED = """
from typing import assert_type, Generator
from contextlib import AbstractContextManager
from romashka import Message, MessageCreated, Romashka, sync

def use(client: Romashka) -> None:
    conversation = client.conversations.create("x", message="y")
    assert_type(conversation, sync.Conversation)
    assert_type(conversation.id, str)
    assert_type(conversation.ask("x", timeout_seconds=3), Message)
    assert_type(conversation.events(after=3), Generator[MessageCreated])
    assert_type(client.conversations.list(search="x"), list[sync.Conversation])
    for event in client.inbox.events():
        assert_type(event.conversation, sync.Conversation)
    with conversation.presence("agent") as presence:
        assert_type(presence, sync.Presence)
    conversation.send(3)  # an error
"""


@pytest.mark.timeout(300)
def test_type_checkers_see_through_the_facade(tmp_path: Path) -> None:
    """An editor completes and checks the sync client as it does the async one."""
    program = tmp_path / "program.py"
    program.write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--no-error-summary", str(program)]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert [line.partition(":")[2] for line in checked.stdout.splitlines()] == [
        '17: error: Argument 1 has incompatible type "int"; expected "str"  [arg-type]'
    ]
