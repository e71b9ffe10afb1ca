"""Reply or hand over: the one place that decides, from what a responder says of its draft."""

from collections.abc import Mapping
from typing import Any

from romashka_worker.job import Answer, Reason
from romashka_worker.responders import Draft

_DEFAULT_MIN_CONFIDENCE = 0.6


def decide(draft: Draft, settings: Mapping[str, Any]) -> Answer:
    """Return the answer that a draft becomes."""
    reason = _reason_to_escalate(
        draft, float(settings.get("min_confidence", _DEFAULT_MIN_CONFIDENCE))
    )
    return Answer(
        action="reply" if reason is None else "escalate",
        reason=reason,
        text=draft.text if reason is None else None,
        confidence=draft.confidence,
        intent=draft.intent,
        sentiment=draft.sentiment,
        language=draft.language,
        knowledge_sources=draft.knowledge_sources,
        tokens_used=draft.tokens_used,
        model=draft.model,
    )


def _reason_to_escalate(draft: Draft, min_confidence: float) -> Reason | None:
    if draft.needs_human:
        return draft.reason or "low_confidence"
    if draft.confidence < min_confidence:
        return "low_confidence"
    return None if draft.text.strip() else "ai_failure"
