"""Which message answers a question: a burst is one turn, and its answer is the answer to each."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, suppress

from romashka._core import Core
from romashka._drafts import ReplySettled
from romashka._errors import HumanHasIt, NoAnswer, NoAnswerNeeded, RomashkaError
from romashka._events import Event, MessageCreated, ReadAfter, follow
from romashka._listener import Listener
from romashka._models import Message
from romashka._rows import fetch, repeated

_LAST_LOOK_SECONDS = 1.0
_HUMAN = "a human has the conversation, and answers there"
_NONE = "the message needs no answer"


async def stream_answer(
    core: Core,
    topic: str,
    send: Callable[[], Awaitable[Message]],
    read_after: ReadAfter,
    timeout_seconds: float,
) -> AsyncGenerator[Event]:
    """Send a question; yield replies as they are written, and last the message that answers it.

    Raises:
        NoAnswer: there was none in time.
        NoAnswerNeeded: there will be none.
        HumanHasIt: there will be none of its own accord.
    """
    became_live = asyncio.Event()

    def note(is_live: bool) -> None:
        if is_live:
            became_live.set()

    async with core.topics.listen(topic, note) as listener, AsyncExitStack() as leaving:
        question = await send()
        looking = asyncio.create_task(_look_when_live(core, listener, became_live, question))
        leaving.callback(looking.cancel)
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        if await is_with_human(core, question):
            raise HumanHasIt(_HUMAN)
        positions = {question.id: question.position}
        events = follow(listener, read_after, question.position)
        async with aclosing(events):
            while True:
                try:
                    # Around each step: a timeout around a `yield` would run in whoever consumes.
                    async with asyncio.timeout_at(deadline):
                        event = await anext(events)
                        is_answer = isinstance(event, MessageCreated) and await _answers(
                            core, event.message, question, positions
                        )
                        if isinstance(event, ReplySettled):
                            await _raise_if_over(core, event, question, positions)
                except TimeoutError as error:
                    reason = await _why_nobody_answered(core, question)
                    raise reason or NoAnswer(
                        f"nobody answered within {timeout_seconds:g} s"
                    ) from error
                if is_answer or not isinstance(event, MessageCreated):
                    yield event
                if is_answer:
                    return


async def is_with_human(core: Core, question: Message) -> bool:
    """Has a human the conversation, and does nothing automatic come to that message any more?"""
    query = core.supabase.table("conversations").select(
        "requires_human,jobs:ai_response_queue(id),answers:messages(id)"
    )
    rows = await repeated(
        lambda: fetch(
            query.eq("id", question.conversation_id)
            .in_("jobs.status", ["pending", "processing"])
            .eq("answers.sender_type", "ai")
            .gt("answers.position", question.position)
        )
    )
    # One statement: a turn that is answered between two would look like none.
    return any(row["requires_human"] and not row["jobs"] and not row["answers"] for row in rows)


async def _look_when_live(
    core: Core, listener: Listener, became_live: asyncio.Event, question: Message
) -> None:
    """Refuse who listens if no answer is needed: that is told once, and they may have missed it."""
    while True:
        await became_live.wait()
        became_live.clear()
        with suppress(RomashkaError):
            if await _needs_no_answer(core, question):
                listener.refuse(NoAnswerNeeded(_NONE))


async def _needs_no_answer(core: Core, question: Message) -> bool:
    """Has the turn that ends with that message ended, without one?"""
    jobs = core.supabase.table("ai_response_queue").select("id")
    ended = jobs.eq("conversation_id", question.conversation_id).eq("outcome", "not_needed")
    return bool(await fetch(ended.or_(f"turn_id.eq.{question.id},message_id.eq.{question.id}")))


async def _why_nobody_answered(core: Core, question: Message) -> NoAnswer | None:
    """Return why nothing came in time: no event tells that what nobody has begun was taken."""
    with suppress(RomashkaError, TimeoutError):
        async with asyncio.timeout(_LAST_LOOK_SECONDS):
            if await is_with_human(core, question):
                return HumanHasIt(_HUMAN)
    return None


async def _raise_if_over(
    core: Core,
    event: ReplySettled,
    question: Message,
    positions: dict[str, int],
) -> None:
    """Raise what there is to say where a turn has ended without a message.

    Raises:
        NoAnswerNeeded: the question's turn needs none.
        HumanHasIt: somebody took the conversation over.
    """
    if event.outcome == "not_needed":
        if await _is_in_turn(core, event.turn_id, question, positions):
            raise NoAnswerNeeded(_NONE)
    elif event.outcome == "taken_over" and await is_with_human(core, question):
        raise HumanHasIt(_HUMAN)


async def _answers(
    core: Core, message: Message, question: Message, positions: dict[str, int]
) -> bool:
    """Is `message` the answer to `question`? `positions` are of the messages since then."""
    positions[message.id] = message.position
    # After a hand-over nothing else comes by itself, whichever turn it was written for.
    if message.kind == "handover":
        return True
    return message.kind == "reply" and await _is_in_turn(
        core, str(message.turn_id), question, positions
    )


async def _is_in_turn(
    core: Core, turn_id: str, question: Message, positions: dict[str, int]
) -> bool:
    """Is `question` a part of a turn that has ended?"""
    if turn_id == question.id:
        return True
    newest = await _newest_message_of(core, turn_id)
    return positions.get(newest, 0) >= question.position


async def _newest_message_of(core: Core, turn_id: str) -> str:
    jobs = core.supabase.table("ai_response_queue").select("message_id")
    completed = jobs.eq("turn_id", turn_id).eq("status", "completed")
    # Realtime tells of a commit a moment before other sessions see it.
    while not (answered := await repeated(lambda: fetch(completed))):  # noqa: ASYNC110 -- nothing sets an event
        await asyncio.sleep(0.05)
    return str(answered[0]["message_id"])
