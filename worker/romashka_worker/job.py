"""A claimed job, the answer that a worker found for it, and what the database made of that."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

DRAFT_SECONDS = 5.0
"""A responder never has longer than this."""
SETTLE_SECONDS = 0.4
"""What is kept of the time to the deadline for writing the answer."""

Reason = Literal[
    "low_confidence",
    "human_requested",
    "ai_failure",
    "negative_sentiment",
    "legal",
    "safety",
    "repeated_failure",
    "out_of_scope",
    "ungrounded",
]
Sentiment = Literal["positive", "neutral", "negative"]


@dataclass(frozen=True, slots=True)
class Job:
    """One turn to be answered, held under a lease by one attempt."""

    id: str
    conversation_id: str
    attempt: int
    turn_id: str
    """The id of the turn's first message: the turn's name, whichever job answers it."""
    user_message: str
    context: Mapping[str, Any]
    customer: Mapping[str, Any]
    settings: Mapping[str, Any]
    deadline: float
    """On this process' monotonic clock: server and worker never compare their clocks."""
    draft_by: float
    """When the responder must be done."""
    waited_seconds: float = 0.0
    """How long the turn's first message had waited when it was claimed."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any], claimed_at: float) -> Self:
        """Parse a row of a claim that came back at `claimed_at` (monotonic)."""
        budget_seconds = row["budget_ms"] / 1000
        settings = row["settings"] or {}
        deadline = claimed_at + budget_seconds
        return cls(
            id=row["job_id"],
            conversation_id=row["conversation_id"],
            attempt=row["attempt"],
            turn_id=row["turn_id"],
            user_message=row["user_message"],
            context=row["conversation_context"] or {},
            customer=row["customer_profile"] or {},
            settings=settings,
            deadline=deadline,
            draft_by=min(claimed_at + DRAFT_SECONDS, deadline - SETTLE_SECONDS),
            waited_seconds=max(0.0, settings.get("deadline_ms", 0) / 1000 - budget_seconds),
        )

    @property
    def written_since_return(self) -> str | None:
        """Of a turn that a return to the AI opened: what the customer has written after that.

        None for every other turn. What was written before it a human has seen.
        """
        return self.context.get("written_since_return")

    @property
    def written(self) -> str:
        """The customer's own words: the message without what a channel wrote for files."""
        text = f"\n{self.user_message}\n"
        for message in self.context.get("recent_messages") or ():
            if message.get("is_placeholder"):
                text = text.replace(f"\n{message['content']}\n", "\n", 1)
        return text[1:-1]

    @property
    def default_language(self) -> str | None:
        """What the account or the project speaks with those who have not shown their language."""
        return self.context.get("default_language")

    @property
    def known_language(self) -> str | None:
        """The language that the conversation or the customer is known to use."""
        return self.context.get("language") or self.customer.get("language")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of what a question offers: an article, or none of them."""

    label: str
    item_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What should become of a job. A reply has a text, an escalation a reason."""

    action: Literal["reply", "escalate", "none"]
    reason: Reason | None = None
    text: str | None = None
    confidence: float | None = None
    intent: str | None = None
    sentiment: Sentiment | None = None
    language: str | None = None
    knowledge_sources: tuple[str, ...] = ()
    tokens_used: int | None = None
    model: str | None = None
    choices: tuple[Choice, ...] = ()
    """Of a reply that asks which of them is meant."""
    asked: str | None = None
    """Of an escalation whose last message does not tell it: what the customer wants to know."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the database made of an answer."""

    is_settled: bool
    outcome: str | None
    """The job's: replied, escalated, not_needed, superseded, taken_over; null while another attempt
    has it."""
