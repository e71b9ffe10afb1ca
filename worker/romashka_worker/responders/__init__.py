"""Responders draft replies: what they are given, and what they return."""

from dataclasses import dataclass
from typing import Protocol

from romashka_worker.job import Job, Reason, Sentiment
from romashka_worker.knowledge import KnowledgeItem


class ResponderError(Exception):
    """No draft could be made; the message says why, without the customer's words."""


@dataclass(frozen=True, slots=True)
class Turn:
    """All that a responder may know about what it answers."""

    job: Job
    language: str | None
    knowledge: tuple[KnowledgeItem, ...] | None
    """What the knowledge base has on it, best first; None when it could not be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A possible reply, and what its author thinks of it. The policy decides whether it is sent."""

    text: str
    confidence: float
    needs_human: bool = False
    reason: Reason | None = None
    intent: str | None = None
    sentiment: Sentiment | None = None
    language: str | None = None
    knowledge_sources: tuple[str, ...] = ()
    tokens_used: int | None = None
    model: str | None = None


class Responder(Protocol):
    """Drafts the reply to one turn."""

    name: str

    async def draft(self, turn: Turn) -> Draft:
        """Return a draft, before `turn.job.draft_by`.

        Raises:
            ResponderError: there is none.
        """
        ...
