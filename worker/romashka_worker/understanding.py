"""What a customer's message is about, as far as a human may have to take it."""

from collections.abc import Sequence
from dataclasses import dataclass

from romashka_worker.guard import asks_for_human
from romashka_worker.job import Job, Sentiment


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What a message was understood to be; each is a probability, 0 to 1.

    The names are those of the rules in `ai_settings.escalation_rules`.
    """

    human_requested: float = 0.0
    legal: float = 0.0
    safety: float = 0.0
    fraud_or_loss: float = 0.0
    refund: float = 0.0
    cancel: float = 0.0
    complaint: float = 0.0
    negative_sentiment: float = 0.0
    failed_replies: int = 0
    """How many replies in a row did not help, as far as the customer said so."""
    sentiment: Sentiment | None = None


class Understanding:
    """Reads messages: by their embeddings where there are some, else by what patterns find."""

    async def read(self, job: Job, embedding: Sequence[float] | None = None) -> Signals:
        """Return what the customer's message is, given its embedding as a query."""
        return Signals(human_requested=float(asks_for_human(job.user_message)))
