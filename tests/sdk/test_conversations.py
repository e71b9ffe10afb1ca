"""Conversations through the SDK: open, write, read, ask."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from romashka import (
    AsyncRomashka,
    Chosen,
    Conflict,
    Conversation,
    Filters,
    HumanHasIt,
    InvalidRequest,
    Message,
    NoAnswer,
    NoAnswerNeeded,
    NotFound,
    PermissionDenied,
    Person,
    TooLarge,
)
from romashka._answers import stream_answer

from tests.support.answering import answer_next
from tests.support.customers import (
    conversation_with_human,
    customer_of,
    new_identifier,
    service_of,
    staff_of,
)
from tests.support.proxy import Fault, open_proxy
from tests.support.stacks import RunningStack
from tests.support.waiting import becomes


async def test_messages_come_back_in_order(stack: RunningStack) -> None:
    """What was sent is there, in order, with its position."""
    async with customer_of(stack) as client:
        conversation = await conversation_with_human(client, stack, "first")
        second = await conversation.send("second")
        messages = await conversation.messages()

    assert [(message.position, message.content) for message in messages] == [
        (1, "first"),
        (2, "second"),
    ]
    assert messages[1] == second
    assert second.kind == "message"


async def test_a_message_is_known_by_the_id_that_its_caller_gave(stack: RunningStack) -> None:
    """Whoever got no answer sends again; the customer must not read it twice."""
    message_id = str(uuid4())
    async with customer_of(stack) as client:
        conversation = await conversation_with_human(client, stack, "first")
        sent = [await conversation.send("once", message_id=message_id) for _ in range(2)]
        messages = await conversation.messages()
        async with customer_of(stack) as somebody:
            other = await conversation_with_human(somebody, stack)
            with pytest.raises(Conflict):
                await other.send("another's", message_id=message_id)

    assert [message.content for message in messages] == ["first", "once"]
    assert sent[0] == sent[1] == messages[1]


async def test_creating_again_finds_the_open_conversation(stack: RunningStack) -> None:
    """A page reload must not open a second conversation."""
    async with customer_of(stack) as client:
        first = await client.conversations.create("visitor")
        again = await client.conversations.create("visitor")

    assert first.id == again.id


async def test_conversations_can_be_filtered(stack: RunningStack) -> None:
    """An operator's script asks for what waits for a human."""
    async with customer_of(stack) as client:
        conversation = await client.conversations.create(new_identifier())
        await client.conversations.create(new_identifier(), channel_type="email")

        listed = client.conversations.list
        assert len(await listed(priority="normal", requires_human=False)) == 2
        assert await listed(requires_human=True) == []
        assert await listed(assigned_agent_id=new_identifier()[-36:]) == []
        assert await listed(status="active", channel_type="website") == [conversation]


async def test_lists_and_counts_find_several_states_tags_and_what_is_nobodys(
    stack: RunningStack,
) -> None:
    """An inbox has views, and a badge of each; a script asks in the same words."""
    tag = new_identifier()
    async with service_of(stack) as service, staff_of(stack) as staff:
        rows = [
            {"channel_type": "website", "tags": [tag], "status": status}
            for status in ("active", "resolved", "pending")
        ]
        await service.supabase.table("conversations").insert(rows).execute()
        ids = {each.status: each.id for each in await staff.conversations.list(tags=[tag])}
        me = (await staff.supabase.auth.get_user()).user.id
        taken = service.supabase.table("conversations").update({"assigned_agent_id": me})
        await taken.eq("id", ids["pending"]).execute()
        views: dict[str, tuple[set[str], Filters]] = {
            "all": (set(ids), {}),
            "done": ({"resolved"}, {"status": "resolved"}),
            "open": ({"active", "pending"}, {"status": ["active", "pending"]}),
            "free": ({"active", "resolved"}, {"unassigned": True, "search": ""}),
            "taken": ({"pending"}, {"unassigned": False, "priority": None}),
            "mine": ({"pending"}, {"assigned_agent_id": me, "requires_human": False}),
            "none": (set(), {"tags": [tag, "another"]}),
        }
        asked = {name: Filters(tags=[tag]) | filters for name, (_, filters) in views.items()}
        found = {name: await staff.conversations.list(**asked[name]) for name in views}
        counted = await staff.inbox.counts(asked)
        with pytest.raises(InvalidRequest, match="colour"):
            await staff.inbox.counts({"red": {"colour": "red"}})  # type: ignore[typeddict-unknown-key]  # a slip

    states = {name: {each.status for each in page} for name, page in found.items()}
    assert states == {name: expected for name, (expected, _) in views.items()}
    assert counted == {name: len(page) for name, page in found.items()}


