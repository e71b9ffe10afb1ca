"""Several questions in one message: told apart, each answered or named as open, in one reply."""

from typing import Any

import pytest
from romashka import AsyncRomashka
from romashka_worker.job import Answer, Job
from romashka_worker.questions import MAX_QUESTIONS, name_of, questions_in

from tests.support.customers import customer_of, new_identifier
from tests.support.stacks import RunningStack
from tests.worker.provider import Provider, analysis, answers, open_provider
from tests.worker.test_choices import knowing
from tests.worker.turns import ROW, job, open_answerer
from tests.worker.worker_process import run_worker

# ruff: noqa: RUF001 -- letters of other alphabets are meant
TWO = "How long does delivery take? Do you repair old lamps?"


@pytest.mark.parametrize(
    ("text", "questions"),
    [
        (TWO, ["How long does delivery take?", "Do you repair old lamps?"]),
        ("Hi! Where are you? And when do you open?", ["Where are you?", "And when do you open?"]),
        (
            "I bought a lamp. It is too big. Can I return it? How long does that take?",
            ["I bought a lamp. It is too big. Can I return it?", "How long does that take?"],
        ),
        ("how do i pay\nhow much is it", ["how do i pay", "how much is it"]),
        ("How do I pay and how much is it?", ["How do I pay", "how much is it?"]),
        ("Hi, can I return it and is it free?", ["Hi, can I return it", "is it free?"]),
        ("Was kostet das und kann ich bar zahlen?", ["Was kostet das", "kann ich bar zahlen?"]),
        ("¿Cuánto cuesta y cuándo llega?", ["¿Cuánto cuesta", "cuándo llega?"]),
        ("¿Dónde están? ¿Hay aparcamiento?", ["¿Dónde están?", "¿Hay aparcamiento?"]),
        ("C'est combien ? Et vous livrez ici ?", ["C'est combien ?", "Et vous livrez ici ?"]),
        ("Quanto custa e como posso pagar?", ["Quanto custa", "como posso pagar?"]),
        ("Сколько стоит и как оплатить?", ["Сколько стоит", "как оплатить?"]),
        ("いくらですか？駐車場はありますか？", ["いくらですか？", "駐車場はありますか？"]),
        ("予約できますか。駐車場はありますか。", ["予約できますか。", "駐車場はありますか。"]),
        ("多少钱？可以退货吗？", ["多少钱？", "可以退货吗？"]),
    ],
)  # fmt: skip
def test_several_questions_are_told_apart(text: str, questions: list[str]) -> None:
    """With what is stated before each; a greeting is none of them."""
    assert list(questions_in(text)) == questions


@pytest.mark.parametrize(
    "text",
    [
        "How long does delivery take?",
        "Hello, how are you? How long does delivery take?",
        "I bought a lamp and it is broken. What can I do?",
        "Can I pay with a card and a voucher?",
        "How do I return a lamp and a bulb?",
        "How do I know when and how to pay?",
        "I want to know what it costs and how long it takes.",
        "When I press the button nothing happens\nthe light stays off",
        "What a mess! The lamp is broken.",
        "Wo ist mein Paket? Danke!",
        "Ich komme an und was dann geschieht, weiß ich nicht.",
        "Is it you? 😊?",
        "first = 1;\nsecond = 2;",
        "Why is that? " * 200,
        "Can I do this and" + " " * 1900 + "that?",
        "???",
        "",
        "https://example.com/?a=1 does not open",
    ],
)
def test_one_question_stays_one(text: str) -> None:
    """What is no question of its own is searched with the rest."""
    assert questions_in(text) == (text,)


def test_a_question_is_named_by_its_own_words() -> None:
    assert name_of("I bought a lamp. Can I return it? It is big.") == "Can I return it?"
    assert name_of("how much is it") == "how much is it"
    assert len(name_of("so " * 200 + "why?")) <= 200


def turn(text: str, **changes: Any) -> Job:
    rows = [{"id": "turn", "sender_type": "user", "content": text}]
    return job(user_message=text, context={"recent_messages": rows} | changes)


async def ask_model(provider: Provider, text: str = TWO, **changes: Any) -> Answer:
    provider.will(answers(analysis(**changes)))
    async with open_answerer(provider, rows=(ROW,)) as turns:
        return await turns.answer(turn(text))


