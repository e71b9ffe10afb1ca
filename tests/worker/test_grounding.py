"""A model's reply says what stands somewhere, or is not sent; nothing else of it is ever seen."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from romashka_worker.grounding import Grounds, Ungrounded, grounded_text
from romashka_worker.grounding.grounds import grounds_of
from romashka_worker.job import Answer, Job
from romashka_worker.knowledge import KnowledgeItem
from romashka_worker.responders import Analysis, Draft
from romashka_worker.trace import Trace, tracing

from tests.worker.grounding_figures import measured
from tests.worker.provider import (
    Provider,
    analysis,
    answers,
    answers_after,
    beginning,
    ending,
    fails,
    hangs,
    open_provider,
    streams,
    token,
)
from tests.worker.turns import ROW, job, open_answerer

pytestmark = pytest.mark.asyncio(loop_scope="module")

ITEM = ROW | {
    "title": "Plans",
    "content": "It costs 19 € a month. It can be cancelled within 14 days. See plans.example.",
}
SETTINGS = {"min_confidence": 0.6, "grounding": True}
HONEST = "It costs 19 euros each month."
INVENTED = "It costs 29 euros each month."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Provider]:
    async with open_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.requests.clear()
    return running


class Screens:
    """What customers see of drafts, one after the other."""

    def __init__(self) -> None:
        self.drafts: list[str] = []
        self.has_words = asyncio.Event()

    @contextmanager
    def open(self, asked: Job) -> Iterator[Any]:
        self.drafts.append("")
        yield self._show

    def _show(self, text: str) -> None:
        self.drafts[-1] += text
        self.has_words.set()

    @property
    def shown(self) -> list[str]:
        return [draft for draft in self.drafts if draft]


async def answer(
    provider: Provider, screens: Screens | None = None, seconds: float = 20, **settings: Any
) -> Answer:
    screens = screens or Screens()
    async with open_answerer(provider, rows=(ITEM,), open_reply=screens.open) as turns:
        return await turns.answer(
            job(
                seconds,
                user_message="What is the price?",
                customer={"name": "Ada"},
                settings=SETTINGS | settings,
            )
        )


async def test_inventions_are_caught_and_honest_replies_are_let_through() -> None:
    """Who is told an invented price pays it; who is not answered for nothing waits for a human."""
    figures = measured()
    of_five = [figures[language] for language in ("en", "de", "es", "fr", "pt")]

    assert min(figure.invented for figure in of_five) >= 30
    assert min(figure.honest for figure in of_five) >= 25
    assert [reply for figure in figures.values() for reply in figure.stopped] == []
    assert [reply for figure in figures.values() for reply in figure.missed] == [
        "We could do Wednesday instead."  # the item says "every weekday"
    ]


async def test_a_reply_that_stands_somewhere_is_sent_as_it_was_written(provider: Provider) -> None:
    """Whatever is checked, not a space may be lost."""
    reply = f"Hello!\n\n{HONEST}  You have two weeks to cancel it.\n- See https://plans.example\n"
    provider.will(answers(analysis(reply=reply)))
    screens = Screens()
    found = await answer(provider, screens)

    assert found.text == reply.strip()
    assert screens.shown == [found.text]
    assert len(provider.requests) == 1


async def test_a_sentence_is_shown_once_it_is_checked_while_the_next_is_written(
    provider: Provider,
) -> None:
    """A reply that is only seen when it is whole is seen seconds later."""
    goes_on, screens = asyncio.Event(), Screens()
    provider.will(streams(token(beginning(f"{HONEST} It")), goes_on, token(' ends."}'), *ending()))
    task = asyncio.create_task(answer(provider, screens))
    await screens.has_words.wait()

    assert screens.drafts == [HONEST]
    goes_on.set()
    assert (await task).text == f"{HONEST} It ends."


@pytest.mark.parametrize(
    ("reply", "sent"),
    [
        (f"{HONEST} It includes 5 GB. Is that enough?", HONEST),
        (
            f"{HONEST}\nIt includes 5 GB. That is a lot.\nSee plans.example.",
            f"{HONEST}\nSee plans.example.",
        ),
        (
            f"{HONEST} It includes 5 GB. That is a lot.\nSee plans.example.",
            f"{HONEST}\nSee plans.example.",
        ),
        (f"{HONEST}\nIn it:\n\n- 5 GB\n\nSee plans.example.", f"{HONEST}\n\nSee plans.example."),
        (f"{HONEST}\n\nWhat is in it:\n- 5 GB\n- 300 minutes", HONEST),
        (f"{HONEST} Dr. Miller knows more.", HONEST),
    ],
)
async def test_a_sentence_that_stands_nowhere_is_held_back_with_what_may_speak_of_it(
    provider: Provider, reply: str, sent: str
) -> None:
    """ "That is a lot" would be said of the sentence before it."""
    provider.will(answers(analysis(reply=reply)))
    screens = Screens()
    found = await answer(provider, screens)

    assert found.text == sent
    assert screens.shown == [found.text]
    assert len(provider.requests) == 1


@pytest.mark.parametrize("begins", ["", "Hello Ada! ", "Good question. Here it is:\n"])
async def test_a_reply_that_begins_with_an_invention_is_asked_for_once_more(
    provider: Provider, begins: str
) -> None:
    """Its author is told what stood nowhere; the greeting of the first one was not shown either."""
    provider.will(
        streams(token(beginning(f"{begins}{INVENTED} And")), None),  # nobody waits for the rest
        answers(analysis(reply=HONEST)),
    )
    screens = Screens()
    found = await answer(provider, screens)

    assert (found.action, found.text) == ("reply", HONEST)
    assert screens.shown == [HONEST]
    first, second = provider.requests
    assert "unfounded" not in str(first)
    assert provider.documents[1]["unfounded"] == ["29 euros"]
    assert "unfounded: what you wrote" in second["messages"][0]["content"]


@pytest.mark.parametrize(
    "second",
    [
        answers(analysis(reply=INVENTED)),
        fails(401),
        answers("no answer"),
        answers(analysis(reply="")),
    ],
    ids=["invents again", "fails", "is none", "is empty"],
)
async def test_what_stands_nowhere_twice_is_a_humans(provider: Provider, second: Any) -> None:
    """No article in its place either: the model did not think that one answers."""
    provider.will(answers(analysis(reply=f"Hi! {INVENTED}")), second)
    screens = Screens()
    before = REGISTRY.get_sample_value("romashka_ungrounded_total", {"kind": "price"}) or 0
    asked = job(user_message="What is the price?", settings=SETTINGS)
    with tracing(Trace(asked)) as trace:
        async with open_answerer(provider, rows=(ITEM,), open_reply=screens.open) as turns:
            found = await turns.answer(asked)

    assert (found.action, found.reason, found.text) == ("escalate", "ungrounded", None)
    assert screens.shown == []
    assert trace.record()["ungrounded"] == {"price": 1}
    after = REGISTRY.get_sample_value("romashka_ungrounded_total", {"kind": "price"}) or 0
    assert after > before


async def test_a_question_of_a_models_is_held_to_the_same(provider: Provider) -> None:
    """What it asks which is meant of may be as made up; what it offers is the articles' own."""
    other = ITEM | {"id": "item-2", "title": "Phones", "content": "A phone costs 99 € once."}
    unsure = {"confidence": 0.3, "needs_clarification": True, "sources": ["K1", "K2"]}
    provider.will(
        answers(analysis(reply="The plan for 29 €, or a phone?", **unsure)),
        answers(analysis(reply="The plan, or a phone?", **unsure)),
    )
    screens = Screens()
    asked = job(user_message="What is the price?", settings=SETTINGS | {"min_choice_confidence": 0})
    async with open_answerer(provider, rows=(ITEM, other), open_reply=screens.open) as turns:
        found = await turns.answer(asked)

    assert found.text == "The plan, or a phone?\n\n1. Plans\n2. Phones\n3. None of these"
    assert screens.shown == [found.text]
    assert [choice.item_id for choice in found.choices] == ["item-1", "item-2", None]


