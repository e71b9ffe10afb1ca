"""The question which article is meant: when it is asked, and what a customer's answer chooses."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
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
            for text in ("1 please", "number one", "eins", "un", "واحد", "第一个", "第1个", "①")
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
                "zwei bitte",
                "la dos",
                "deuxieme",
                "二",
                "n° 2",
                "2. When is my refund paid?",
                "2\nThanks!",
            )
        ),
        *((text, NONE) for text in ("3", "none", "None of these.", "none of these!")),
        *((text, NONE) for text in ("No", "nein", "нет", "لا", "いいえ", "都不是", "otra cosa")),
        *((text, None) for text in ("4", "0", "12", "my", "is", "item refund", "yes", "👍", "")),
        *((text, None) for text in ("when?", "How", "these", "no one", "that one", "2€", "1.5")),
        *(
            (text, None)
            for text in ("not the first", "wait a second", "first of all", "un segundo")
        ),
        *((text, None) for text in ("1 and 2", "1\n2", "third class mail", "2 days", "1st May")),
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


async def test_a_label_is_one_line_that_can_be_read() -> None:
    """A title may be of several lines, or of none; what has no name is not offered."""
    titled = (("  Two\n\nlines ", "x"), (" ", "How it begins\nand goes on"), ("", ""))
    rows = [
        row | {"id": str(uuid4()), "title": title, "content": content}
        for row, (title, content) in zip((*ROWS, ROWS[1]), titled, strict=True)
    ]
    async with open_answerer(rows=(*rows, FAR)) as turns:
        answer = await turns.answer(turn(said("user", "And dogs?")))

    assert [one.label for one in answer.choices] == ["Two lines", "How it begins", "None of these"]


async def shown_and_answered(**changes: Any) -> tuple[str, Answer]:
    """Return what a screen shows of an unsure AI's answer, and that."""
    shown: list[str] = []
    mine = turn(said("user", "About money back?"))
    mine = replace(
        mine,
        settings={**mine.settings, **changes},
        context={**mine.context, **changes},
    )
    async with open_answerer(
        rows=(*ROWS, FAR), open_reply=lambda _: nullcontext(shown.append)
    ) as turns:
        answer = await turns.answer(mine)
    return "".join(shown), answer


async def test_a_question_without_room_for_all_its_lines_is_not_asked() -> None:
    """Half of a list offers what nobody can read, and nothing of it may have been shown."""
    shown, asked = await shown_and_answered(max_message_chars=100)
    nothing, refused = await shown_and_answered(max_message_chars=50)

    assert (shown, len(asked.choices)) == (asked.text, 3)
    assert (nothing, refused.action, refused.choices) == ("", "escalate", ())


@pytest.mark.parametrize("context", ["requires_human", "was_asked_since"])
async def test_nobody_is_asked_in_vain(context: str) -> None:
    """Not whoever waits for a human: the database would not take what a screen has shown. Nor who
    was asked while they wrote this."""
    shown, answer = await shown_and_answered(**{context: True})

    assert (shown, answer.action, answer.choices) == ("", "escalate", ())


@pytest.mark.parametrize("tapped", [{}, {"choice": {"message_id": ASKED["id"], "number": 2}}])
@pytest.mark.parametrize("asks", ["I want to talk to a human", "Get me an agent please"])
async def test_the_rules_read_what_is_written_beside_a_choice(
    tapped: dict[str, Any], asks: str
) -> None:
    """A choice is no reason to overhear that somebody asks for a human."""
    chosen = said("user", REFUND.label if tapped else "2", **tapped)
    mine = turn(said("user", TOPIC), ASKED, chosen, said("user", asks))
    async with open_answerer(rows=(*ROWS, FAR)) as turns:
        answer = await turns.answer(replace(mine, user_message=f"{chosen['content']}\n{asks}"))

    assert (answer.action, answer.reason) == ("escalate", "human_requested")


@pytest.mark.parametrize("said_to_it", ["ok", "yes", "👍", "oui"])
async def test_a_question_is_not_acknowledged(said_to_it: str) -> None:
    """Its lines do not end with a question mark, but whoever says yes is no longer waiting."""
    listed = ASKED | {"content": "Which of these do you mean?\n\n1. A\n2. B\n3. None of these"}
    answer = await asked_by(
        said("user", TOPIC), listed, said("user", said_to_it), answers_acknowledgements=False
    )

    assert answer.action == "escalate"


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

        async def spy(question: str, *arguments: Any, **named: Any) -> Any:
            searched.append(question)
            return await search(question, *arguments, **named)

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
        listing = "Hi!\n\nWhich do you mean:\n1. A\n - B\n\nPlease choose."
        listed = await ask_model(provider, first, **unclear | {"reply": listing})

    assert asked.text == (
        "Is it about a return or a refund?\n\n"
        "1. When is my refund paid?\n2. How do I return an item?\n3. None of these"
    )
    assert asked.choices == (REFUND, RETURN, NONE)
    assert listed.text is not None
    assert listed.text.startswith(
        "Hi! Which do you mean: Please choose.\n\n1. When is my refund"
    ), "screens show buttons below what stands above the first empty line"
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
