"""The question which article is meant: when it is asked, and what a customer's answer chooses."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from romashka import AsyncRomashka
from romashka_worker.choices import Question, find_choice, open_question, were_offered
from romashka_worker.embeddings.local import LocalEmbedder, is_installed
from romashka_worker.job import Answer, Choice, Job

from tests.support.customers import customer_of, new_identifier
from tests.support.stacks import RunningStack
from tests.worker.provider import Provider, analysis, answers, open_provider
from tests.worker.turns import ROW, job, open_answerer
from tests.worker.worker_process import run_worker

RETURN, REFUND, NONE = (
    Choice("How do I return an item?", str(uuid4())),
    Choice("When is my refund paid?", str(uuid4())),
    Choice("None of these", None),
)
OFFERED = [{"label": one.label, "item_id": one.item_id} for one in (RETURN, REFUND, NONE)]
ROWS = tuple(
    ROW | {"id": choice.item_id, "title": choice.label, "similarity": near, "keyword_score": 0.2}
    for choice, near in ((RETURN, 0.88), (REFUND, 0.879))
)
FAR = ROW | {"id": str(uuid4()), "title": "Anfahrt", "language": "de", "similarity": 0.78}
SETTINGS = {"min_confidence": 0.6, "min_choice_confidence": 0.15}
TOPIC = "Money back"


def said(sender: str, content: str, **more: Any) -> dict[str, Any]:
    return {"id": str(uuid4()), "sender_type": sender, "content": content, **more}


ASKED = said("ai", "Which of these do you mean?", choices=OFFERED)


def turn(*rows: dict[str, Any], **changes: Any) -> Job:
    """Return the job of a conversation's newest message."""
    context = {"recent_messages": list(rows)}
    changes = {"turn_id": rows[-1]["id"], "settings": SETTINGS} | changes
    return job(user_message=rows[-1]["content"], context=context, **changes)


@pytest.mark.parametrize(
    ("answer", "chosen"),
    [
        *(
            (text, RETURN)
            for text in ("1", "1.", " #1 ", "1️⃣", "option 1", "nr. 1", "the first one")
        ),
        *(
            (text, RETURN)
            for text in ("how do i return an item", "Return!", "return item", "primera")
        ),
        *(
            (text, REFUND)
            for text in (
                "2)",
                "двa 2"[4:],
                "٢",
                "2\n\nKind regards, Jo",
                "Second",
                "die zweite",
                "refund",
                "paid",
            )
        ),
        *((text, NONE) for text in ("3", "none", "None of these.", "none of these!")),
        *((text, None) for text in ("4", "0", "12", "my", "is", "item refund", "no", "👍", "")),
        *(
            (text, None)
            for text in (
                "I bought 2",
                "how do I pay?",
                "refund by check?",
                "first or second",
                "2\nAnd how long does it take?",
            )
        ),
    ],
)
async def test_what_names_one_choice_alone_chooses_it(answer: str, chosen: Choice | None) -> None:
    """A wrong guess would be a wrong answer; anything else is a question of its own."""
    mine = turn(said("user", TOPIC), ASKED, said("user", answer))
    asked = open_question(mine)

    assert asked is not None
    assert asked.topic == TOPIC
    assert await find_choice(asked, mine, None) == chosen


async def test_a_tap_counts_whatever_is_written_beside_it() -> None:
    """But not one that came late: the database says which."""
    tapped = {"message_id": ASKED["id"], "number": 2}
    first = said("user", TOPIC)
    for tap, chosen in ((tapped, REFUND), (tapped | {"is_late": True}, None)):
        mine = turn(first, ASKED, said("user", "That one please", choice=tap))
        asked = open_question(mine)

        assert asked is not None
        assert await find_choice(asked, mine, None) == chosen


def test_only_the_last_word_is_an_open_question() -> None:
    """The talk has moved on; what was offered is remembered until a human comes."""
    first, more = said("user", TOPIC), said("user", "1")
    answer, agent = said("ai", "Here is how."), said("agent", "Hello")
    ids = {RETURN.item_id, REFUND.item_id}

    assert open_question(turn(first)) is None
    assert open_question(turn(first, ASKED, more, answer, more)) is None
    assert open_question(turn(first, ASKED, agent, more)) is None
    assert were_offered(turn(first, ASKED, more, answer, more)) == ids
    assert were_offered(turn(first, ASKED, agent, more)) == frozenset()