async def test_a_stranger_finds_and_writes_nothing(stack: RunningStack) -> None:
    """Nobody reads what is not theirs: an id alone opens nothing."""
    async with customer_of(stack) as client, customer_of(stack) as stranger:
        conversation = await client.conversations.create(new_identifier(), message="private")

        for id_ in (conversation.id, "no-id"):
            with pytest.raises(NotFound, match=id_):
                await stranger.conversations.get(id_)
        assert await stranger.conversations.list() == []


async def test_too_long_a_message_is_refused_by_name(stack: RunningStack) -> None:
    """The frontend can say what is wrong instead of 'an error occurred'."""
    async with customer_of(stack) as client:
        conversation = await client.conversations.create(new_identifier())
        with pytest.raises(TooLarge) as refused:
            await conversation.send("x" * 5000)

    assert refused.value.name == "message_too_long"


async def test_ask_returns_the_reply(stack: RunningStack) -> None:
    """The whole point of `ask`: one call, one answer."""
    async with customer_of(stack) as client, service_of(stack) as service:
        conversation = await client.conversations.create(new_identifier())
        asked = asyncio.create_task(conversation.ask("What is Romashka?", timeout_seconds=60))
        await answer_next(service, conversation.id, "An inbox.")
        answer = await asked

    assert (answer.kind, answer.content) == ("reply", "An inbox.")


async def test_ask_returns_a_handover_as_one(stack: RunningStack) -> None:
    """A script must see that a human comes, and not take the text for an answer."""
    async with customer_of(stack) as client, service_of(stack) as service:
        conversation = await client.conversations.create(new_identifier())
        asked = asyncio.create_task(conversation.ask("I want a human", timeout_seconds=60))
        await answer_next(service, conversation.id, "", action="escalate", reason="human_requested")
        answer = await asked

    assert answer.kind == "handover"


NOW = "2026-01-02T15:04:05+00:00"
CHOICES = [
    {"label": "How do I return an item?", "item_id": "6d2f1c9e-8f43-4a53-9d0c-1b8c41fbd6f1"},
    {"label": "None of these", "item_id": None},
]


async def test_a_question_is_answered_by_a_choice_once(stack: RunningStack) -> None:
    """A button a choice; a second tap is seen, and changes nothing."""
    async with customer_of(stack) as client, service_of(stack) as service:
        conversation = await client.conversations.create(new_identifier())
        asked = asyncio.create_task(conversation.ask("Can I?", timeout_seconds=60))
        await answer_next(service, conversation.id, "Which?", choices=CHOICES)
        question = await asked
        first = await conversation.choose(question, 1)
        second = await conversation.choose(question, 2)
        written = await conversation.send("Hello?")
        _, read, *_ = await conversation.messages()

    assert read.choices == question.choices
    assert [(choice.number, choice.label, choice.item_id) for choice in question.choices] == [
        (1, CHOICES[0]["label"], CHOICES[0]["item_id"]),
        (2, "None of these", None),
    ]
    assert (first.sender_type, first.content) == ("user", CHOICES[0]["label"])
    assert first.choice == Chosen(question.id, 1, is_late=False)
    assert second.choice == Chosen(question.id, 2, is_late=True)
    assert (written.choice, written.choices, first.choices) == (None, (), ())


@pytest.mark.parametrize("form", ["x", 7, None, {}, [], ["x"], [{}], [{"label": 1}], {"number": 1}])
def test_choices_of_any_other_form_are_none(form: object) -> None:
    """A project that was there before may have such members of its own."""
    row = {"id": "1", "conversation_id": "2", "position": 1, "content": "", "created_at": NOW}
    row |= {"metadata": {"choices": form, "choice": form}}

    assert Message.from_row(row | {"sender_type": "ai"}).choices == ()
    assert Message.from_row(row | {"sender_type": "user"}).choice is None


