"""What a customer's message is about, as far as a human may have to take it."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from operator import mul

from romashka_worker.brevity import is_brief
from romashka_worker.embeddings import Embedder, Embedding
from romashka_worker.embeddings.timely import embed_in_time
from romashka_worker.guard import asks_for_human
from romashka_worker.heads import load_heads
from romashka_worker.job import Job, Sentiment
from romashka_worker.trace import note

_SURE = 0.5
_HINT = 0.1
"""What makes a pattern believable: "agent" is also a trade, and a role in somebody's software."""
_SAME_QUESTION = 0.94
"""Cosine similarity: one in a hundred pairs of other questions to the same team is as near."""
_EMBEDDING_SECONDS = 0.5
_HARMLESS = {"ordinary", "trouble", "unhelpful"}
"""Of these the AI may try to answer; "trouble" is what does not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What a message was understood to be. All but the last four are probabilities.

    The topics, those before the sentiment, are named as in `ai_settings.escalation_topics`.
    """

    human_requested: float = 0.0
    legal: float = 0.0
    safety: float = 0.0
    fraud_or_loss: float = 0.0
    refund: float = 0.0
    cancel: float = 0.0
    complaint: float = 0.0
    negative_sentiment: float = 0.0
    asks_about: float = 0.0
    """Of a refund or a cancellation: it is asked how that goes here, not that it be done."""
    sentiment: Sentiment | None = None
    failed_replies: int = 0
    """How many replies in a row, the last one included, did not help the customer."""
    is_unread: bool = False
    """The message has no embedding, though there should be one: nothing but a request for a human
    would have been noticed."""
    is_returned: bool = False
    """A human has seen it, and gave it back to the AI."""


class Understanding:
    """Reads messages by their embeddings. Without any it knows patterns of one topic only."""

    def __init__(self, embedder: Embedder | None = None) -> None:
        self._embedder = embedder
        self._heads = load_heads()

    async def read(self, job: Job, embedding: Embedding | None = None) -> Signals:
        """Return what the customer's message is; `embedding` is the message's, as a question."""
        if job.written_since_return is not None:
            asks = float(asks_for_human(job.written_since_return))
            signals = Signals(human_requested=asks, is_returned=True)
        else:
            failed = await self._count_failed_replies(job, embedding)
            signals = self._read(job, embedding, failed)
        note(signals={name: told for name, told in asdict(signals).items() if told})
        return signals

    @property
    def _can_read(self) -> bool:
        """Are there embeddings, of the model that the heads were trained on?"""
        return self._embedder is not None and self._heads.can_read(self._embedder.model)

    def _read(self, job: Job, embedding: Embedding | None, failed: int) -> Signals:
        asks = float(asks_for_human(job.written))
        if embedding is None or not self._can_read:
            is_unread = embedding is None and self._can_read and bool(job.written.strip())
            return Signals(human_requested=asks, failed_replies=failed, is_unread=is_unread)
        topics = self._heads.read_topics(embedding.vector)
        if asks and topics["human_requested"] >= _HINT:
            topics["human_requested"] = asks
        sentiments = self._heads.read_sentiments(embedding.vector)
        sentiment = max(sentiments, key=sentiments.__getitem__)
        return Signals(
            **{name: round(topics[name], 3) for name in topics.keys() - _HARMLESS},
            negative_sentiment=round(sentiments["negative"], 3),
            asks_about=round(self._heads.read_asks_about(embedding.vector), 3),
            sentiment=sentiment,
            failed_replies=failed,
            is_unread=False,
            is_returned=False,
        )

    async def _count_failed_replies(self, job: Job, embedding: Embedding | None) -> int:
        """Count back from the last reply, until one that the customer had nothing against."""
        questions = _questions_since_a_human(job)
        known = {job.written: embedding}
        count = 0
        while count + 1 < len(questions):
            question, reaction = questions[-2 - count :][:2]
            if not _is_same(question, reaction) and not self._has_failed(
                await self._embed(question, known),
                await self._embed(reaction, known),
                may_repeat=not (is_brief(question) or is_brief(reaction)),
            ):
                break
            count += 1
        return count

    async def _embed(self, text: str, known: dict[str, Embedding | None]) -> Embedding | None:
        """Return what a text means; none, once there was none: the next would be as late."""
        if not text.strip():
            return None
        if text not in known and self._embedder and self._can_read and None not in known.values():
            known[text] = await embed_in_time(self._embedder, text, _EMBEDDING_SECONDS)
        return known.get(text)

    def _has_failed(
        self, question: Embedding | None, reaction: Embedding | None, *, may_repeat: bool
    ) -> bool:
        """Was the reply between these two of no use, as the second one says or shows?

        What is brief repeats nothing: "what about Norway?" is as near to "what about Denmark?".
        """
        if question is None or reaction is None or not self._can_read:
            return False
        topics = self._heads.read_topics(reaction.vector)
        likeness = sum(map(mul, question.vector, reaction.vector))
        is_repeated = may_repeat and likeness >= _SAME_QUESTION
        return is_repeated or topics["unhelpful"] >= _SURE


def _is_same(one: str, other: str) -> bool:
    words, others = (re.findall(r"\w+", text.casefold()) for text in (one, other))
    return bool(words) and words == others


def _questions_since_a_human(job: Job) -> Sequence[str]:
    """Return what the customer wrote before and after each reply of the AI, oldest first.

    An agent's message, or a hand-over, begins anew: what failed before it is settled.
    """
    questions = [""]
    for message in job.context.get("recent_messages") or ():
        if message.get("is_placeholder") or message.get("choices"):
            continue  # a file: nothing was written; a question: it was no answer
        if message["sender_type"] == "user":
            questions[-1] = f"{questions[-1]}\n{message['content']}".strip()
        elif message["sender_type"] == "ai" and message.get("kind") != "handover":
            questions.append("")
        else:
            questions = [""]
    return questions
