"""Answers one job: understanding, context, draft, decision, reply. It always returns an answer."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial

import structlog
from romashka import RomashkaError

from romashka_worker.choices import (
    Question,
    asking,
    choices_of,
    find_choice,
    open_question,
    said_beside,
    were_offered,
)
from romashka_worker.context import LookedUp, Tools, look_up, topic_of
from romashka_worker.corrections import corrected
from romashka_worker.embeddings import Embedder, Embedding
from romashka_worker.embeddings.timely import embed_in_time
from romashka_worker.grounding import Ungrounded, grounded_text
from romashka_worker.job import DRAFT_SECONDS, Answer, Choice, Job
from romashka_worker.knowledge import KnowledgeBase, KnowledgeItem
from romashka_worker.language import LanguageDetector
from romashka_worker.metrics import SEARCHES
from romashka_worker.policy import Decision, decide, may_ask
from romashka_worker.questions import naming
from romashka_worker.reply import write_reply
from romashka_worker.responders import Analysis, Draft, Responder, ResponderError, Turn
from romashka_worker.responders.knowledge import KnowledgeResponder
from romashka_worker.small_talk import SmallTalk
from romashka_worker.streams import Show, shown_nowhere
from romashka_worker.trace import note, stage
from romashka_worker.understanding import Signals, Understanding

_EMBEDDING_SECONDS = 2.5
"""Without the message's embedding the search goes by its words, and a human takes what no model has
looked at."""
_EMBEDDING_SECONDS_BEFORE_MODEL = 1.0
_FURTHER_EMBEDDING_SECONDS = 1.0
"""What a message refers to, and its questions one by one, are looked for only if that is quick."""
_SEARCH_SECONDS_BEFORE_MODEL = 1.5
_SHORTEST_DRAFT_SECONDS = 0.5
"""With less time than this no model is asked."""
_FALLBACK_SECONDS = 0.2
"""What models leave of the time, for the knowledge base to answer in their place."""
_DEFAULT_MAX_CHARS = 4000

log = structlog.get_logger()


class TurnAnswerer:
    """Answers jobs with the first model that can, and with the knowledge base alone if none can."""

    def __init__(
        self,
        knowledge: KnowledgeBase,
        embedder: Embedder | None,
        models: Sequence[Responder],
        languages: LanguageDetector,
        open_reply: Callable[[Job], AbstractContextManager[Show]] = shown_nowhere,
    ) -> None:
        self._knowledge = knowledge
        self._embedder = embedder
        self._models = models
        self._fallback = KnowledgeResponder(knowledge)
        self._languages = languages
        self._understanding = Understanding(embedder)
        self._small_talk = SmallTalk(embedder)
        self._open_reply = open_reply
        # A model needs the rest of the time; without one the search is all there is to do.
        self._search_seconds = _SEARCH_SECONDS_BEFORE_MODEL if models else DRAFT_SECONDS
        self._embedding_seconds = _EMBEDDING_SECONDS_BEFORE_MODEL if models else _EMBEDDING_SECONDS

    async def answer(self, job: Job) -> Answer:
        """Return the answer to a job, before `job.draft_by`."""
        asked = open_question(job)
        if asked and (choice := await find_choice(asked, job, self._embedder)):
            return await self._answer_choice(job, asked, choice)
        spoken = self._languages.detect(job.written, job.known_language)
        language = spoken or job.default_language
        note(language=language, history=len(job.context.get("recent_messages") or ()))
        topic = asked.topic if asked else topic_of(job)
        text = corrected(job.written) if topic else job.written
        embedding = await self._embed(job, text)
        search = asyncio.create_task(self._look_up(job, text, topic, language, embedding))
        try:
            signals = await self._understanding.read(job, embedding)
            decision = decide(None, signals, job.settings)
            felt = embedding if decision.is_reply else None  # no rule is about known phrases
            if felt and topic and (await search).goes_on:
                felt = None  # a word or two of a follow-up may feel like small talk
            if small_talk := self._small_talk.answer(job, felt, spoken):
                return small_talk
            if not decision.is_reply:  # no model would change that
                return Answer(action="escalate", reason=decision.reason, language=spoken)
            turn = _turn(job, language, signals, await search)
        finally:
            search.cancel()
        answer = await self._answer(turn)
        return replace(answer, language=self._language_told(job, answer) or spoken)

    async def _answer_choice(self, job: Job, asked: Question, choice: Choice) -> Answer:
        """Answer from the article that the customer chose, or hand over what they had asked."""
        note(language=job.known_language, choice=choice.item_id)
        nothing = Answer(action="escalate", reason="low_confidence", asked=asked.topic)
        beside = replace(job, user_message=said_beside(asked, choice, job.written))
        signals = Signals()
        if beside.user_message.strip():  # the rules read what the customer wrote besides
            embedding = await self._embed(job, beside.user_message)
            signals = await self._understanding.read(beside, embedding)
        decision = decide(None, signals, job.settings)
        if not decision.is_reply or choice.item_id is None:
            return replace(nothing, reason=decision.reason or "low_confidence")
        try:
            item = await self._knowledge.read(choice.item_id, _seconds_until(job.draft_by) / 2)
        except RomashkaError as error:
            log.warning("knowledge.failed", result="failed", error=type(error).__name__)
            return replace(nothing, reason="ai_failure")
        if item is None:  # the team has taken it away since
            return nothing
        language = job.known_language or job.default_language
        question = f"{asked.topic}\n{choice.label}"
        meaning = await self._embed(job, question)
        turn = Turn(job, language, (item,), signals, question, meaning, chosen=item)
        answer = await self._answer(turn)
        return replace(answer, language=job.known_language)

    def _language_told(self, job: Job, answer: Answer) -> str | None:
        """Return the language that the customer is known to use from now on.

        Of a message that could be in any, a responder knows no more: what it was answered in is no
        language of the customer's, unless nothing else is known and the answer stands.
        """
        is_guess = job.known_language or job.default_language or answer.action == "escalate"
        if is_guess and self._languages.detect(job.written) is None:
            return None
        return answer.language

    async def _embed(self, job: Job, text: str, seconds: float | None = None) -> Embedding | None:
        if self._embedder is None or not text.strip():
            return None
        seconds = min(seconds or self._embedding_seconds, _seconds_until(job.draft_by))
        with stage("embedding"):
            return await embed_in_time(self._embedder, text, seconds)

    async def _look_up(
        self, job: Job, text: str, topic: str, language: str | None, embedding: Embedding | None
    ) -> LookedUp:
        embed = partial(self._embed, job, seconds=_FURTHER_EMBEDDING_SECONDS)
        tools = Tools(embed, partial(self._search, job, language), language)
        with stage("search"):  # all of them are made at once
            return await look_up(job, text, topic, embedding, tools)

    async def _search(
        self,
        job: Job,
        language: str | None,
        question: str,
        embedding: Embedding | None,
        is_whole: bool,
    ) -> tuple[KnowledgeItem, ...] | None:
        if not question.strip():
            return ()
        seconds = min(self._search_seconds, _seconds_until(job.draft_by))
        try:
            async with asyncio.timeout(seconds):
                items = await self._knowledge.search(
                    question, language, embedding, seconds, is_whole=is_whole
                )
        except (RomashkaError, TimeoutError) as error:
            result = "late" if isinstance(error, TimeoutError) else "failed"
            SEARCHES.labels(result).inc()
            note(search=result)
            log.warning("knowledge.failed", result=result, error=type(error).__name__)
            return None
        SEARCHES.labels("ok").inc()
        return items

    async def _answer(self, turn: Turn) -> Answer:
        models_by = turn.job.draft_by - _FALLBACK_SECONDS
        models = [model for model in self._models if model.is_available]
        for number, model in enumerate(models):
            # A model that hangs leaves the next one its part of the time.
            seconds = _seconds_until(models_by) / (len(models) - number)
            if seconds < _SHORTEST_DRAFT_SECONDS:
                break
            hurried = replace(turn, draft_by=time.monotonic() + seconds)
            if answer := await self._answer_of(model, hurried, models_by):
                return answer
        answer = await self._answer_of(self._fallback, turn, turn.job.draft_by)
        if answer is None or (self._models and answer.action == "escalate"):
            return replace(answer or Answer(action="escalate"), reason="ai_failure")
        return answer

    async def _answer_of(self, responder: Responder, turn: Turn, until: float) -> Answer | None:
        """Have a responder draft, and the policy decide before a word of it is seen.

        None when there is no draft, or no reply although the policy would send one.
        """
        began, ungrounded = time.monotonic(), tuple[str, ...]()

        def may_ask_again() -> bool:
            needed = max(_SHORTEST_DRAFT_SECONDS, time.monotonic() - began)
            return not turn.ungrounded and _seconds_until(until) > needed

        try:
            with stage("draft"):
                draft = await responder.draft(turn)
            try:
                decision = decide(draft.analysis, turn.signals, turn.job.settings)
                if turn.knowledge is None and decision.reason == "out_of_scope":
                    decision = Decision("low_confidence")  # nobody has looked what the scope is
                draft.text = grounded_text(draft, turn.job, may_ask_again)
                left_open = _left_open(turn, draft.analysis) if decision.is_reply else ()
                if left_open:
                    language = draft.analysis.language or turn.language
                    draft.text = naming(draft.text, left_open, language)
                choices = _offered(turn, draft.analysis, decision)
                if choices:
                    decision = Decision(None)
                    _make_question(draft, choices, turn)
                show = shown_nowhere if left_open else self._open_reply  # the team's words follow
                text = await _reply(draft, turn.job, until, show) if decision.is_reply else None
            except Ungrounded as error:
                decision, choices, text, ungrounded = Decision("ungrounded"), (), None, error.said
                left_open = ()
            finally:
                await draft.close()
        except Exception as error:  # noqa: BLE001 -- whatever it does, the customer hears
            log.warning("responder.failed", responder=responder.name, error=_reason(error))
            return None
        note(responder=responder.name)
        if ungrounded and may_ask_again():
            again = replace(turn, ungrounded=ungrounded, draft_by=until)
            if answer := await self._answer_of(responder, again, until):
                return answer
        answer = replace(_answer(decision, draft, text), choices=choices)
        return _handed_over(answer, left_open, turn.job) if left_open else answer


async def _reply(
    draft: Draft, job: Job, until: float, open_reply: Callable[[Job], AbstractContextManager[Show]]
) -> str:
    with stage("reply"), open_reply(job) as show:
        return await write_reply(draft.text, show, max_chars=_max_chars(job), until=until)


def _turn(job: Job, language: str | None, signals: Signals, found: LookedUp) -> Turn:
    message = found.message
    items = message.items or ()
    note(
        knowledge={item.id: round(item.score, 3) for item in items},
        questions=len(found.parts) or 1,
        refers_back=message.question != message.asked,
    )
    return Turn(
        job,
        language,
        message.items,
        signals,
        question=message.question,
        embedding=message.embedding,
        seen=message.seen,
        parts=found.parts,
        further=found.further,
    )


def _left_open(turn: Turn, analysis: Analysis) -> tuple[str, ...]:
    """Return which of several questions a reply does not answer."""
    numbers = analysis.open_questions
    return tuple(part.asked for number, part in enumerate(turn.parts, 1) if number in numbers)


def _handed_over(answer: Answer, left_open: Sequence[str], job: Job) -> Answer:
    """Make a reply that leaves a question open a hand-over of that question, with what it says.

    Who waits for a human already is told what can be told, and goes on waiting.
    """
    if job.context.get("requires_human"):
        return answer
    return replace(answer, action="escalate", reason="low_confidence", asked="\n".join(left_open))


def _offered(turn: Turn, analysis: Analysis, decision: Decision) -> tuple[Choice, ...]:
    """Return what the customer is asked to choose from, instead of being handed over, if so."""
    job, likely = turn.job, analysis.likely
    note(likely=[item.id for item in likely], likelihood=round(analysis.likelihood, 3))
    was_asked = open_question(job) or job.context.get("was_asked_since")
    is_new = not (turn.chosen or was_asked or were_offered(job) & {item.id for item in likely})
    if job.context.get("requires_human") or not is_new:  # nobody is asked who waits for a human
        return ()
    if not may_ask(decision, likely, analysis.likelihood, job.settings):
        return ()
    return choices_of(likely, analysis.language or turn.language)


def _make_question(draft: Draft, choices: Sequence[Choice], turn: Turn) -> None:
    """Make a draft a question: a model has asked it already, or else it is ours."""
    analysis = draft.analysis
    sources = tuple(choice.item_id for choice in choices if choice.item_id)
    draft.analysis = replace(analysis, knowledge_sources=sources)
    own = draft.text if analysis.needs_clarification else None
    draft.text = asking(own, choices, analysis.language or turn.language, _max_chars(turn.job))


def _answer(decision: Decision, draft: Draft, text: str | None) -> Answer:
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


def _max_chars(job: Job) -> int:
    max_chars: int = job.settings.get("max_message_chars", _DEFAULT_MAX_CHARS)
    return max_chars


def _seconds_until(moment: float) -> float:
    return max(0.0, moment - time.monotonic())


def _reason(error: Exception) -> str:
    """Return what may be logged: our own messages quote nobody."""
    return str(error) if isinstance(error, ResponderError) else type(error).__name__
