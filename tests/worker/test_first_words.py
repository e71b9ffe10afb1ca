"""A first message that tells no language, or has no word of the customer's at all."""

from typing import Any

import pytest
from romashka_worker.job import Job
from romashka_worker.understanding import Understanding

from tests.worker.provider import analysis, answers, open_provider
from tests.worker.turns import ROW, job, open_answerer

SPANISH = ROW | {"language": "es", "title": "Saludos", "content": "Hola."}
WEAK = SPANISH | {"score": 0.05, "similarity": 0.05, "keyword_score": 0.0}


def turn(text: str, *placeholders: str, **context: Any) -> Job:
    recent = [
        {"sender_type": "user", "content": placeholder, "is_placeholder": True}
        for placeholder in placeholders
    ]
    return job(user_message=text, context={"recent_messages": recent, **context})


@pytest.mark.parametrize("text", ["RM-20", "https://shop.example/p/1", "👎"])
async def test_an_item_that_is_too_weak_to_answer_with_is_in_no_customers_language(
    text: str,
) -> None:
    """Else a number is answered in Spanish, and the conversation stays Spanish."""
    async with open_answerer(rows=(WEAK,)) as turns:
        answer = await turns.answer(turn(text))
        known = await turns.answer(turn(text, language="de"))

    assert (answer.action, answer.language) == ("escalate", None)
    assert (known.action, known.language) == ("escalate", "de")


async def test_the_default_is_spoken_and_is_not_taken_for_the_customers() -> None:
    """What a model makes of a number is a guess, too."""
    async with open_provider() as provider, open_answerer(provider, rows=()) as turns:
        provider.will(answers(analysis(language="es")))
        number = await turns.answer(turn("RM-20", default_language="de"))
        question = await turns.answer(turn("¿Cuándo llegará mi pedido?", default_language="de"))

    assert [document["language"] for document in provider.documents] == ["de", "es"]
    assert (number.action, number.language, question.language) == ("reply", None, "es")


async def test_an_item_that_answers_is_in_a_language_that_the_customer_reads() -> None:
    """Nothing else is known: what follows is in the same one."""
    async with open_answerer(rows=(SPANISH,)) as turns:
        answer = await turns.answer(turn("RM-20"))

    assert (answer.action, answer.language) == ("reply", "es")


async def test_a_placeholder_says_nothing() -> None:
    """It was read as English, and its words as a wish for a human."""
    card = "[Contact: Talk to a human, please]"
    read = await Understanding().read(turn(card, card))
    both = await Understanding().read(turn(f"{card}\nTalk to a human, please", card))
    async with open_answerer(rows=(ROW,)) as turns:
        answer = await turns.answer(turn(card, card, language="de"))

    assert (read.human_requested, both.human_requested) == (0.0, 1.0)
    assert (answer.action, answer.reason, answer.language) == ("escalate", "out_of_scope", "de")


def test_what_the_customer_wrote_is_what_is_left_of_a_turn() -> None:
    """Between files and beside them; what they themselves put into brackets stays."""
    two = turn("[Image]\nIt broke\n[Image]\n[sic]", "[Image]", "[Image]")

    assert two.written == "It broke\n[sic]"
    assert turn("[Image]", "[Image]").written == ""
    assert turn("[Image]").written == "[Image]"


async def test_two_pictures_in_a_row_are_no_failed_replies() -> None:
    """Nobody repeats a question who sends two files."""
    recent = [
        {"sender_type": "user", "content": "[Image]", "is_placeholder": True},
        {"sender_type": "ai", "content": "What is it?"},
        {"sender_type": "user", "content": "[Image]", "is_placeholder": True},
    ]
    read = await Understanding().read(
        job(user_message="[Image]", context={"recent_messages": recent})
    )

    assert read.failed_replies == 0
