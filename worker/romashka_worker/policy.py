"""Reply or hand over: the one place that decides, before anything of a reply is seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from romashka_worker.job import Reason
from romashka_worker.responders import Analysis
from romashka_worker.understanding import Signals

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
    if signals.human_requested >= 0.5:
        return Decision("human_requested")
    if analysis is None:
        return Decision(None)
    if analysis.needs_human:
        return Decision(analysis.reason or "low_confidence")
    if analysis.confidence < float(settings.get("min_confidence", _DEFAULT_MIN_CONFIDENCE)):
        return Decision("low_confidence")
    return Decision(None)
