"""Responders draft replies: what they are given, and what they return."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Protocol

from romashka_worker.embeddings import Embedding
from romashka_worker.job import Job, Reason, Sentiment
from romashka_worker.knowledge import Found, KnowledgeItem
from romashka_worker.understanding import Signals


class ResponderError(Exception):
    """No draft could be made; the message says why, without the customer's words."""


@dataclass(frozen=True, slots=True)
class Turn:
    """All that a responder may know about what it answers."""

    job: Job
    language: str | None
    knowledge: tuple[KnowledgeItem, ...] | None
    """What the knowledge base has on it, best first; None when it could not be asked."""
    signals: Signals = Signals()  # noqa: RUF009 -- frozen
    question: str = ""
    """What is to be answered: the message, with what it refers to."""
    embedding: Embedding | None = None
    """Of the question, where there is one."""
    seen: frozenset[str] = frozenset()
    """The ids of those items that the customer has read, and goes on from."""
    parts: tuple[Found, ...] = ()
    """Where the message asks several questions: each of them."""
    further: tuple[KnowledgeItem, ...] = ()
    """What was found for the message when it was taken otherwise, best first."""
    chosen: KnowledgeItem | None = None
    """What the customer has chosen of what the AI offered."""
    ungrounded: tuple[str, ...] = ()
    """What an earlier draft of this turn said, and stands nowhere."""
    draft_by: float | None = None
    """When a draft's analysis must be there (monotonic), if that is before `job.draft_by`."""

    @property
    def all_knowledge(self) -> tuple[KnowledgeItem, ...]:
        """All that was found: the best of each search first, then the second of each."""
        found = (*(part.items or () for part in self.parts), self.knowledge or (), self.further)
        by_id = {item.id: item for rank in zip_longest(*found) for item in rank if item}
        return tuple(by_id.values())

    @property
    def seconds_left(self) -> float:
        """How long the responder has for the analysis."""
        until = self.job.draft_by if self.draft_by is None else self.draft_by
        return max(0.0, until - time.monotonic())


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What a responder thinks of the customer's message, and of the reply that it would give."""

    confidence: float
    """The probability, 0 to 1, that the reply is correct and sufficient."""
    needs_human: bool = False
    reason: Reason | None = None
    intent: str | None = None
    sentiment: Sentiment | None = None
    language: str | None = None
    knowledge_sources: tuple[str, ...] = ()
    open_questions: tuple[int, ...] = ()
    """Which of the turn's parts the reply does not answer, counted from 1."""
    needs_clarification: bool = False
    """Does the draft ask what the customer means?"""
    likely: tuple[KnowledgeItem, ...] = ()
    """What may answer the message, best first, where none of it is sure to."""
    likelihood: float = 0.0
    """The probability that one of these does."""
    has_judged: bool = False
    """Did its author look for what only a human may take? Whoever quotes an item did not."""


@dataclass(slots=True, kw_only=True, eq=False)
class Draft:
    """A possible reply: first what its author thinks of it, then its text, as it is written.

    The policy decides on the analysis whether the text is read at all. Whoever has a draft closes
    it, read or not.
    """

    analysis: Analysis
    text: AsyncIterator[str]
    """The pieces of the reply. May raise a ResponderError between them."""
    written_from: tuple[KnowledgeItem, ...] | None = None
    """The items that its author was given and wrote it from; None: it quotes."""
    model: str | None = None
    tokens_used: int | None = None
    """Known when the text has ended, if then."""

    async def close(self) -> None:
        """Let go of where the text comes from."""


class Responder(Protocol):
    """Drafts the reply to one turn."""

    name: str

    @property
    def is_available(self) -> bool:
        """Is it worth asking now?"""
        ...

    async def draft(self, turn: Turn) -> Draft:
        """Return a draft as soon as its analysis is known, within `turn.seconds_left`.

        Raises:
            ResponderError: there is none.
        """
        ...


async def written(text: str) -> AsyncIterator[str]:
    """Give a text that is there already in the form of one that is being written."""
    if text:
        yield text
