"""What a message asks, looked up: with what it refers to, and each of its questions by itself."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from romashka_worker.embeddings import Embedding
from romashka_worker.job import Job
from romashka_worker.knowledge import Found, KnowledgeItem
from romashka_worker.policy import is_sure
from romashka_worker.questions import MAX_QUESTIONS, questions_in
from romashka_worker.responders.knowledge import surest
from romashka_worker.small_talk import hear

_MAX_EARLIER = 2
"""So many messages back a follow-up refers: to a follow-up, and what that was of."""
_BRIEF = 24
"""Letters: who writes less says it of what was said before."""
_AS_NEAR = 0.02
"""Of a second question: what answers the first is as near to it as anything, so it answers both."""


@dataclass(frozen=True, slots=True)
class Tools:
    """How texts are embedded and looked for, in one turn."""

    embed: Callable[[str], Awaitable[Embedding | None]]
    search: Callable[[str, Embedding | None], Awaitable[tuple[KnowledgeItem, ...] | None]]
    language: str | None


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What was found for a message."""

    message: Found
    parts: tuple[Found, ...]
    """Where it asks several questions: each of them."""
    further: tuple[KnowledgeItem, ...]
    """What was found for the message when it was taken otherwise."""


def topic_of(job: Job) -> str:
    """Return what the customer asked before, which the message may go on with."""
    topic: list[str] = []
    for row in reversed(_earlier(job)):
        text = row["content"]
        if row["sender_type"] != "user" or row.get("is_placeholder") or hear(text):
            continue
        topic.insert(0, text)
        if len(topic) == _MAX_EARLIER or _letters(text) > _BRIEF:
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
    read = _surer(message, _read_by_customer(job, message), tools.language)
    further = next((one.items for one in message if one.question != read.question), None)
    return LookedUp(read, tuple(_take_each(job, parts, each, tools.language)), further or ())


async def _part_readings(text: str, before: str, tools: Tools) -> tuple[Found, ...]:
    return await _readings(text, before, await tools.embed(text), tools)


async def _readings(
    text: str, topic: str, embedding: Embedding | None, tools: Tools
) -> tuple[Found, ...]:
    """Look for a question as it stands, and halfway between that and what it may refer to.

    Its own words tell what is new in it, the vector what it is about: halfway are the items that
    are near to both.
    """

    async def alone() -> Found:
        return Found(text, text, embedding, await tools.search(text, embedding))

    async def in_context() -> Found | None:
        joined = f"{topic}\n{text}"
        meant = await tools.embed(joined)
        if embedding is None or meant is None:
            return Found(text, joined, None, await tools.search(joined, None))
        half = _halfway(embedding, meant)
        return Found(text, joined, half, await tools.search(text, half))

    found = await asyncio.gather(alone(), *([in_context()] if topic else []))
    return tuple(one for one in found if one is not None)


def _halfway(one: Embedding, other: Embedding) -> Embedding:
    """Return the mean of two vectors, which has the mean of both similarities to anything."""
    mean = tuple((a + b) / 2 for a, b in zip(one.vector, other.vector, strict=True))
    return Embedding(one.model, mean)


def _surer(readings: Sequence[Found], seen: frozenset[str], language: str | None) -> Found:
    """Return the reading that is surer to be answered, by something that was not seen already."""
    alone, *others = readings
    sure = _confidence(alone, language)
    for other in others:
        other = replace(other, seen=seen)
        if _confidence(other, language) > sure:
            return other
    return alone


def _confidence(found: Found, language: str | None) -> float:
    return surest(found.items, language, found.seen)[0] if found.items else 0.0


def _take_each(
    job: Job, parts: Sequence[str], each: Sequence[Sequence[Found]], language: str | None
) -> Iterator[Found]:
    """Give what was found for each of several questions; for those that are too many, nothing.

    A question that has no answer of its own, but is as near to what answers the one before it as
    to anything, asks the same in other words.
    """
    before, answer = None, None
    for readings in each:
        seen = _read_by_customer(job, readings) | ({answer.id} if answer else set())
        read = _surer(readings, seen, language)
        has_answer = is_sure(_confidence(read, language), job.settings)
        if before and answer and not has_answer and _is_as_near(answer, readings[0]):
            read = replace(before, asked=read.asked)
        yield read
        before = read
        answer = surest(read.items, language, read.seen)[1] if read.items else None
    for part in parts[len(each) :]:
        yield Found(part, part, None, ())


def _is_as_near(item: KnowledgeItem, found: Found) -> bool:
    likeness = {one.id: one.similarity or one.keyword_score for one in found.items or ()}
    return item.id in likeness and likeness[item.id] >= max(likeness.values()) - _AS_NEAR


def _read_by_customer(job: Job, readings: Sequence[Found]) -> frozenset[str]:
    """Return the ids of what the customer has been sent already, in full."""
    said = [row["content"] for row in _earlier(job) if row["sender_type"] != "user"]
    items = {item.id: item for found in readings for item in found.items or ()}
    return frozenset(
        item.id for item in items.values() if any(item.content.strip() in text for text in said)
    )


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))
