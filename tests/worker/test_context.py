"""What a message refers to: found, and not mixed into what stands by itself."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from romashka import AsyncRomashka
from romashka_worker.context import topic_of
from romashka_worker.corrections import corrected
from romashka_worker.embeddings import Embedding
from romashka_worker.embeddings.local import LocalEmbedder, is_installed
from romashka_worker.job import Job
from romashka_worker.knowledge import KnowledgeBase
from romashka_worker.turn import TurnAnswerer

from tests.support.stacks import run_stack
from tests.worker.context_figures import measured
from tests.worker.provider import analysis, answers, open_provider
from tests.worker.turns import LANGUAGES, ROW, job, open_answerer

needs_embeddings = pytest.mark.skipif(
    not is_installed(), reason="the extra `embeddings` is not there"
)
SENT = "Parcels to Sweden take three days."


def turn(*said: str, **changes: Any) -> Job:
    """Return the turn of the last of what customer and AI have said, one after the other."""
    rows = [
        {"id": str(at), "sender_type": ("user", "ai")[at % 2], "content": text}
        for at, text in enumerate(said)
    ]
    changes = {"turn_id": rows[-1]["id"], "context": {"recent_messages": rows}} | changes
    return job(user_message=said[-1], **changes)


@pytest.mark.parametrize(
    ("said", "topic"),
    [
        (["What about Norway?"], ""),
        (
            ["How long do parcels to Sweden take?", SENT, "and Norway?"],
            "How long do parcels to Sweden take?",
        ),
        (
            ["How long do parcels to Sweden take?", SENT, "and Norway?", "Eight.", "and Oslo?"],
            "How long do parcels to Sweden take?\nand Norway?",
        ),
        (
            ["How long do parcels take?", "Three.", "Thanks!", "You are welcome!", "Oslo?"],
            "How long do parcels take?",
        ),
        (
            ["Where are you?", "In Oslo.", "How long do parcels to Sweden take?", SENT, "and him?"],
            "How long do parcels to Sweden take?",
        ),
    ],
)
def test_a_message_may_go_on_with_the_last_question(said: list[str], topic: str) -> None:
    """With that of a follow-up, too; thanks are no topic, nor is what was asked long before."""
    assert topic_of(turn(*said)) == topic


def test_what_a_turn_itself_says_is_no_topic() -> None:
    """Of a long burst the first message may be too old to be there."""
    rows = [{"id": str(at), "sender_type": "user", "content": f"line {at}"} for at in range(10)]
    context = {"recent_messages": rows}

    assert topic_of(job(turn_id="gone", context=context)) == ""
    assert topic_of(job(turn_id="0", context=context)) == ""


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("I meant the blue one", "the blue one"),
        ("no, for Sweden", "for Sweden"),
        ("sorry, order 123 not 132", "order 123"),
        ("Oops! Sorry, Sweden", "Sweden"),
        ("not Sweden, Norway!", "Norway!"),
        ("in red, not blue", "in red"),
        ("*Denmark", "Denmark"),
        ("Denmark*", "Denmark"),
        ("Bonn meinte ich", "Bonn"),
        ("Entschuldigung, E-Bike", "E-Bike"),
        ("perdón, quería decir en blanco", "en blanco"),
        ("pardon, je parlais du 100 Go", "100 Go"),
        ("desculpa, o anual", "o anual"),
        ("нет, в Омск", "в Омск"),
        ("すみません、フランス語です", "フランス語です"),
        *((text, text) for text in ("no", "Sorry!", "No thanks", "No. 5", "Ohio", "???", "")),
        *((text, text) for text in ("it does not work", "no quiero esto", "limits to top ups")),
        ("wait, " + "and tell me more " * 9, "wait, " + "and tell me more " * 9),
    ],
)
def test_a_correction_is_what_is_meant(text: str, meant: str) -> None:
    """An apology sounds like trouble: "Entschuldigung, E-Bike" was handed over as a complaint."""
    assert corrected(text) == meant


class Plane:
    """An embedder in two dimensions: what a question is about, and what is new in it."""

    model = "plane"

    async def embed_question(self, text: str) -> Embedding:
        """A topic lies on one axis; a follow-up on the other; both together between them."""
        new, old = "Norway" in text or "card" in text, "Sweden" in text
        vector = (0.7, 0.7) if new and old else (0.0, 1.0) if new else (1.0, 0.0)
        return Embedding(self.model, vector)

    async def embed_passages(self, texts: Any) -> Any:
        raise AssertionError("only questions are embedded")


class Shelf:
    """Finds by the vector: items that it is given with what they are near to."""

    def __init__(self, **near: tuple[float, float]) -> None:
        self._near = near
        self.asked: list[str] = []

    async def call(self, function: str, **arguments: Any) -> Any:
        assert function == "search_knowledge"
        self.asked.append(arguments["query"])
        vector = [float(one) for one in arguments["query_embedding"].strip("[]").split(",")]
        rows = [
            ROW
            | {"id": name, "title": name, "content": SENT if name == "sweden" else f"It is {name}."}
            | {"similarity": sum(a * b for a, b in zip(vector, near, strict=True))}
            | {"keyword_score": 0.0, "language": "de" if name.endswith("_de") else "en"}
            for name, near in self._near.items()
        ]
        return sorted(rows, key=lambda row: -float(row["similarity"]))


@asynccontextmanager
async def shelf(**near: tuple[float, float]) -> AsyncIterator[tuple[TurnAnswerer, Shelf]]:
    store = Shelf(**near)
    yield TurnAnswerer(KnowledgeBase(store), Plane(), (), LANGUAGES), store


ASKED = ("How long do parcels to Sweden take?", SENT)


async def test_a_follow_up_is_answered_by_what_fits_both() -> None:
    """Not by what fits its words alone, nor again by what the customer has read."""
    near = {"sweden": (0.98, 0.9), "norway": (0.93, 0.93), "stamps": (0.5, 0.94), "far": (0.4, 0.6)}
    async with shelf(**near) as (turns, store):
        answer = await turns.answer(turn(*ASKED, "and Norway?"))

    assert store.asked == ["and Norway?", "and Norway?"]
    assert answer.knowledge_sources == ("norway",)


async def test_a_question_of_its_own_is_searched_alone() -> None:
    """Whoever says much has said what it is about: the last question would only mislead."""
    near = {"sweden": (0.98, 0.7), "card": (0.5, 0.97), "far": (0.4, 0.6)}
    async with shelf(**near) as (turns, store):
        answer = await turns.answer(
            turn(*ASKED, "May I pay with a card that is in my wife's name, in the shop?")
        )

    assert len(store.asked) == 1
    assert answer.knowledge_sources == ("card",)


async def test_what_was_read_is_not_said_again() -> None:
    """ "and Norway?" where nothing is known of Norway: Sweden once more would be no answer."""
    near = {"sweden": (0.98, 0.75), "stamps": (0.7, 0.74), "far": (0.4, 0.7)}
    async with shelf(**near) as (turns, _):
        answer = await turns.answer(turn(*ASKED, "and Norway?"))

    assert answer.action == "escalate"


async def test_what_was_read_is_not_said_again_in_another_language() -> None:
    """The article on Sweden has a German twin: for "and Norway?" that is no answer either."""
    near = {"sweden": (0.98, 0.75), "schweden_de": (0.97, 0.74), "far": (0.4, 0.7)}
    async with shelf(**near) as (turns, _):
        answer = await turns.answer(turn(*ASKED, "and Norway?"))
    async with shelf(**near, norge_de=(0.93, 0.99)) as (turns, _):
        only_there = await turns.answer(turn(*ASKED, "and Norway?"))

    assert answer.action == "escalate"
    assert only_there.knowledge_sources == ("norge_de",)


async def test_a_first_message_is_searched_once() -> None:
    async with shelf(sweden=(0.98, 0.9), far=(0.4, 0.6)) as (turns, store):
        await turns.answer(turn(ASKED[0]))

    assert store.asked == [ASKED[0]]


@pytest.mark.parametrize("text", ["ok", "sure", "hi", "Thanks!", "great, thank you"])
async def test_small_talk_after_an_answer_stays_small_talk(text: str) -> None:
    """Bots that rewrite each message with what was before answer "sure" with a question."""
    near = {"sweden": (0.98, 0.9), "norway": (0.97, 0.97), "far": (0.4, 0.6)}
    async with shelf(**near) as (turns, _):
        answer = await turns.answer(turn(*ASKED, text))

    assert answer.knowledge_sources == ()
    assert answer.action in ("reply", "none")


async def test_a_model_gets_what_both_readings_found_and_the_customers_own_words() -> None:
    """A rewritten question may say what nobody asked: it is searched with, never shown."""
    other = ROW | {"id": "item-2", "title": "Norway"}
    async with open_provider() as provider, open_answerer(provider, rows=(ROW, other)) as turns:
        provider.will(answers(analysis()))
        await turns.answer(turn(*ASKED, "and Norway?"))
        [document] = provider.documents

    assert document["message"] == "and Norway?"
    assert [item["title"] for item in document["knowledge"]] == [ROW["title"], "Norway"]
    assert [row["text"] for row in document["earlier"]] == list(ASKED)
    assert "questions" not in document


@pytest.fixture(scope="module")
def embedder() -> Iterator[LocalEmbedder]:
    with LocalEmbedder() as local:
        yield local


@needs_embeddings
@pytest.mark.parametrize("text", ["in Omsk", "¿qué hay de Portugal?", "Gibt es das mit Motor?"])
async def test_a_follow_up_is_not_taken_for_small_talk(embedder: LocalEmbedder, text: str) -> None:
    """A word or two feel like a greeting, and "ok" ends a turn in silence."""
    near = {"sweden": (0.98, 0.9), "norway": (0.95, 0.95), "far": (0.4, 0.6)}
    async with shelf(**near) as (turns, _):
        answer = await turns.answer(turn(*ASKED, text))

    assert answer.action != "none"
    assert answer.knowledge_sources or answer.reason


@needs_embeddings
async def test_the_figures_hold(embedder: LocalEmbedder) -> None:
    """Real search, real model; docs/quality.md has the figures of all bases."""
    with run_stack("--ephemeral") as running:  # whose knowledge base is overwritten
        client = AsyncRomashka.connect(running.api_url, running.service_role_key)
        async with client as service:
            found = await measured(service, embedder, ["held out en", "held out ja"])
    kinds = {kind: figures for (_, kind), figures in found.items()}
    missed = {kind: figures.missed for kind, figures in kinds.items()}
    follow_ups = kinds["follow_up"].outcomes + kinds["correction"].outcomes

    assert follow_ups["right"] >= 0.6 * follow_ups.total(), missed
    assert follow_ups["wrong"] <= 2, missed
    assert kinds["several"].share("right") >= 0.6, missed
    assert kinds["one"].share("right") >= 0.8, missed
    assert kinds["alone"].share("right") >= 0.6, missed  # a rule takes one, and one is asked about
    assert kinds["alone"].share("wrong") == kinds["nothing"].share("wrong") == 0, missed
