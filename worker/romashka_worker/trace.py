"""What one turn saw, decided and took: noted where it happens, wherever that is in its task.

A turn runs in a task of its own, so the current one is found by a context variable. Outside of a
turn nothing is noted, and only the metrics hear how long a stage took.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal

from romashka_worker.job import Answer, Job, Settlement
from romashka_worker.metrics import STAGE_SECONDS

Stage = Literal["wait", "embedding", "search", "draft", "first_text", "reply", "settle", "total"]
"""In their order; `docs/operations.md` says from when to when each of them is."""

_current: ContextVar["Trace | None"] = ContextVar("trace", default=None)


class Trace:
    """The record of one attempt at one job; without what anybody wrote, unless prompts are kept."""

    def __init__(self, job: Job, *, keeps_prompts: bool = False) -> None:
        self.job = job
        self.outcome = "dropped"
        """What the database made of it, or lost (another attempt has it), dropped, unsettled."""
        self.answer: Answer | None = None
        self._keeps_prompts = keeps_prompts
        self._started = time.monotonic()
        self._seconds: dict[str, float] = {}
        self._facts: dict[str, Any] = {}

    def settled(self, answer: Answer, settlement: Settlement) -> None:
        """Note the end."""
        self.answer = answer
        is_known = settlement.is_settled or settlement.outcome in ("superseded", "taken_over")
        self.outcome = (is_known and settlement.outcome) or "lost"

    def record(self) -> dict[str, Any]:
        """Return the trace as it is stored."""
        return {
            **self._facts,
            "outcome": self.outcome,
            "decided": self._decision(),
            "milliseconds": {name: round(taken * 1000, 1) for name, taken in self._seconds.items()},
        }

    def _decision(self) -> dict[str, Any] | None:
        answer = self.answer
        if answer is None:
            return None
        return {
            "action": answer.action,
            "reason": answer.reason,
            "confidence": answer.confidence,
            "intent": answer.intent,
            "sentiment": answer.sentiment,
            "language": answer.language,
            "knowledge_sources": list(answer.knowledge_sources),
            "model": answer.model,
            "tokens_used": answer.tokens_used,
        }

    def seconds_since_claim(self) -> float:
        """Return how long the attempt has been running."""
        return time.monotonic() - self._started

    def took(self, stage: Stage, seconds: float) -> None:
        """Note how long a stage took; a stage that is repeated adds up."""
        self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds

    def note(self, facts: dict[str, Any]) -> None:
        """Add facts; a later one replaces an earlier one of its name."""
        self._facts |= facts

    def note_prompt(self, messages: Sequence[Any]) -> None:
        """Add what a model was sent, if prompts are kept."""
        if self._keeps_prompts:
            self._facts["prompt"] = list(messages)


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """Make `trace` the current one within the block."""
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)


@contextmanager
def stage(name: Stage) -> Iterator[None]:
    """Measure the block as a stage of the current turn; also when it raises."""
    started = time.monotonic()
    try:
        yield
    finally:
        took(name, time.monotonic() - started)


def took(name: Stage, seconds: float) -> None:
    """Note a stage that was measured elsewhere."""
    STAGE_SECONDS.labels(name).observe(seconds)
    if trace := _current.get():
        trace.took(name, seconds)


def reached(name: Stage) -> None:
    """Note a stage of the current turn that began with its claim and ends now."""
    if trace := _current.get():
        took(name, trace.seconds_since_claim())


def note(**facts: Any) -> None:
    """Add facts to the current turn's trace: ids, scores and names, never what anybody wrote."""
    if trace := _current.get():
        trace.note(facts)


def current_sender() -> str | None:
    """Return whose turn it is: the customer's id, or the conversation's."""
    if trace := _current.get():
        return str(trace.job.customer.get("id") or trace.job.conversation_id)
    return None


def note_prompt(messages: Sequence[Any]) -> None:
    """Add what a model is sent to the current turn's trace, if the worker keeps prompts."""
    if trace := _current.get():
        trace.note_prompt(messages)