@pytest.mark.skipif(not is_installed(), reason="the extra `embeddings` is not there")
async def test_words_that_mean_one_label_choose_it() -> None:
    """In other words, or in another language; what is between two labels does not."""
    asked = Question("question", TOPIC, (RETURN, REFUND, NONE))
    with LocalEmbedder() as embedder:
        await embedder.embed_question("The first one takes long: the model is read.")

        async def chosen(text: str) -> Choice | None:
            return await find_choice(asked, turn(said("user", text)), embedder)

        assert await chosen("How can I send a product back?") == RETURN
        assert await chosen("¿Cuándo me pagan el reembolso?") == REFUND
        assert await chosen("What time do you open on Sundays?") is None


async def asked_by(*rows: dict[str, Any], **settings: Any) -> Answer:
    """Return the answer of an AI that is sure of nothing."""
    async with open_answerer(rows=(*ROWS, FAR)) as turns:
        return await turns.answer(turn(*rows, settings=SETTINGS | settings))


async def test_where_no_article_is_sure_it_asks() -> None:
    """In the customer's language, with lines that can be counted."""
    answer = await asked_by(said("user", "Can you tell me about money back?"))

    assert (answer.action, answer.reason) == ("reply", None)
    assert answer.choices == (RETURN, REFUND, NONE)
    assert answer.text == (
        "Which of these do you mean?\n\n"
        "1. How do I return an item?\n2. When is my refund paid?\n3. None of these"
    )
    assert answer.knowledge_sources == (RETURN.item_id, REFUND.item_id)


async def test_articles_of_one_title_are_told_apart_by_how_they_begin() -> None:
    """A base that has a house's facts under its name would offer the name three times."""
    facts = (
        "Dogs are welcome.\nOn a lead.",
        "Dogs are welcome.\nOn a lead.",
        "A dog's bed costs " * 9,
    )
    rows = [
        row | {"id": str(uuid4()), "title": "Our house", "content": fact}
        for row, fact in zip((*ROWS, ROWS[1]), facts, strict=True)
    ]
    async with open_answerer(rows=(*rows, FAR)) as turns:
        answer = await turns.answer(turn(said("user", "And dogs?")))

    first, second, none = (choice.label for choice in answer.choices)
    assert (first, none) == ("Dogs are welcome.", "None of these")
    assert second.endswith("…")
    assert len(second) <= 100


async def test_nothing_is_asked_twice() -> None:
    """Not in a row, and not about the same articles; a human of the team begins anew."""
    first, again = said("user", TOPIC), said("user", "Can you tell me about money back?")
    answer = said("ai", "Here is how.")
    in_a_row = await asked_by(first, ASKED, again)
    same = await asked_by(first, ASKED, said("user", "1"), answer, again)
    anew = await asked_by(first, ASKED, said("agent", "Hello"), again)

    for refused in (in_a_row, same):
        assert (refused.action, refused.reason) == ("escalate", "low_confidence")
        assert refused.choices == ()
    assert anew.choices == (RETURN, REFUND, NONE)


@pytest.mark.parametrize(
    ("text", "settings", "reason"),
    [
        ("Let me talk to a human", {}, "human_requested"),
        ("About money back?", {"min_choice_confidence": None}, "low_confidence"),
        ("About money back?", {"min_choice_confidence": 0.99}, "low_confidence"),
    ],
)
async def test_a_human_is_not_asked_for_in_vain(
    text: str, settings: dict[str, Any], reason: str
) -> None:
    """A rule decides first; and a team may want no questions."""
    answer = await asked_by(said("user", text), **settings)

    assert (answer.action, answer.reason, answer.choices) == ("escalate", reason, ())


async def test_none_of_these_hands_over_with_what_was_asked() -> None:
    """A colleague reads "none of these" and wonders: of what?"""
    answer = await asked_by(said("user", TOPIC), ASKED, said("user", "none of these"))

    assert (answer.action, answer.reason) == ("escalate", "low_confidence")
    assert answer.asked == TOPIC


