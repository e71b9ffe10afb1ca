"""Drafts with a model behind any OpenAI-compatible endpoint: one call, its analysis first."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

from romashka_worker.choices import MAX_LIKELY
from romashka_worker.responders import Analysis, Draft, ResponderError, Turn
from romashka_worker.responders.openai.abilities import Talk
from romashka_worker.responders.openai.analysis import MalformedAnswer, parse_analysis
from romashka_worker.responders.openai.answer import ANSWER_ERRORS, ModelAnswer
from romashka_worker.responders.openai.endpoint import Endpoint
from romashka_worker.responders.openai.prompt import Prompt, Recital, prompt_for
from romashka_worker.responders.openai.reader import AnswerReader
from romashka_worker.trace import reached

_FAIR_SECONDS = 1.0
"""An endpoint that was given less than this has not failed when it did not answer."""


class OpenAIResponder:
    """Asks one endpoint, again where that may help, and leaves it alone while it is down."""

    name = "openai"

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    @property
    def is_available(self) -> bool:
        """Is it worth asking? Not while the endpoint's circuit is open."""
        return self._endpoint.breaker.lets_pass

    async def draft(self, turn: Turn) -> Draft:
        """Ask the model, and return as soon as its analysis is there.

        Raises:
            ResponderError: the provider failed, or what it sends is not an answer.
        """
        prompt, seconds = prompt_for(turn), turn.seconds_left
        talk = Talk(self._endpoint.negotiation)
        try:
            async with asyncio.timeout(seconds):
                async for attempt in self._endpoint.retrying(seconds):
                    with attempt:
                        draft = await self._negotiate(prompt, turn.language, talk)
                        draft.analysis = _completed(draft.analysis, turn)
                        return draft
        except TimeoutError as error:
            if seconds >= _FAIR_SECONDS:
                self._endpoint.failed(error)
            raise _no_answer(error) from error
        except ANSWER_ERRORS as error:
            raise _no_answer(error) from error
        raise AssertionError("tenacity returns or raises")

    async def _negotiate(self, prompt: Prompt, language: str | None, talk: Talk) -> Draft:
        """Ask in the way that is known to work, or else in others, until one of them does."""
        if not self.is_available:
            raise ResponderError("the endpoint is down; its circuit is open")
        self._endpoint.breaker.called()
        while True:
            try:
                return await self._ask(prompt, language, talk)
            except ANSWER_ERRORS as error:
                if not talk.goes_on(error):
                    self._endpoint.failed(error)
                    raise
                self._endpoint.asks_again()

    async def _ask(self, prompt: Prompt, language: str | None, talk: Talk) -> Draft:
        reader = AnswerReader(shows_early=talk.shows_early, is_told=talk.way.form != "json_schema")
        answer = ModelAnswer(await self._endpoint.ask(prompt, talk.way), reader)
        try:
            pieces = answer.pieces()
            await anext(pieces)
            analysis = parse_analysis(answer.members, prompt.labels, language)
            if analysis.intent and Recital(prompt.rules).hears(analysis.intent):
                analysis = replace(analysis, intent=None)  # customers may read it
        except BaseException:
            await answer.close()
            raise
        talk.succeeded(is_plain=answer.is_plain)
        return _ModelDraft(analysis, pieces, answer, self._endpoint, prompt)


class _ModelDraft(Draft):
    """A draft whose text is still being written."""

    def __init__(
        self,
        analysis: Analysis,
        pieces: AsyncGenerator[str],
        answer: ModelAnswer,
        endpoint: Endpoint,
        prompt: Prompt,
    ) -> None:
        super().__init__(
            analysis=analysis,
            text=self._text(pieces),
            written_from=tuple(prompt.items.values()),
            model=answer.model or endpoint.model,
        )
        self._answer = answer
        self._endpoint = endpoint
        self._rules = prompt.rules
        self._has_failed = False

    async def _text(self, pieces: AsyncGenerator[str]) -> AsyncGenerator[str]:
        has_begun, recital = False, Recital(self._rules)
        try:
            async for piece in pieces:
                if not has_begun:
                    reached("first_text")
                has_begun = True
                if recital.hears(piece):
                    raise MalformedAnswer("the reply recites the rules")
                yield piece
        except ANSWER_ERRORS as error:
            self._has_failed = True
            self._endpoint.failed(error)
            raise _no_answer(error) from error
        self.tokens_used = self._answer.tokens_used

    async def close(self) -> None:
        """Hang up, if there is more to come: then no model writes for nobody."""
        if not self._has_failed:
            self._endpoint.succeeded()
        await self._answer.close()


def _completed(analysis: Analysis, turn: Turn) -> Analysis:
    """Add the items that the model named: where it is not sure, one of them may be meant.

    A reply that answers none of the questions is not one.
    """
    items = {item.id: item for item in turn.all_knowledge}
    numbers = range(1, len(turn.parts) + 1)
    open_questions = tuple(one for one in analysis.open_questions if one in numbers)
    answers_none = bool(turn.parts) and len(open_questions) == len(turn.parts)
    return replace(
        analysis,
        confidence=0.0 if answers_none else analysis.confidence,
        open_questions=open_questions,
        likely=tuple(items[source] for source in analysis.knowledge_sources[:MAX_LIKELY]),
        likelihood=1.0 if analysis.needs_clarification else analysis.confidence,
    )


def _no_answer(error: Exception) -> ResponderError:
    return ResponderError(f"the model gave no answer; {type(error).__name__}")