async def test_what_is_not_offered_is_refused_before_it_is_sent(stack: RunningStack) -> None:
    """A frontend's mistake shows at once, and not as a message that nobody understands."""
    async with customer_of(stack) as client, service_of(stack) as service:
        conversation = await client.conversations.create(new_identifier())
        asked = asyncio.create_task(conversation.ask("Can I?", timeout_seconds=60))
        await answer_next(service, conversation.id, "Which?", choices=CHOICES)
        question = await asked
        mine, _ = await conversation.messages()
        wrong: list[tuple[Message, Any, str]] = [
            *((question, number, f"offers 1 to 2, not {number!r}") for number in (0, 3, -1, 1.5)),
            (question, "1", "offers 1 to 2, not '1'"),
            (mine, 1, "no question with choices"),
            (replace(question, conversation_id=new_identifier()), 1, "another conversation"),
        ]
        for message, number, reason in wrong:
            with pytest.raises(InvalidRequest, match=reason) as refused:
                await conversation.choose(message, number)
            assert refused.value.name == "not_offered"
        stored = await conversation.messages()

    assert stored == [mine, question]


async def test_all_who_ask_in_one_burst_get_its_one_answer(stack: RunningStack) -> None:
    """A burst is one turn: its answer is the answer to each of its messages."""
    async with customer_of(stack) as client, service_of(stack) as service:
        conversation = await client.conversations.create(new_identifier())
        asked = [
            asyncio.create_task(conversation.ask(text, timeout_seconds=60))
            for text in ("one", "two", "three")
        ]
        await becomes(lambda: has_messages(conversation, 3))
        await answer_next(service, conversation.id, "to all three")
        answers = await asyncio.gather(*asked)

    assert len({answer.id for answer in answers}) == 1


async def has_messages(conversation: Conversation, count: int) -> bool:
    return len(await conversation.messages()) == count


async def test_ask_says_when_nobody_answers(stack: RunningStack) -> None:
    """A caller must not wait for ever for a conversation that a human has."""
    async with customer_of(stack) as client:
        conversation = await client.conversations.create(new_identifier())
        with pytest.raises(NoAnswer):
            await conversation.ask("Anybody there?", timeout_seconds=0.3)


async def test_ask_does_not_wait_for_an_answer_that_nobody_owes(stack: RunningStack) -> None:
    """ "thanks!" ends its turn without one: a chat would hang until its time is up."""
    async with customer_of(stack) as client, service_of(stack) as service:
        conversation = await client.conversations.create(new_identifier())
        asked = [
            asyncio.create_task(conversation.ask(text, timeout_seconds=60))
            for text in ("ok", "thanks!")
        ]
        await becomes(lambda: has_messages(conversation, 2))
        await answer_next(service, conversation.id, "", action="none")
        told = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(error) for error in told] == [NoAnswerNeeded, NoAnswerNeeded]


async def test_ask_is_told_that_no_answer_is_needed_though_it_heard_nothing(
    stack: RunningStack,
) -> None:
    """It is told once: who joins a moment later waited until their time was up."""
    async with customer_of(stack) as client, service_of(stack) as service:
        conversation = await client.conversations.create(new_identifier())

        async def send() -> Message:
            question = await conversation.send("thanks!")
            await client.supabase.realtime.close()
            await answer_next(service, conversation.id, "", action="none")
            return question

        topic = f"conversation:{conversation.id}"
        with pytest.raises(NoAnswerNeeded):
            async for _ in stream_answer(client, topic, send, conversation._read_after, 60):
                pass


async def test_ask_says_at_once_that_a_human_has_it(stack: RunningStack) -> None:
    """After a hand-over it said, ten seconds later, that nobody answered."""
    async with customer_of(stack) as client, service_of(stack) as service:
        conversation = await client.conversations.create(new_identifier())
        first = asyncio.create_task(conversation.ask("a human, please", timeout_seconds=60))
        await answer_next(service, conversation.id, "", action="escalate", reason="human_requested")
        promised = await first
        with pytest.raises(HumanHasIt):
            await conversation.ask("Are you there?", timeout_seconds=60)
        written = [message.content for message in await conversation.messages()]

    assert promised.kind == "handover"
    assert written[-1] == "Are you there?"  # it was sent all the same


