"""A message whose embedding did not come: nobody knows whether it must not be answered."""

from typing import Any

import pytest
from prometheus_client import REGISTRY
from romashka_worker import turn
from romashka_worker.embeddings import Embedding, EmbeddingError
from romashka_worker.job import Answer
from romashka_worker.knowledge import KnowledgeBase
from romashka_worker.responders import Responder, ResponderError
from romashka_worker.trace import Trace, tracing
from romashka_worker.turn import TurnAnswerer

from tests.worker.provider import analysis, answers, open_provider
from tests.worker.queues import hang
from tests.worker.turns import LANGUAGES, ROW, Store, job, open_answerer

THREAT = "You will hear from my lawyer. What is Romashka?"
RULES = {"min_confidence": 0.0, "escalation_topics": ["human_requested", "legal", "safety"]}


class Failing:
    """The local model, when it has a fault or too much to do."""

    model = "multilingual-e5-small-q4"

    def __init__(self, *, hangs: bool = False) -> None:
        self._hangs = hangs

    async def embed_question(self, text: str) -> Embedding:
        if self._hangs:
            await hang()
        raise EmbeddingError("none")

    async def embed_passages(self, texts: Any) -> Any:
        raise EmbeddingError("none")


def answerer(embedder: Any, *models: Responder) -> TurnAnswerer:
    store: Any = Store(ROW)
    return TurnAnswerer(KnowledgeBase(store), embedder, models, LANGUAGES)


async def answered(turns: TurnAnswerer, **settings: Any) -> tuple[Answer, dict[str, Any]]:
    """Return what becomes of a threat, and the trace of it."""
    asked = job(user_message=THREAT, settings=RULES | settings)
    with tracing(Trace(asked)) as trace:
        return await turns.answer(asked), trace.record()


@pytest.mark.parametrize("is_late", [False, True])
async def test_without_its_embedding_a_message_is_not_answered_word_for_word(
    is_late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A legal threat, somebody in danger: what must reach a human would have got an article."""
    monkeypatch.setattr(turn, "_EMBEDDING_SECONDS", 0.05)
    result = "late" if is_late else "failed"
    before = REGISTRY.get_sample_value("romashka_embeddings_total", {"result": result}) or 0
    answer, trace = await answered(answerer(Failing(hangs=is_late)))
    after = REGISTRY.get_sample_value("romashka_embeddings_total", {"result": result})

    assert (answer.action, answer.reason) == ("escalate", "ai_failure")
    assert trace["signals"]["is_unread"] is True
    assert after == before + 1


async def test_a_team_without_such_rules_gets_the_answer() -> None:
    """Nothing would have been looked for."""
    answer, _ = await answered(answerer(Failing()), escalation_topics=["human_requested"])

    assert answer.action == "reply"


async def test_a_team_that_chose_no_embeddings_gets_the_answer() -> None:
    """It knows that only requests for a human are heard."""
    answer, _ = await answered(answerer(None))

    assert answer.action == "reply"


@pytest.mark.parametrize(("needs_human", "action"), [(False, "reply"), (True, "escalate")])
async def test_a_models_own_reading_takes_the_place_of_the_embedding(
    needs_human: bool, action: str
) -> None:
    """A busy CPU is no reason to hand over everybody: the model looks for the same."""
    async with open_provider() as provider:
        provider.will(answers(analysis(needs_human=needs_human, reason="legal")))
        async with open_answerer(provider) as with_model:
            answer, _ = await answered(answerer(Failing(), *with_model._models))

    assert answer.action == action
    assert answer.reason == ("legal" if needs_human else None)


async def test_when_the_model_fails_too_a_human_takes_over() -> None:
    """Then nobody at all has looked at the message."""

    class Broken:
        name, is_available = "broken", True

        async def draft(self, _: object) -> Any:
            raise ResponderError("no")

    answer, _ = await answered(answerer(Failing(), Broken()))

    assert (answer.action, answer.reason) == ("escalate", "ai_failure")
