"""What a message asks, looked up: with what it refers to, and each of its questions by itself."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from romashka_worker.brevity import is_brief, says_little, says_much
from romashka_worker.embeddings import Embedding
from romashka_worker.job import Job
from romashka_worker.knowledge import Found, KnowledgeItem
from romashka_worker.policy import is_sure
from romashka_worker.questions import MAX_QUESTIONS, questions_in
from romashka_worker.responders.knowledge import surest
from romashka_worker.small_talk import hear

_MAX_EARLIER = 2
"""So many messages back a follow-up refers: to a follow-up, and what that was of."""
_GOES_ON = 0.5
"""Confidence of an answer among what is new: with small talk after a question it is less."""
_SAME = 0.9
"""Confidence: what answers a question, and the next one with it, so well answers both."""


@dataclass(frozen=True, slots=True)
class Tools:
    """How texts are embedded and looked for, in one turn."""

    embed: Callable[[str], Awaitable[Embedding | None]]
    search: Callable[[str, Embedding | None, bool], Awaitable[tuple[KnowledgeItem, ...] | None]]
    """A text, what it means, and whether its words say all of that."""
    language: str | None


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What was found for a message."""

    message: Found
    parts: tuple[Found, ...]
    """Where it asks several questions: each of them."""
    further: tuple[KnowledgeItem, ...]
    """What was found for the message when it was taken otherwise."""
    goes_on: bool = False
    """Is it likely to go on with what was asked before, however little it says?"""


def topic_of(job: Job) -> str:
    """Return what the customer asked before, which the message may go on with."""
    topic: list[str] = []
    for row in reversed(_earlier(job)):
        text = row["content"]
        if row["sender_type"] != "user" or row.get("is_placeholder") or hear(text):
            continue
        topic.insert(0, text)
        if len(topic) == _MAX_EARLIER or not is_brief(text):
            break
    return "\n".join(topic)


def _earlier(job: Job) -> Sequence[Mapping[str, Any]]:
    """Return what was said before the turn, whose first message may be too old to be there."""
    rows = list(job.context.get("recent_messages") or ())
    before = list(takewhile(lambda row: row.get("id") != job.turn_id, rows))
    if len(before) == len(rows):
        while before and before[-1]["sender_type"] == "user":
            before.pop()
    return before


async def look_up(
    job: Job, text: str, topic: str, embedding: Embedding | None, tools: Tools
) -> LookedUp:
    """Look for a message, and for each question that it asks, in one round.

    Args:
        job: whose message it is.
        text: the message, without what only says that it corrects another.
        topic: what the message may refer to.
        embedding: the message's.
        tools: to search with.
    """
    asked = questions_in(text)
    parts = asked if len(asked) > 1 else ()
    befores = (topic, *parts)[:MAX_QUESTIONS]
    message, *each = await asyncio.gather(
        _readings(text, topic, embedding, tools),
        *(
            _part_readings(part, before, tools)
            for part, before in zip(parts, befores, strict=False)
        ),
    )
    seen = _read_by_customer(job, message)
    taken = _taken(message, job, seen, tools.language)
    return LookedUp(
        taken,
        parts=tuple(_taken_each(job, parts, each, tools.language)),
        further=next((one.items or () for one in message if one.question != taken.question), ()),
        goes_on=any(_goes_on(one, seen, tools.language) for one in message if one.question != text),
    )


def _goes_on(found: Found, seen: frozenset[str], language: str | None) -> bool:
    new = tuple(item for item in found.items or () if item.id not in seen)
    return _confidence(replace(found, items=new), language) >= _GOES_ON


async def _part_readings(text: str, before: str, tools: Tools) -> tuple[Found, ...]:
    return await _readings(text, before, await tools.embed(text), tools)


async def _readings(
    text: str, topic: str, embedding: Embedding | None, tools: Tools
) -> tuple[Found, ...]:
    """Look for a question as it stands, and halfway between that and what it may refer to.

    Its own words tell what is new in it, the vector what it is about: halfway are the items that
    are near to both. Who says much has said what it is about.
    """

    async def alone() -> Found:
        return Found(text, text, embedding, await tools.search(text, embedding, True))

    async def in_context() -> Found | None:
        joined = f"{topic}\n{text}"
        meant = await tools.embed(joined)
        if embedding is None:
            return Found(text, joined, None, await tools.search(joined, None, True))
        if meant is None:
            return None
        half = _halfway(embedding, meant)
        return Found(text, joined, half, await tools.search(text, half, False))

    may_go_on = topic and not says_much(text)
    found = await asyncio.gather(alone(), *([in_context()] if may_go_on else []))
    return tuple(one for one in found if one)


def _halfway(one: Embedding, other: Embedding) -> Embedding:
    """Return the mean of two vectors, which has the mean of both similarities to anything."""
    mean = tuple((a + b) / 2 for a, b in zip(one.vector, other.vector, strict=True))
    return Embedding(one.model, mean)


def _taken(
    readings: Sequence[Found], job: Job, seen: frozenset[str], language: str | None
) -> Found:
    """Return the reading that is surer to be answered, by something that was not seen already.

    What is brief goes on with what was asked before, if that has an answer.
    """
    alone, *others = readings
    for other in others:
        going_on = replace(other, seen=seen)
        sure = _confidence(going_on, language)
        is_sure_follow_up = is_brief(alone.asked) and is_sure(sure, job.settings)
        if is_sure_follow_up or sure > _confidence(alone, language):
            return going_on
    return alone


def _confidence(found: Found, language: str | None) -> float:
    return _best(found, language)[0]


def _best(found: Found, language: str | None) -> tuple[float, str | None]:
    if not found.items:
        return 0.0, None
    confidence, item = surest(found.items, language, found.seen)
    return confidence, item.id


def _taken_each(
    job: Job, parts: Sequence[str], each: Sequence[Sequence[Found]], language: str | None
) -> Iterator[Found]:
    """Give what was found for each of several questions; for those that are too many, nothing."""
    before: Found | None = None
    for readings in each:
        answer = _best(before, language)[1] if before else None
        seen = _read_by_customer(job, readings) | ({answer} if answer else set())
        taken = _taken(readings, job, seen, language)
        has_answer = is_sure(_confidence(taken, language), job.settings)
        if before and answer and not has_answer and _asks_the_same(readings, answer, language):
            taken = replace(before, asked=taken.asked)
        yield taken
        before = taken
    for part in parts[len(each) :]:
        yield Found(part, part, None, ())


def _asks_the_same(readings: Sequence[Found], answer: str, language: str | None) -> bool:
    """Does a question that has no answer of its own say the one before in other words?

    It says next to nothing by itself ("Is that possible?"), or the answer fits both very well.
    """
    confidence, best = _best(readings[-1], language)
    return says_little(readings[0].asked) or (best == answer and confidence >= _SAME)


def _read_by_customer(job: Job, readings: Sequence[Found]) -> frozenset[str]:
    """Return the ids of what the customer has been sent already, in full."""
    said = [row["content"] for row in _earlier(job) if row["sender_type"] != "user"]
    items = {item.id: item for found in readings for item in found.items or ()}
    return frozenset(
        item.id for item in items.values() if any(item.content.strip() in text for text in said)
    )