async def test_ask_says_so_too_when_a_human_takes_over_meanwhile(stack: RunningStack) -> None:
    """Also to who asked second in the burst; a worker has begun to answer."""
    async with (
        customer_of(stack) as client,
        staff_of(stack) as staff,
        service_of(stack) as service,
    ):
        conversation = await client.conversations.create(new_identifier())
        asked = [
            asyncio.create_task(conversation.ask(text, timeout_seconds=60))
            for text in ("one", "two")
        ]
        await becomes(lambda: has_messages(conversation, 2))
        await becomes(lambda: is_claimed(service, conversation))
        await (await staff.conversations.get(conversation.id)).take_over()
        told = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(error) for error in told] == [HumanHasIt, HumanHasIt]


async def is_claimed(service: AsyncRomashka, conversation: Conversation) -> bool:
    claim = {"max_jobs": 10, "lease_seconds": 30}
    jobs = await service.call("get_next_ai_response_job", worker_id=new_identifier(), **claim)
    return conversation.id in [job["conversation_id"] for job in jobs]


async def test_ask_says_so_where_no_event_told_it(stack: RunningStack) -> None:
    """Taken over before any worker had begun."""
    async with customer_of(stack) as client, staff_of(stack) as staff:
        conversation = await client.conversations.create(new_identifier())
        asked = asyncio.create_task(conversation.ask("one", timeout_seconds=1))
        await becomes(lambda: has_messages(conversation, 1))
        await (await staff.conversations.get(conversation.id)).take_over()
        with pytest.raises(HumanHasIt):
            await asked


async def test_ask_waits_for_what_the_ai_still_answers(stack: RunningStack) -> None:
    """After a hand-over out of doubt it goes on with what it is sure of; a returned one, too."""
    async with customer_of(stack) as client, service_of(stack) as service:
        conversation = await client.conversations.create(new_identifier())
        first = asyncio.create_task(conversation.ask("What?", timeout_seconds=60))
        await answer_next(service, conversation.id, "", action="escalate", reason="low_confidence")
        await first
        second = asyncio.create_task(conversation.ask("Hours?", timeout_seconds=60))
        await answer_next(service, conversation.id, "Nine to five.")
        answer = await second

    assert answer.content == "Nine to five."


async def test_a_stranger_cannot_listen(stack: RunningStack) -> None:
    """The topic of a conversation is closed to everybody else, and says so instead of hanging."""
    async with customer_of(stack) as client, customer_of(stack) as stranger:
        conversation = await client.conversations.create(new_identifier())
        async with stranger.topics.listen(f"conversation:{conversation.id}") as listener:
            with pytest.raises(PermissionDenied):
                async with asyncio.timeout(30):
                    await anext(listener)


async def test_pages_follow_one_another(stack: RunningStack) -> None:
    """An inbox scrolls through everything, and shows nothing twice."""
    async with customer_of(stack) as client:
        for channel in ("website", "email", "sms"):
            await client.conversations.create(new_identifier(), channel_type=channel)
        everything = await client.conversations.list()
        first = await client.conversations.list(limit=2)
        second = await client.conversations.list(limit=2, before=first[-1])
        conversation = await conversation_with_human(client, stack)
        for text in "abcde":
            await conversation.send(text)
        newest = await conversation.messages(limit=2)
        older = await conversation.messages(limit=2, before=newest[0].position)

        assert [*first, *second] == everything
        assert [message.content for message in [*older, *newest]] == ["b", "c", "d", "e"]


@pytest.mark.parametrize("name", ['a "quoted", (odd) one', "100% sure_ly", "back\\slash", "x,y.z"])
async def test_a_search_takes_every_sign_as_it_is(stack: RunningStack, name: str) -> None:
    """What people type is no filter: neither an error, nor everything."""
    async with customer_of(stack) as client:
        conversation = await client.conversations.create(name)
        await client.conversations.create("somebody else", channel_type="email")

        assert await client.conversations.list(search=name.upper()) == [conversation]
        assert await client.conversations.list(search=f"{name}!") == []


