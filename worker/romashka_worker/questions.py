"""The questions in a customer's message: there may be several, each with an answer of its own."""

import json
import re
import tomllib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

from romashka_worker.language import base_language
from romashka_worker.sentences import sentences
from romashka_worker.small_talk import hear

MAX_QUESTIONS = 4
"""So many are looked up; who asks more at once asks a human."""
_MIN_WORDS = 2
_MAX_NAME_CHARS = 200
_LONGEST = 2000
"""Characters: an essay is one question, whatever it asks."""
_MARK = re.compile(r"(?:[?？؟]|(?<=[\u0370-\u03ff]);)\W*\Z")  # noqa: RUF001 -- of other scripts
_STATES = re.compile(r"[.!！]\W*\Z")  # noqa: RUF001 -- of other scripts
_JAPANESE = re.compile(r"か[。．.\s]*\Z")  # noqa: RUF001 -- Japanese


def questions_in(text: str) -> tuple[str, ...]:
    """Return the questions that a message asks, each with what is stated before it.

    One, or none that is told from a statement: the message as it is.
    """
    if len(text) > _LONGEST:
        return (text,)
    asked: list[str] = []
    stated = ""
    for sentence in _parts(text):
        if _is_question(sentence):
            asked.append(f"{stated} {sentence}".strip())
            stated = ""
        elif hear(sentence) is None:
            stated = f"{stated} {sentence}".strip()
    if len(asked) < 2:
        return (text,)
    if stated:
        asked[-1] = f"{asked[-1]} {stated}"
    return tuple(asked)


def _parts(text: str) -> Iterator[str]:
    """Give the sentences of a text; one that asks two things is two."""
    for sentence in sentences(text):
        sentence, begin = " ".join(sentence.split()), 0
        if _begins_as_question().match(sentence):
            for join in _joins_questions().finditer(sentence):
                if _is_long(sentence[begin : join.start()]) and _is_long(sentence[join.end() :]):
                    yield sentence[begin : join.start()].strip(" ,")
                    begin = join.end()
        if sentence[begin:]:
            yield sentence[begin:]


def _is_long(part: str) -> bool:
    return len(part.split()) >= _MIN_WORDS


def _is_question(sentence: str) -> bool:
    if hear(sentence) is not None:
        return False  # "How are you?"
    if not any(map(str.isalpha, sentence)):
        return False
    if _MARK.search(sentence) or _JAPANESE.search(sentence):
        return True
    is_stated = _STATES.search(sentence) or not _is_long(sentence)
    return not is_stated and bool(_begins_as_question().match(sentence))


def name_of(question: str) -> str:
    """Return how a question is called when it is answered: its words, without what it states."""
    asked = [part.strip() for part in sentences(question) if _MARK.search(part)]
    name = asked[-1] if asked else question.strip()
    return name if len(name) <= _MAX_NAME_CHARS else f"{name[: _MAX_NAME_CHARS - 1].rstrip()}…"


async def naming(
    reply: AsyncIterator[str], questions: Sequence[str], language: str | None
) -> AsyncIterator[str]:
    """Give a reply, and below it which questions it leaves open."""
    async for piece in reply:
        yield piece
    texts = _texts()
    text = texts.get(base_language(language or "en"), texts["en"])
    yield "\n\n" + "\n".join([text, *(f"- {name_of(question)}" for question in questions)])


@cache
def _texts() -> Mapping[str, str]:
    stored = files("romashka_worker").joinpath("open_questions.json").read_text("utf-8")
    texts: Mapping[str, str] = json.loads(stored)
    return texts


@cache
def _begins_as_question() -> re.Pattern[str]:
    """Of a sentence, perhaps after "Hello," or "If it breaks,"."""
    begins = "|".join(f"(?:(?:{joins})\\s+)?(?:{begin})" for joins, begin in _known())
    return re.compile(rf"(?:.{{0,80}}?[,:]\s*)?\W*(?:{begins})\b", re.IGNORECASE)


@cache
def _joins_questions() -> re.Pattern[str]:
    joined = "|".join(f"\\b(?:{joins})\\s+(?=\\W*(?:{begin})\\b)" for joins, begin in _known())
    return re.compile(joined, re.IGNORECASE)


def _known() -> Iterator[tuple[str, str]]:
    """Give what joins two questions, and how one begins, in each language."""
    stored = files("romashka_worker").joinpath("questions.toml").read_text("utf-8")
    for words in tomllib.loads(stored).values():
        begins = words["asks"]
        if verbs := words.get("verbs"):
            subject = rf"\s+(?:{words['subject']})" if "subject" in words else ""
            begins = rf"(?:{begins}|(?:{verbs}){subject})"
        yield words["joins"], begins
