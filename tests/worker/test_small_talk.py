"""Small talk is heard and answered from the settings, and asks for nobody."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from romashka_worker.embeddings.local import LocalEmbedder, is_installed
from romashka_worker.job import Job
from romashka_worker.small_talk import Heard, hear

from tests.worker.provider import open_provider
from tests.worker.turns import job, open_answerer

# ruff: noqa: RUF001 -- letters of other alphabets are meant
WRITTEN = tomllib.loads(Path(__file__).with_name("small_talk.toml").read_text("utf-8"))
REPLY = {"sender_type": "ai", "content": "Romashka is an inbox."}


def turn(
    text: str, *said: dict[str, Any], context: dict[str, Any] | None = None, **settings: Any
) -> Job:
    """Return a turn after what was said before it."""
    recent = [*said, {"sender_type": "user", "content": text}]
    return job(
        user_message=text,
        context={"recent_messages": recent, **(context or {})},
        settings={"min_confidence": 0.6, "answers_acknowledgements": False, **settings},
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Hi", "greeting"),
        ("HELLOOO!!!", "greeting"),
        ("👋", "greeting"),
        ("Grüß Gott", "greeting"),
        ("gruss gott", "greeting"),
        ("こんにちは", "greeting"),
        ("สวัสดีครับ", "greeting"),
        ("hi, are you a bot?", "is_bot"),
        ("Wer bist du?", "who_are_you"),
        ("ok thanks bye", "goodbye"),
        ("okthanks", "thanks"),
        ("tesekkurler", "thanks"),
        ("спасибо!!", "thanks"),
        ("谢谢你", "thanks"),
        ("thanks 😊 :)", "thanks"),
        ("Ok.", "acknowledgement"),
        ("No", "acknowledgement"),
        ("Tak", "acknowledgement"),
        ("你好呀", "greeting"),
        ("hahahah", "acknowledgement"),
        ("jajaja", "acknowledgement"),
        ("ㅋㅋㅋ", "acknowledgement"),
        ("5555", "acknowledgement"),
        ("wwww", "acknowledgement"),
        ("😂😂", "acknowledgement"),
        ("👍🏽", "acknowledgement"),
        (";-)", "acknowledgement"),
        ("Hi, how long does it take?", None),
        ("thanks, but it still does not work", None),
        ("are you a human? I want one", None),
        ("thanks\nand how do I pay?", None),
        ("ok 2", None),
        ("2", None),
        ("?", None),
        ("👎", None),
        ("thanks 😡", None),
        ("❓", None),
        ("...", None),
        ("", None),
        ("refund", None),
        ("no good", None),
        ("not yet", None),  # no, ty, et
        ("aiuto", None),  # ai, u, to
        ("不明白", None),
        ("very", None),
        ("https://thanks.example", None),
        ("hello " * 30, None),
    ],
)
def test_known_phrases_are_heard_without_embeddings(text: str, kind: str | None) -> None:
    """ "hi" was handed over, and "thanks!" silenced what was asked next."""
    heard = hear(text)

    assert (heard and heard.kind) == kind


@pytest.mark.skipif(not is_installed(), reason="the extra `embeddings` is not there")
async def test_it_is_heard_in_twelve_languages_and_questions_are_not_taken_for_it() -> None:
    """At least .95 of it, and none of the questions that begin or look like it."""
    missed: list[str] = []
    mistaken: list[str] = []
    count = 0
    with LocalEmbedder() as embedder:
        for kinds in WRITTEN.values():
            for kind, texts in kinds.items():
                for text in texts:
                    heard = hear(text, await embedder.embed_question(text))
                    if kind == "none":
                        mistaken += [text] * (heard is not None)
                    else:
                        count += 1
                        missed += [text] * (heard is None)

    assert len(WRITTEN) == 12
    assert len(missed) <= 0.05 * count, missed
    assert len(mistaken) <= 1, mistaken


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("Hi", "Hello! How can I help you?"),
        ("Guten Morgen", "Hallo! Wobei kann ich helfen?"),
        ("Hola", "¡Hola! ¿En qué puedo ayudarle?"),
        ("再见", "再见！"),
        ("Merci", "Avec plaisir !"),
        ("Sen bir bot musun?", "Ben otomatik bir asistanım, insan değilim."
         " Bir insanla görüşmek isterseniz söylemeniz yeterli."),
        ("Jambo", "Hello! How can I help you?"),
        ("ok", "Hello! How can I help you?"),
        ("👍", "Hello! How can I help you?"),
    ],
)  # fmt: skip
async def test_it_is_answered_in_its_language_without_a_model(text: str, reply: str) -> None:
    """Nobody is asked for: neither the knowledge base nor a human knows more."""
    async with open_answerer() as turns:
        answer = await turns.answer(turn(text))

    assert (answer.action, answer.text, answer.knowledge_sources) == ("reply", reply, ())


async def test_no_model_is_asked() -> None:
    async with open_provider() as provider, open_answerer(provider) as turns:
        answer = await turns.answer(turn("Hello there"))

    assert answer.action == "reply"
    assert provider.documents == []


@pytest.mark.parametrize(
    ("context", "reply"),
    [
        ({"language": "de"}, "Hallo!"),
        ({"default_language": "nl"}, "Hallo!"),
        ({"language": "fr"}, "Bonjour"),
        ({}, "Hello!"),
    ],
)
async def test_it_is_answered_in_the_language_that_is_known(
    context: dict[str, Any], reply: str
) -> None:
    """ "Hi" is said in many, an emoji in all."""
    async with open_answerer() as turns:
        answer = await turns.answer(turn("👋", context=context))

    assert (answer.text or "").startswith(reply)


async def test_the_teams_own_words_come_first() -> None:
    own = {"greeting": {"en": "Welcome to Acme!"}, "thanks": "no object"}
    async with open_answerer() as turns:
        hi = await turns.answer(turn("Hi", small_talk_texts=own))
        hallo = await turns.answer(turn("Guten Tag", small_talk_texts=own))
        thanks = await turns.answer(turn("Thanks", small_talk_texts=own))

    assert hi.text == "Welcome to Acme!"
    assert hallo.text == "Hallo! Wobei kann ich helfen?"
    assert thanks.text == "You are welcome!"


@pytest.mark.parametrize("text", ["ok", "thanks!", "👍", "haha", "Vielen Dank", "谢谢", "ok thx"])
async def test_an_acknowledgement_after_an_answer_is_answered_by_setting_only(text: str) -> None:
    """A reply to each "ok" calls for the next one."""
    async with open_answerer() as turns:
        silent = await turns.answer(turn(text, REPLY))
        polite = await turns.answer(turn(text, REPLY, answers_acknowledgements=True))

        older = await turns.answer(
            job(user_message=text, context={"recent_messages": [REPLY]}, settings={})
        )

    assert (silent.action, silent.text, silent.reason) == ("none", None, None)
    assert polite.action == "reply"
    assert older.action == "reply", "a database that has no such setting refuses `none`"


@pytest.mark.parametrize(
    ("text", "question", "action"),
    [
        ("yes", "Do you want to know more?", "escalate"),
        ("ok", "¿Quiere saber más?", "escalate"),
        ("好的", "您想了解更多吗？", "escalate"),
        ("thanks", "Do you want to know more?", "none"),
        ("ok", "Hello! How can I help you?", "none"),
    ],
)
async def test_yes_to_a_question_is_its_answer(text: str, question: str, action: str) -> None:
    """Whoever asked goes on with it; without a model that is a human."""
    async with open_answerer(rows=()) as turns:
        answer = await turns.answer(turn(text, {"sender_type": "ai", "content": question}))

    assert answer.action == action


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("ok", "none"),
        ("thanks", "none"),
        ("bye", "none"),
        ("are you a bot?", "reply"),
        ("hello?", "escalate"),
    ],
)
async def test_who_waits_for_a_human_is_not_chatted_to(text: str, action: str) -> None:
    """ "How can I help you?" is no word to somebody who waits."""
    handover = {"sender_type": "ai", "content": "A human will come.", "kind": "handover"}
    async with open_answerer(rows=()) as turns:
        answer = await turns.answer(
            turn(text, handover, context={"requires_human": True}, answers_acknowledgements=True)
        )

    assert answer.action == action


async def test_a_file_is_looked_at_whatever_is_said_with_it() -> None:
    """ "thanks" with a photo of what is broken: it is not politeness alone."""
    photo = {"sender_type": "user", "content": "[Image]", "is_placeholder": True}
    told = job(user_message="Hi\n[Image]", context={"recent_messages": [photo]})
    async with open_answerer(rows=()) as turns:
        answer = await turns.answer(told)

    assert answer.action == "escalate"


@pytest.mark.parametrize("text", ["Hello", "hi", "thanks!"])
async def test_said_again_and_again_it_is_no_repeated_failure(text: str) -> None:
    again = [{"sender_type": "user", "content": text}, {"sender_type": "ai", "content": "Hello!"}]
    async with open_answerer() as turns:
        answer = await turns.answer(turn(text, *again, *again, *again, max_failed_replies=2))

    assert answer.action in ("reply", "none")


async def test_a_rule_is_stronger_than_what_only_feels_like_small_talk() -> None:
    """Who wants a human gets one, however politely they ask."""
    async with open_answerer() as turns:
        answer = await turns.answer(turn("Hi! I want to talk to a human, thanks"))

    assert (answer.action, answer.reason) == ("escalate", "human_requested")


def test_phrases_say_in_which_languages_they_are_said() -> None:
    assert hear("Bonjour") == Heard("greeting", ("fr",))
    assert (heard := hear("Hola, gracias"))
    assert heard.languages[0] == "es"