async def test_a_model_answers_each_or_says_which_it_cannot() -> None:
    """What it leaves open the customer reads beside the reply, and a human gets."""
    async with open_provider() as provider:
        both = await ask_model(provider)
        one = await ask_model(provider, open=[2])
        [document] = provider.documents[-1:]

    assert document["questions"] == ["How long does delivery take?", "Do you repair old lamps?"]
    assert (both.action, both.text, both.asked) == ("reply", "It is an inbox.", None)
    assert (one.action, one.reason) == ("escalate", "low_confidence")
    assert one.asked == "Do you repair old lamps?"
    assert one.text == (
        "It is an inbox.\n\nI could not find an answer to:\n- Do you repair old lamps?"
    )


@pytest.mark.parametrize("numbers", [[1, 2], ["1", "2"], [2, 1, 7]])
async def test_a_reply_to_nothing_is_none(numbers: list[Any]) -> None:
    """A model that answers no question has nothing to say."""
    async with open_provider() as provider:
        answer = await ask_model(provider, open=numbers)

    assert (answer.action, answer.text) == ("escalate", None)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [(TWO, []), (TWO, None), (TWO, "2"), (TWO, [0, 3, 99]), ("How long does it take?", [1])],
)
async def test_an_open_question_that_is_none_is_not_named(text: str, numbers: Any) -> None:
    async with open_provider() as provider:
        answer = await ask_model(provider, text, open=numbers)

    assert (answer.action, answer.text) == ("reply", "It is an inbox.")


async def test_who_waits_for_a_human_is_told_what_can_be_told() -> None:
    """A second hand-over would be silence: the answer would not be sent."""
    async with open_provider() as provider, open_answerer(provider) as turns:
        provider.will(answers(analysis(open=[2])))
        answer = await turns.answer(turn(TWO, requires_human=True))

    assert (answer.action, answer.asked) == ("reply", None)
    assert (answer.text or "").endswith("- Do you repair old lamps?")


async def test_who_asks_a_dozen_things_is_answered_some() -> None:
    """A turn searches for a few; whoever reads the rest is told which that is."""
    many = " ".join(f"Is number {number} free?" for number in "abcdefgh")
    async with open_answerer(rows=(ROW,)) as turns:
        answer = await turns.answer(turn(many))

    assert len(questions_in(many)) == 8
    assert answer.action == "escalate"
    assert len((answer.asked or "").splitlines()) == 8 - MAX_QUESTIONS


ARTICLES = (
    {"title": "Zeppelin tours", "content": "A zeppelin tour takes an hour."},
    {"title": "Zeppelin pilots", "content": "Pilots are trained for two years."},
)


async def test_one_message_answers_names_and_hands_over(stack: RunningStack) -> None:
    """The customer reads what is known and that somebody comes; the team, what is left to do."""
    async with (
        AsyncRomashka.connect(stack.api_url, stack.service_role_key) as service,
        knowing(service, *ARTICLES),
        run_worker(stack),
        customer_of(stack) as customer,
    ):
        conversation = await customer.conversations.create(new_identifier())
        both = await conversation.ask(
            "Zeppelin tours? How are zeppelin pilots trained?", timeout_seconds=60
        )
        half = await conversation.ask(
            "What of zeppelin tours? May quokkas juggle?", timeout_seconds=60
        )
        again = await conversation.ask(
            "What of zeppelin pilots? May quokkas juggle?", timeout_seconds=60
        )

    assert both.content == (
        "Zeppelin tours?\nA zeppelin tour takes an hour.\n\n"
        "How are zeppelin pilots trained?\nPilots are trained for two years."
    )
    assert both.kind == "reply"
    answer, named, somebody_comes = half.content.split("\n\n")
    assert answer == "A zeppelin tour takes an hour."
    assert named == "I could not find an answer to:\n- May quokkas juggle?"
    assert somebody_comes
    assert half.kind == "handover"
    assert half.metadata["asked"] == "May quokkas juggle?"
    assert again.metadata["while_waiting"] is True
    assert again.content.startswith("Pilots are trained for two years.")