async def test_without_time_to_ask_again_what_can_be_sent_is(provider: Provider) -> None:
    """The rest of the reply is better than a human later; an invention is not."""
    slow = answers_after(1.1, analysis(reply=f"{INVENTED}\nYou can cancel within 14 days."))
    provider.will(slow)
    found = await answer(provider, seconds=2.2)

    assert found.text == "You can cancel within 14 days."
    provider.will(answers_after(1.1, analysis(reply=INVENTED)), hangs())
    found = await answer(provider, seconds=2.2)
    assert (found.action, found.reason) == ("escalate", "ungrounded")


async def test_a_team_may_switch_it_off_and_an_older_database_has_no_such_reason(
    provider: Provider,
) -> None:
    """A reason that a database does not know refuses the answers of a whole batch."""
    provider.will(answers(analysis(reply=INVENTED)))

    assert (await answer(provider, grounding=False)).text == INVENTED
    assert (await answer(provider, grounding=None)).text == INVENTED


async def test_a_quoted_item_needs_no_check(provider: Provider) -> None:
    """It is what the team has written."""
    provider.will(fails(401))

    assert (await answer(provider)).text == ITEM["content"]


async def test_a_reply_whose_sentence_does_not_end_is_given_up(provider: Provider) -> None:
    """A model in a loop would be listened to until the customer's time is over."""
    provider.will(streams(token(beginning("So on, ")), *[token("and on, " * 50)] * 20, None))

    assert (await answer(provider)).text == ITEM["content"]