async def test_something_else_is_searched_with_what_was_asked_before() -> None:
    """It is a new question, and may be the rest of the old one."""
    searched: list[str] = []
    async with open_answerer(rows=(*ROWS, FAR)) as turns:
        search = turns._knowledge.search

        async def spy(question: str, *arguments: Any) -> Any:
            searched.append(question)
            return await search(question, *arguments)

        turns._knowledge.search = spy  # type: ignore[method-assign]  # what is asked is the point
        await turns.answer(turn(said("user", TOPIC), ASKED, said("user", "for shoes in red")))

    assert searched == ["for shoes in red", f"{TOPIC}\nfor shoes in red"]


async def ask_model(provider: Provider, *rows: dict[str, Any], **changes: Any) -> Answer:
    provider.will(answers(analysis(**changes)))
    async with open_answerer(provider, rows=(*ROWS, FAR)) as turns:
        return await turns.answer(turn(*rows))


async def test_a_model_asks_in_its_own_words_and_the_policy_decides() -> None:
    """It says that it needs to know more; which articles are offered stands beneath it."""
    first = said("user", "Can you tell me about money back?")
    unclear = {
        "needs_clarification": True,
        "sources": ["K2", "K1"],
        "reply": "Is it about a return or a refund?",
        "confidence": 0.9,
    }
    async with open_provider() as provider:
        asked = await ask_model(provider, first, **unclear)
        again = await ask_model(provider, first, ASKED, said("user", "well"), **unclear)
        alone = await ask_model(provider, first, **unclear | {"sources": ["K1"]})
        human = await ask_model(
            provider, first, **unclear, needs_human=True, reason="negative_sentiment"
        )
        unsure = await ask_model(provider, first, confidence=0.3, sources=["K1", "K2"])

    assert asked.text == (
        "Is it about a return or a refund?\n\n"
        "1. When is my refund paid?\n2. How do I return an item?\n3. None of these"
    )
    assert asked.choices == (REFUND, RETURN, NONE)
    # What the model cannot do, the knowledge base is asked for; it is no surer.
    assert [one.action for one in (again, alone, human)] == ["escalate"] * 3
    assert human.reason == "negative_sentiment"
    assert unsure.text is not None
    assert unsure.text.startswith("Which of these do you mean?\n\n1. How do I return")


ARTICLES = (
    {"title": "Zorbing for groups", "content": "Groups zorb on Mondays."},
    {"title": "Zorbing for children", "content": "Children zorb from the age of six."},
)


@asynccontextmanager
async def knowing(service: AsyncRomashka, *articles: dict[str, str]) -> AsyncIterator[list[str]]:
    """Have articles in the knowledge base, and give their ids."""
    table = service.supabase.table("knowledge_items")
    rows: Any = (await table.insert(list(articles)).execute()).data
    ids = [row["id"] for row in rows]
    try:
        yield ids
    finally:
        await table.delete().in_("id", ids).execute()


async def test_a_customer_is_asked_chooses_and_is_answered(stack: RunningStack) -> None:
    """From the question to the tap and to the article, through everything that answers turns."""
    async with (
        AsyncRomashka.connect(stack.api_url, stack.service_role_key) as service,
        knowing(service, *ARTICLES) as ids,
        run_worker(stack),
        customer_of(stack) as one,
        customer_of(stack) as other,
    ):
        first = await one.conversations.create(new_identifier())
        second = await other.conversations.create(new_identifier())
        asked = await first.ask("zorbing?", timeout_seconds=60)
        answer = await first.ask("Zorbing for children", timeout_seconds=60)
        await second.ask("zorbing?", timeout_seconds=60)
        nothing = await second.ask("3", timeout_seconds=60)

    choices: Sequence[Any] = asked.metadata["choices"]
    assert [choice["item_id"] in ids for choice in choices] == [True, True, False]
    assert answer.content == "Children zorb from the age of six."
    assert nothing.kind == "handover"
    assert nothing.metadata["asked"] == "zorbing?"
