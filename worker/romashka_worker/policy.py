"""Reply or hand over: the one place that decides, before anything of a reply is seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from romashka_worker.job import Reason
from romashka_worker.responders import Analysis
from romashka_worker.understanding import Signals

_REASONS: Mapping[str, Reason] = {
    "human_requested": "human_requested",
    "legal": "legal",
    "safety": "safety",
    "fraud_or_loss": "safety",
    "refund": "out_of_scope",  # what only a human of the team may promise or do
    "cancel": "out_of_scope",
    "complaint": "negative_sentiment",
}
"""The topics that a human takes, and what that is called in the database."""
_DONE_BY_HUMANS = {"refund", "cancel"}
"""How they go here is a question like any other; an article that is sure answers it."""
_ASKS_ABOUT = 0.8
# Those of the settings' table, for a job from a database that has not got them yet.
_DEFAULT_PROBABILITY = 0.5
_DEFAULT_MIN_CONFIDENCE = 0.6


@dataclass(frozen=True, slots=True)
class Decision:
    """Reply, or escalate for a reason."""

    reason: Reason | None

    @property
    def is_reply(self) -> bool:
        """May the reply be written to the customer?"""
        return self.reason is None


def decide(analysis: Analysis | None, signals: Signals, settings: Mapping[str, Any]) -> Decision:
    """Return what becomes of a turn.

    Without an analysis it says what the message alone decides: an escalation spares the responder.
    """
    reason = (
        _topic_reason(signals, settings)
        or _history_reason(signals, settings)
        or _sentiment_reason(signals, settings)
    )
    if reason is None and analysis is not None:
        reason = _unread_reason(analysis, signals, settings) or _responder_reason(
            analysis, signals, settings
        )
    return Decision(reason)


def may_ask(
    decision: Decision, likely: Sequence[object], likelihood: float, settings: Mapping[str, Any]
) -> bool:
    """Is the customer asked which of `likely` they mean, instead of being handed over?"""
    limit = settings.get("min_choice_confidence")
    is_likely = limit is not None and len(likely) > 1 and likelihood >= limit
    return decision.reason == "low_confidence" and is_likely


def is_sure(confidence: float, settings: Mapping[str, Any]) -> bool:
    """Is that enough to reply?"""
    return confidence >= float(settings.get("min_confidence", _DEFAULT_MIN_CONFIDENCE))


def _topic_reason(signals: Signals, settings: Mapping[str, Any]) -> Reason | None:
    """Several topics that are each less than probable may make it probable that one is meant."""
    topics = {
        topic: getattr(signals, topic)
        for topic in settings.get("escalation_topics", _REASONS)
        if topic not in _DONE_BY_HUMANS or signals.asks_about < _ASKS_ABOUT
    }
    if sum(topics.values()) < settings.get("escalation_probability", _DEFAULT_PROBABILITY):
        return None
    return _REASONS[max(topics, key=topics.__getitem__)] if topics else None


def _history_reason(signals: Signals, settings: Mapping[str, Any]) -> Reason | None:
    limit = settings.get("max_failed_replies")
    return "repeated_failure" if limit and signals.failed_replies >= limit else None


def _sentiment_reason(signals: Signals, settings: Mapping[str, Any]) -> Reason | None:
    limit = settings.get("max_negative_sentiment")
    return "negative_sentiment" if limit and signals.negative_sentiment >= limit else None


def _unread_reason(
    analysis: Analysis, signals: Signals, settings: Mapping[str, Any]
) -> Reason | None:
    """A message that nobody has looked at may be the one that must not be answered."""
    topics = {*settings.get("escalation_topics", _REASONS)} - {"human_requested"}
    has_rules = topics or settings.get("max_negative_sentiment")
    return "ai_failure" if signals.is_unread and has_rules and not analysis.has_judged else None


def _responder_reason(
    analysis: Analysis, signals: Signals, settings: Mapping[str, Any]
) -> Reason | None:
    """What a human gave back goes to one again only if the AI is not sure of its answer."""
    if analysis.needs_clarification and not analysis.needs_human:
        return "low_confidence"
    may_reply = is_sure(analysis.confidence, settings)
    if may_reply and (signals.is_returned or not analysis.needs_human):
        return None
    return analysis.reason or "low_confidence"