def grounds(*said: tuple[str, str], **known: Any) -> Grounds:
    """Return what a reply may say after a conversation, with one item."""
    rows = [
        {"id": str(number), "sender_type": by, "content": text}
        for number, (by, text) in enumerate(said)
    ]
    item = KnowledgeItem("id", "Plans", "The plan costs 19 € a month.", "en", 0.9)
    draft = Draft(
        analysis=Analysis(confidence=1, language="en", knowledge_sources=("id",)),
        text=pieces(),
        written_from=(item,),
    )
    return grounds_of(job(context={"recent_messages": rows}, **known), draft)


async def pieces(*texts: str) -> AsyncIterator[str]:
    for text in texts:
        yield text


@pytest.mark.parametrize(
    ("known", "reply"),
    [
        (grounds(("user", "My order is 4711.")), "Is it about order 4711?"),
        (grounds(("agent", "It is 49 € with a phone.")), "With a phone it costs 49 €."),
        (grounds(("ai", "It has 20 GB.")), "As I said, it has 20 GB."),
        (grounds(customer={"name": "Zoë Marín"}), "That is up to you, Zoë."),
        (grounds(customer={"preferences": {"size": "42"}}), "You wear size 42, do you?"),
        (grounds(settings={"persona": "You work for Kvitka of Lviv."}), "We at Kvitka are glad."),
        (grounds(("agent", "I have cancelled your order.")), "I have cancelled your order."),
        (grounds(("agent", "We will refund you.")), "We will refund you."),
    ],
)
async def test_what_was_written_before_supports_a_reply(known: Grounds, reply: str) -> None:
    """A reply that repeats the customer's own order number invents nothing."""
    assert known.missing_from(reply) == ()
    assert grounds().missing_from(reply)


@pytest.mark.parametrize(
    "reply",
    ["We will refund you.", "I have cancelled your order.", "Sure, a colleague will call you."],
)
async def test_what_a_customer_wants_is_no_promise(reply: str) -> None:
    """Whoever asks "you will refund me, right?" is not promised it by that."""
    wanted = (
        "You will refund me and call me? You have cancelled my order? A colleague will call me?"
    )

    assert [fact.kind for fact in grounds(("user", wanted)).missing_from(reply)] == ["promise"]


@pytest.mark.parametrize(
    ("item", "reply", "is_promise"),
    [
        ("Write to us.", "Don't worry, we will refund you.", True),
        ("Write to us.", "It is late, unfortunately, but we will refund you.", True),
        ("Write to us.", "Unfortunately we will not refund you.", False),
        ("There are no refunds.", "We will refund you.", True),
        ("If it is not there in a week, we refund it.", "We will refund you.", False),
        ("Call us.", "We will call you.", True),
        ("We will call you back.", "Wir rufen Sie zurück.", False),
        ("We pay it back: money back at no cost.", "Wir erstatten Ihnen den Betrag.", False),
    ],
)
async def test_what_is_denied_is_not_promised(item: str, reply: str, is_promise: bool) -> None:
    """ "No refunds" speaks of refunds, too; "no problem" denies nothing."""
    known = Grounds(by_team=[item], language="en", is_told=False)

    assert [fact.kind for fact in known.missing_from(reply)] == ["promise"] * is_promise


async def test_addresses_of_a_profile_are_not_known() -> None:
    """They are not sent to the model: if it writes one, it has made it up."""
    known = grounds(customer={"name": "Ada", "email": "ada@example.com", "phone": "+4912345678"})

    assert known.missing_from("We write to ada@example.com.")
    assert known.missing_from("We call +4912345678.")


@pytest.mark.parametrize(
    "text", ["1 " * 9000, "a." * 9000, "a@" * 9000, "wir " * 5000, "x" * 20_000]
)
async def test_no_text_takes_long_to_read(text: str) -> None:
    """A customer writes what they like; nobody else's turn waits for it."""
    began = time.process_time()
    grounds(("user", text)).missing_from(f"It costs 19 €. {text[:1500]}")

    assert time.process_time() - began < 5  # some hundred milliseconds are right


async def test_a_check_that_finds_nothing_left_says_so() -> None:
    """Reply and hand-over are decided where the time is known."""
    draft = Draft(
        analysis=Analysis(confidence=1, language="en"),
        text=pieces("It costs 2", "9 €. ", "Bye!"),
        written_from=(),
    )
    with pytest.raises(Ungrounded) as found:
        async for _ in grounded_text(draft, job(settings=SETTINGS), lambda: False):
            pass

    assert found.value.said == ("29 €",)
