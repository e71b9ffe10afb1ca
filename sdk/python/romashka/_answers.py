"""Which message answers a question: a burst is one turn, and its answer is the answer to each."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from romashka._core import Core
from romashka._drafts import ReplySettled
from romashka._errors import NoAnswer, NoAnswerNeeded
from romashka._events import Event, MessageCreated, ReadAfter, follow
from romashka._models import Message
from romashka._rows import fetch, repeated


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
    """
    async with core.topics.listen(topic) as listener:
        question = await send()
        deadline = asyncio.get_running_loop().time() + timeout_seconds
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
                        is_needless = (
                            isinstance(event, ReplySettled)
                            and event.outcome == "not_needed"
                            and await _is_in_turn(core, event.turn_id, question, positions)
                        )
                except TimeoutError as error:
                    raise NoAnswer(f"nobody answered within {timeout_seconds:g} s") from error
                if is_answer or not isinstance(event, MessageCreated):
                    yield event
                if is_answer:
                    return
                if is_needless:
                    raise NoAnswerNeeded("the message needs no answer")


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
