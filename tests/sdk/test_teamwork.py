"""What an inbox does besides answering, from Python: notes, the team, search, figures."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from romashka import (
    ConversationChanged,
    NoteCreated,
    NoteRemoved,
    NotFound,
    PermissionDenied,
)

from tests.support.customers import conversation_with_human, customer_of, staff_of
from tests.support.stacks import RunningStack


async def test_staff_hear_of_notes_and_customers_do_not(stack: RunningStack) -> None:
    """A note that needs a reload is read after the answer was sent."""
    async with customer_of(stack) as customer, staff_of(stack) as staff:
        conversation = await conversation_with_human(customer, stack)
        work = await staff.conversations.get(conversation.id)
        heard: list[NoteCreated | NoteRemoved] = []
        is_live = asyncio.Event()

        async def hear() -> None:
            async for event in staff.inbox.live():
                if isinstance(event, ConversationChanged):
                    is_live.set()
                elif isinstance(event, NoteCreated | NoteRemoved):
                    if event.conversation_id == conversation.id:
                        heard.append(event)
                    if len(heard) == 2:
                        return

        async with asyncio.timeout(50):
            hearing = asyncio.create_task(hear())
            await is_live.wait()
            await asyncio.sleep(1)  # it streams soon after
            note = await work.add_note("Careful.")
            await work.remove_note(note.id)
            await hearing

        assert heard == [NoteCreated(conversation.id, note), NoteRemoved(conversation.id, note.id)]


async def test_the_team_sees_where_each_looks_and_what_they_write(stack: RunningStack) -> None:
    """Two agents who answer the same customer contradict each other."""
    name, conversation = f"Ada {uuid4()}", str(uuid4())
    async with staff_of(stack) as ada, staff_of(stack) as grace, customer_of(stack) as customer:
        async with grace.inbox.colleagues("Grace") as colleague, ada.inbox.colleagues(name) as team:
            seen: list[tuple[str | None, str | None]] = []
            async with asyncio.timeout(50):
                async for people in colleague.people():
                    seen += [(each.looks_at, each.writes) for each in people if each.name == name]
                    if seen and seen[-1] == (None, None):
                        await team.look(conversation)
                    elif seen and seen[-1] == (conversation, None):
                        await team.typing(conversation, "note")
                    elif seen:
                        break
        assert seen[-1] == (conversation, "note")
        with pytest.raises(PermissionDenied):
            async with customer.inbox.colleagues("Eve") as stranger:
                await anext(stranger.people())


async def test_staff_change_what_customers_may_not(stack: RunningStack) -> None:
    """What a screen hides is refused by the database, too."""
    async with customer_of(stack) as customer, staff_of(stack) as staff:
        conversation = await conversation_with_human(customer, stack, "Where is my parcel?")
        work = await staff.conversations.get(conversation.id)
        await work.set_priority("urgent")
        await work.resolve()
        await work.reopen()
        tags = await work.tag(["one", "two"], ["two"])
        now = await work.refresh()

        assert (now.priority, now.status, now.tags) == ("urgent", "active", tags)
        assert (now.waiting_since, now.requires_human) == (None, False)
        with pytest.raises(NotFound):
            await conversation.set_priority("urgent")
        with pytest.raises(PermissionDenied):
            await conversation.tag(["x"])
        with pytest.raises(PermissionDenied):
            await conversation.explain(str(uuid4()))
        with pytest.raises(NotFound):
            await work.explain(str(uuid4()))


async def test_what_was_said_is_found_a_page_at_a_time(stack: RunningStack) -> None:
    """Poor search is what people complain of first."""
    word = f"x{uuid4().hex}"
    async with customer_of(stack) as customer, staff_of(stack) as staff:
        conversation = await conversation_with_human(customer, stack, f"No {word}s")
        async with customer_of(stack) as other:
            whole = await conversation_with_human(other, stack, f"The {word} came.")
        first = await staff.inbox.search(word, limit=1)
        second = await staff.inbox.search(word, limit=1, after=first.next)
        [hit] = first.hits

        assert hit.conversation.id == whole.id
        assert [part.text for part in hit.excerpt if part.is_match] == [word]
        assert [each.conversation.id for each in second.hits] == [conversation.id]
        assert second.next is None
        with pytest.raises(PermissionDenied):
            await customer.inbox.search(word)


async def test_figures_over_time_are_for_staff(stack: RunningStack) -> None:
    """How good the team is, is the team's to say."""
    now = datetime.now(UTC)
    async with customer_of(stack) as customer, staff_of(stack) as staff:
        found = await staff.metrics.service_level_over_time(
            now - timedelta(hours=2), now, bucket="hour", timezone="Asia/Kolkata"
        )
        page = await staff.metrics.conversations_behind(
            now - timedelta(days=1), outcome="replied", within_6s=True, limit=1
        )

        assert len(found.buckets) in (2, 3)
        assert found.buckets[-1].ends_at == now
        assert len(page.rows) <= 1
        with pytest.raises(PermissionDenied):
            await customer.metrics.service_level_over_time(now - timedelta(days=1))
