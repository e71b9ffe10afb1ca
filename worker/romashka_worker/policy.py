"""Reply or hand over: the one place that decides, before anything of a reply is seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from romashka_worker.job import Reason
from romashka_worker.responders import Analysis

_DEFAULT_MIN_CONFIDENCE = 0.6


@dataclass(frozen=True, slots=True)
class Decision:
    """Reply, or escalate for a reason."""

    reason: Reason | None

    @property
    def is_reply(self) -> bool:
        """May the reply be written to the customer?"""
        return self.reason is None


def decide(analysis: Analysis, settings: Mapping[str, Any]) -> Decision:
    """Return what becomes of a draft with that analysis."""
    if analysis.needs_human:
        return Decision(analysis.reason or "low_confidence")
    if analysis.confidence < float(settings.get("min_confidence", _DEFAULT_MIN_CONFIDENCE)):
        return Decision("low_confidence")
    return Decision(None)