async def test_staff_work_on_a_conversation(stack: RunningStack) -> None:
    """All that an agent does, from the first look to the end."""
    async with customer_of(stack) as customer, staff_of(stack) as staff:
        conversation = await conversation_with_human(customer, stack, "Help!")
        work = await staff.conversations.get(conversation.id)
        await work.take_over()
        reply = await work.send("I am here.", sender_type="agent")
        await work.mark_read()
        note = await work.add_note("a friend of the house")
        taken = await work.refresh()
        await work.assign(None)
        await work.return_to_ai()
        await work.resolve()
        await conversation.rate(4)
        done = await work.refresh()

        assert (taken.requires_human, taken.assigned_agent_id) == (True, reply.sender_id)
        assert taken.agent_read_position == 2
        assert await work.notes() == [note]
        assert await conversation.notes() == []  # customers see none
        assert (done.status, done.assigned_agent_id, done.requires_human) == (
            "resolved",
            None,
            False,
        )
        assert done.satisfaction_rating == 4
        assert (await work.metrics()).human_messages == 1
        with pytest.raises(PermissionDenied):
            await conversation.take_over()


async def test_a_message_is_stored_once_wherever_the_network_fails(stack: RunningStack) -> None:
    """What a customer wrote neither vanishes nor comes twice when an answer gets lost."""
    async with open_proxy(stack.api_url) as network, customer_of(stack, network.url) as client:
        conversation = await conversation_with_human(client, stack)
        sent = []
        for after in (300, 1200, 1800, 2400):  # in the request, and in its answer
            network.fail(Fault(after, "reset"))
            sent.append(await conversation.send("x" * 500))

        assert await conversation.messages() == sent


async def test_those_who_look_see_one_another(stack: RunningStack) -> None:
    """A customer sees the agent come, type, fall silent, get lost and come back."""

    def sees(*expected: tuple[str, bool]) -> Callable[[tuple[Person, ...]], bool]:
        return lambda people: [(each.name, each.is_typing) for each in people] == [*expected]

    async with (
        open_proxy(stack.api_url) as network,
        customer_of(stack) as customer,
        staff_of(stack, network.url) as staff,
    ):
        conversation = await customer.conversations.create(new_identifier())
        elsewhere = await staff.conversations.get(conversation.id)
        async with (
            conversation.presence("customer") as here,
            elsewhere.presence("agent", "Ada") as there,
            aclosing(here.people()) as people,
        ):
            await until(people, sees(("Ada", False)))
            await there.typing()
            await until(people, sees(("Ada", True)))
            await there.stopped_typing()
            await until(people, sees(("Ada", False)))
            network.refuses = b""
            network.cut()
            await until(people, sees())
            network.refuses = None
            await until(people, sees(("Ada", False)))


async def until(
    people: AsyncIterator[tuple[Person, ...]], check: Callable[[tuple[Person, ...]], bool]
) -> None:
    async with asyncio.timeout(100):
        async for seen in people:
            if check(seen):
                return


async def test_files_are_sent_and_read(stack: RunningStack) -> None:
    """A photo says more: the other side reads it by a URL of its own."""
    async with customer_of(stack) as customer, staff_of(stack) as staff:
        conversation = await conversation_with_human(customer, stack)
        photo = await customer.attachments.upload(conversation.id, "Foto «ä».PNG", b"pixels")
        await conversation.send("It looks like this.", attachment=photo)
        (message,) = await (await staff.conversations.get(conversation.id)).messages()
        assert message.attachment is not None
        url = await staff.attachments.signed_url(message.attachment)
        async with httpx.AsyncClient() as anybody:
            answer = await anybody.get(url)

        assert (message.message_type, message.attachment.name) == ("image", "Foto «ä».PNG")
        assert (answer.content, answer.headers["content-type"]) == (b"pixels", "image/png")
        with pytest.raises(NotFound):
            await staff.attachments.download(replace(photo, path=f"{conversation.id}/none"))
