"""Answers with the best item of the knowledge base, word for word; needs no model provider."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from operator import itemgetter

import structlog
from romashka import RomashkaError

from romashka_worker.choices import likely_items
from romashka_worker.confidence import confidence_in, likelihood_of
from romashka_worker.knowledge import Found, KnowledgeBase, KnowledgeItem
from romashka_worker.language import base_language, is_same_language
from romashka_worker.policy import is_sure
from romashka_worker.questions import name_of
from romashka_worker.responders import Analysis, Draft, ResponderError, Turn, written
from romashka_worker.responders.passages import best_passage, is_long
from romashka_worker.trace import note

_NOTHING = 0.1
"""With less confidence than this the question is about something else."""
_AS_SIMILAR = 0.02
"""An item in the customer's language is preferred to one that is so little more similar."""
_PART_SECONDS = 1.0
"""Without the nearest part of a long item its words decide."""

log = structlog.get_logger()


class KnowledgeResponder:
    """Extractive: one item, as sure as its place among the others makes it."""

    name = "knowledge"
    is_available = True

    def __init__(self, knowledge: KnowledgeBase | None = None) -> None:
        self._knowledge = knowledge

    async def draft(self, turn: Turn) -> Draft:
        """Return the best item as a draft, or an empty draft without confidence.

        Raises:
            ResponderError: the knowledge base could not be asked.
        """
        if turn.knowledge is None:
            raise ResponderError("the knowledge base could not be asked")
        if not turn.knowledge:
            nothing = Analysis(confidence=0.0, reason="out_of_scope", language=turn.language)
            return Draft(analysis=nothing, text=written(""), model=self.name)
        confidence, item = (
            (1.0, turn.chosen) if turn.chosen else surest(turn.knowledge, turn.language, turn.seen)
        )
        unseen = [one for one in turn.knowledge if one.id not in turn.seen]
        likely = likely_items(unseen, item)
        likelihood = likelihood_of(likely, turn.knowledge, turn.language) if likely else 0.0
        note(similarity=item.similarity)
        analysis = Analysis(
            confidence=confidence,
            reason="out_of_scope" if max(confidence, likelihood) < _NOTHING else None,
            sentiment=turn.signals.sentiment,
            language=turn.language or item.language,
            knowledge_sources=(item.id,),
            likely=likely,
            likelihood=likelihood,
        )
        alone = Draft(analysis=analysis, text=self._write(turn, item), model=self.name)
        return self._draft_each(turn, analysis) or alone

    def _draft_each(self, turn: Turn, whole: Analysis) -> Draft | None:
        """Return the answers to those of several questions that are sure; None if none is."""
        answers: dict[str, tuple[float, Found, KnowledgeItem]] = {}
        open_questions = []
        for number, part in enumerate(turn.parts, 1):
            found = part.items or ()
            confidence, item = surest(found, turn.language, part.seen) if found else (0.0, None)
            if item and is_sure(confidence, turn.job.settings):
                answers.setdefault(item.id, (confidence, part, item))
            else:
                open_questions.append(number)
        if not answers:
            return None
        analysis = replace(
            whole,
            confidence=min(confidence for confidence, _, _ in answers.values()),
            reason=None,
            knowledge_sources=tuple(answers),
            open_questions=tuple(open_questions),
        )
        text = self._write_each(turn, [(part, item) for _, part, item in answers.values()])
        return Draft(analysis=analysis, text=text, model=self.name)

    async def _write_each(
        self, turn: Turn, found: Sequence[tuple[Found, KnowledgeItem]]
    ) -> AsyncIterator[str]:
        """Give each answer below its question, where there are several."""
        for number, (part, item) in enumerate(found):
            about = replace(turn, question=part.question, embedding=part.embedding)
            if len(found) > 1:
                yield ("\n\n" if number else "") + f"{name_of(part.asked)}\n"
            async for piece in self._write(about, item):
                yield piece

    async def _write(self, turn: Turn, item: KnowledgeItem) -> AsyncIterator[str]:
        remark = _remark(item, turn.language)
        text = await self._passage(turn, item) if is_long(item.content) else item.content
        yield f"{remark}\n\n{text}" if remark else text

    async def _passage(self, turn: Turn, item: KnowledgeItem) -> str:
        question, part = turn.question or turn.job.written, None
        if self._knowledge and turn.embedding:
            try:
                async with asyncio.timeout(min(_PART_SECONDS, turn.seconds_left / 2)):
                    part = await self._knowledge.find_part(item, turn.embedding)
            except (RomashkaError, TimeoutError) as error:
                log.warning("passage.failed", error=type(error).__name__)
        return best_passage(question, item.content, part)


def surest(
    found: Sequence[KnowledgeItem], language: str | None, seen: frozenset[str] = frozenset()
) -> tuple[float, KnowledgeItem]:
    """Return the best item that was not `seen`, with how sure it is; of none, nothing is sure.

    One that was edited just now has no vectors to compare: it is as sure as its words make it.
    """
    unseen = _unseen(found, language, seen)
    if not unseen:
        return 0.0, found[0]
    by_meaning = [item for item in unseen if item.similarity is not None]
    by_words = [item for item in unseen if item.similarity is None]
    best = [_best_item(items, language) for items in (by_meaning, by_words) if items]
    return max(((confidence_in(item, found, language), item) for item in best), key=itemgetter(0))


def _unseen(
    found: Sequence[KnowledgeItem], language: str | None, seen: frozenset[str]
) -> list[KnowledgeItem]:
    """Return what the customer has not read, nor most likely the same in another language."""
    unseen = [item for item in found if item.id not in seen]
    best = _best_item(found, language)
    if best.id not in seen or best.language is None:
        return unseen
    return [item for item in unseen if is_same_language(item.language, best.language)]


def _best_item(found: Sequence[KnowledgeItem], language: str | None) -> KnowledgeItem:
    """Return the best item, or what is as good in the customer's language."""
    first = found[0]
    if is_same_language(first.language, language):
        return first
    limit = _likeness(first) - _AS_SIMILAR
    for item in found:
        if is_same_language(item.language, language) and _likeness(item) >= limit:
            return item
    return first


def _likeness(item: KnowledgeItem) -> float:
    return item.keyword_score if item.similarity is None else item.similarity


def _remark(item: KnowledgeItem, language: str | None) -> str | None:
    """Return what a customer is told, in their language, of an item that is in another."""
    if language is None or is_same_language(item.language, language):
        return None
    return _remarks().get(base_language(language))


@cache
def _remarks() -> Mapping[str, str]:
    stored = files("romashka_worker.responders").joinpath("remarks.json").read_text("utf-8")
    remarks: Mapping[str, str] = json.loads(stored)
    return remarks
