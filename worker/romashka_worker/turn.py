"""Answers one job: context, guard, draft, policy. It returns an answer, whatever happens."""

import asyncio
import time
from dataclasses import replace

import structlog
from romashka import RomashkaError

from romashka_worker.job import DRAFT_SECONDS, Answer, Job
from romashka_worker.knowledge import KnowledgeBase, KnowledgeItem
from romashka_worker.language import LanguageDetector
from romashka_worker.policy import decide
from romashka_worker.responders import Responder, ResponderError, Turn
from romashka_worker.responders.knowledge import KnowledgeResponder
from romashka_worker.understanding import Understanding

_SEARCH_SECONDS_BEFORE_MODEL = 1.5

log = structlog.get_logger()


class TurnAnswerer:
    """Answers jobs with one responder, and with the knowledge base alone when that one fails."""

    def __init__(
        self, knowledge: KnowledgeBase, responder: Responder, languages: LanguageDetector
    ) -> None:
        self._knowledge = knowledge
        self._responder = responder
        self._fallback = KnowledgeResponder()
        self._languages = languages
        self._understanding = Understanding()
        # A model needs the rest of the time; without one the search is all there is to do.
        has_model = not isinstance(responder, KnowledgeResponder)
        self._search_seconds = _SEARCH_SECONDS_BEFORE_MODEL if has_model else DRAFT_SECONDS

    async def answer(self, job: Job) -> Answer:
        """Return the answer to a job, before `job.draft_by`."""
        language = self._language_of(job)
        signals = await self._understanding.read(job)
        decision = decide(None, signals, job.settings)
        if not decision.is_reply:
            return Answer(action="escalate", reason=decision.reason, language=language)
        turn = Turn(job, language, await self._search(job, language), signals)
        answer = await self._draft(turn)
        return replace(answer, language=answer.language or language)

    def _language_of(self, job: Job) -> str | None:
        candidates = job.settings.get("handover_texts") or {}
        return self._languages.detect(job.user_message, candidates) or job.known_language

    async def _search(self, job: Job, language: str | None) -> tuple[KnowledgeItem, ...] | None:
        try:
            async with asyncio.timeout(min(self._search_seconds, _seconds_left(job))):
                return await self._knowledge.search(job.user_message, language)
        except (RomashkaError, TimeoutError) as error:
            log.warning("knowledge.failed", job_id=job.id, error=type(error).__name__)
            return None

    async def _draft(self, turn: Turn) -> Answer:
        job = turn.job
        try:
            async with asyncio.timeout(_seconds_left(job)):
                return await _answer_with(self._responder, turn)
        except Exception as error:  # noqa: BLE001 -- whatever a responder does, the customer hears
            log.warning(
                "responder.failed",
                job_id=job.id,
                responder=self._responder.name,
                error=type(error).__name__,
            )
            return await self._answer_without_model(turn)

    async def _answer_without_model(self, turn: Turn) -> Answer:
        try:
            answer = await _answer_with(self._fallback, turn)
        except ResponderError:
            return Answer(action="escalate", reason="ai_failure")
        return answer if answer.action == "reply" else replace(answer, reason="ai_failure")


async def _answer_with(responder: Responder, turn: Turn) -> Answer:
    """Have a responder draft, and the policy decide.

    Raises:
        ResponderError: there is no draft, or no text although the policy would send one.
    """
    draft = await responder.draft(turn)
    try:
        decision = decide(draft.analysis, turn.signals, turn.job.settings)
        text = "".join([piece async for piece in draft.text]) if decision.is_reply else None
    finally:
        await draft.close()
    if text is not None and not text.strip():
        raise ResponderError("the reply is empty")
    analysis = draft.analysis
    return Answer(
        action="reply" if decision.is_reply else "escalate",
        reason=decision.reason,
        text=text,
        confidence=analysis.confidence,
        intent=analysis.intent,
        sentiment=analysis.sentiment,
        language=analysis.language,
        knowledge_sources=analysis.knowledge_sources,
        tokens_used=draft.tokens_used,
        model=draft.model,
    )


def _seconds_left(job: Job) -> float:
    return max(0.0, job.draft_by - time.monotonic())
