"""Asks each question as a turn of its own, through all that answers turns."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from romashka import AsyncRomashka

from romashka_worker.embeddings import Embedder, EmbeddingError
from romashka_worker.evaluation.base import item_id, knowing
from romashka_worker.evaluation.dataset import Article, Dataset, Message, Question
from romashka_worker.job import DRAFT_SECONDS, SETTLE_SECONDS, Answer, Job
from romashka_worker.policy import Decision, decide, may_ask
from romashka_worker.responders import Analysis
from romashka_worker.trace import Trace, tracing
from romashka_worker.turn import TurnAnswerer
from romashka_worker.understanding import Signals, Understanding

_AT_ONCE = 4
# Whatever the rules would do is computed afterwards, with each of them on and off.
_NO_RULES: Mapping[str, Any] = {
    "min_confidence": 0,
    "escalation_topics": [],
    "max_negative_sentiment": None,
    "max_failed_replies": None,
}
Progress = Callable[[str, int], None]
"""Called with what is going on, and how many rows of it are done."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question was answered, had there been no rules, and what it was understood to be."""

    question: Question
    answer: Answer
    signals: Signals
    is_right: bool
    """Is what it was answered from what answers it?"""
    seconds: float
    similarity: float = 0.0
    """Of what was found and the question."""
    likely: tuple[str, ...] = ()
    """The ids of what would be offered, if the AI asked which is meant."""
    likelihood: float = 0.0
    second: Answer | None = None
    """What a customer who was asked, and chose the right one or none, was answered."""
    is_right_at_last: bool = False

    def decision(self, settings: Mapping[str, Any]) -> Decision:
        """Return what the policy makes of it."""
        has_reply = self.answer.action == "reply"
        analysis = Analysis(
            confidence=self.confidence, needs_human=not has_reply, reason=self.answer.reason
        )
        return decide(analysis, self.signals, settings)

    def is_asked(self, settings: Mapping[str, Any]) -> bool:
        """Is the customer asked what they mean?"""
        return may_ask(self.decision(settings), self.likely, self.likelihood, settings)

    def is_for_human(self, settings: Mapping[str, Any]) -> bool:
        """Would the message alone be handed over?"""
        return not decide(None, self.signals, settings).is_reply

    @property
    def confidence(self) -> float:
        """How sure the responder was of its reply."""
        return self.answer.confidence or 0.0


@dataclass(frozen=True, slots=True)
class Read:
    """What a message was understood to be."""

    message: Message
    signals: Signals

    def is_for_human(self, settings: Mapping[str, Any]) -> bool:
        """Would the message alone be handed over?"""
        return not decide(None, self.signals, settings).is_reply


async def ask_questions(
    dataset: Dataset,
    client: AsyncRomashka,
    embedder: Embedder | None,
    turns: TurnAnswerer,
    settings: Mapping[str, Any],
    progress: Progress,
) -> list[Asked]:
    """Ask every question of those who have what may answer it."""
    asked: list[Asked] = []
    for _, articles, questions in dataset.questions_by_base():
        by_id = {item_id(article): article for article in articles}
        slots = asyncio.Semaphore(_AT_ONCE)

        async def ask(
            question: Question,
            by_id: Mapping[str, Article] = by_id,
            slots: asyncio.Semaphore = slots,
        ) -> Asked:
            async with slots:
                return await _ask(question, turns, settings, by_id)

        async with knowing(client, articles, embedder):
            asked += await asyncio.gather(*map(ask, questions))
        progress("questions", len(asked))
    return asked


async def _ask(
    question: Question,
    turns: TurnAnswerer,
    settings: Mapping[str, Any],
    by_id: Mapping[str, Article],
) -> Asked:
    job = _job_of(question.id, question.text, {**settings, **_NO_RULES})
    started = time.monotonic()
    with tracing(Trace(job)) as trace:
        answer = await turns.answer(job)
    facts = trace.record()
    asked = Asked(
        question=question,
        answer=answer,
        signals=Signals(**facts.get("signals", {})),
        is_right=_is_right(question, answer, by_id),
        seconds=time.monotonic() - started,
        similarity=facts.get("similarity") or 0.0,
        likely=tuple(facts.get("likely", ())),
        likelihood=facts.get("likelihood", 0.0),
    )
    if not asked.is_asked(settings):
        return asked
    second = await turns.answer(_choosing(asked, settings, by_id))
    return replace(asked, second=second, is_right_at_last=_is_right(question, second, by_id))


def _choosing(asked: Asked, settings: Mapping[str, Any], by_id: Mapping[str, Article]) -> Job:
    """Return the turn of a customer who taps the right choice, or else none of them."""
    name, text = asked.question.id, asked.question.text
    offered = [*asked.likely, None]
    right = [at for at, one in enumerate(offered) if one and _answers(asked.question, one, by_id)]
    number = right[0] if right else len(offered) - 1
    labels = [by_id[one].title if one else "None of these" for one in offered]
    choices = [{"label": label, "item_id": one} for label, one in zip(labels, offered, strict=True)]
    rows: list[dict[str, Any]] = [
        {"id": name, "sender_type": "user", "content": text},
        {"id": f"{name}-asked", "sender_type": "ai", "content": "", "choices": choices},
        {
            "id": f"{name}-chosen",
            "sender_type": "user",
            "content": labels[number],
            "choice": {"message_id": f"{name}-asked", "number": number + 1},
        },
    ]
    return _job_of(f"{name}-chosen", labels[number], settings, rows)


def _is_right(question: Question, answer: Answer, by_id: Mapping[str, Article]) -> bool:
    return any(_answers(question, source, by_id) for source in answer.knowledge_sources)


def _answers(question: Question, item: str, by_id: Mapping[str, Article]) -> bool:
    """The article itself will do, or what it is in another language."""
    right = {article.group for article in by_id.values() if article.id == question.article_id}
    return item in by_id and by_id[item].group in right


async def read_messages(
    messages: Sequence[Message], embedder: Embedder | None, progress: Progress
) -> list[Read]:
    """Understand each message by itself."""
    understanding = Understanding(embedder)
    slots = asyncio.Semaphore(_AT_ONCE)
    done = 0

    async def read(message: Message) -> Read:
        nonlocal done
        async with slots:
            try:
                embedding = await embedder.embed_question(message.text) if embedder else None
            except EmbeddingError:
                embedding = None  # as a worker goes on without
            signals = await understanding.read(_job_of(message.id, message.text, {}), embedding)
        done += 1
        if done % 100 == 0:
            progress("messages", done)
        return Read(message, signals)

    return await asyncio.gather(*map(read, messages))


def _job_of(
    name: str, text: str, settings: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] = ()
) -> Job:
    now = time.monotonic()
    alone = {"id": name, "sender_type": "user", "content": text}
    return Job(
        id=name,
        conversation_id=name,
        attempt=1,
        turn_id=name,
        user_message=text,
        context={"recent_messages": list(rows) or [alone]},
        customer={},
        settings=settings,
        deadline=now + DRAFT_SECONDS + SETTLE_SECONDS,
        draft_by=now + DRAFT_SECONDS,
    )
