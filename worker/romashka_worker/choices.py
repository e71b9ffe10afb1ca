"""The question which of a few articles is meant: what it offers, and what a customer chooses."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from operator import mul
from typing import Any

from romashka_worker.embeddings import Embedder
from romashka_worker.embeddings.timely import embed_in_time
from romashka_worker.job import Choice, Job
from romashka_worker.knowledge import KnowledgeItem
from romashka_worker.language import base_language

MAX_LIKELY = 3
"""So many articles are offered."""
_LIKE = 0.9
_LIKER = 0.03
"""Cosine similarities: so near are words to the label that they mean, and so much nearer than to
any other."""
_MAX_WORDS = 12
"""More words than this are a question of their own."""
_EMBEDDING_SECONDS = 0.5
_MAX_LABEL_CHARS = 500
_MAX_LINE_CHARS = 100
_NUMBER = re.compile(
    r"\W*(?:(?:option|choice|number|no|nr|nummer|opci[oó]n|n[uú]mero|num[eé]ro|opzione|opção|номер|вариант)\b)?"
    r"\W*(\d)\W*",
    re.IGNORECASE,
)
_ASKS = re.compile("[?？؟]")  # noqa: RUF001 -- of other alphabets
_MAX_WORDS_OF_A_NUMBER = 4  # "the second one, please"
_TELLING_CHARS = 4
"""Shorter words, of letters that the alphabet has, are in many labels."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the AI has asked last, where the customer may be answering it now."""

    message_id: str
    topic: str
    """What the customer had wanted to know."""
    choices: tuple[Choice, ...]


def open_question(job: Job) -> Question | None:
    """Return the AI's question, if it is the last thing that anybody but the customer said."""
    rows = list(job.context.get("recent_messages") or ())
    last = max((at for at, row in enumerate(rows) if row["sender_type"] != "user"), default=-1)
    if last < 0 or not (offered := rows[last].get("choices")):
        return None
    topic: list[str] = []
    for row in reversed(rows[:last]):
        if row["sender_type"] != "user":
            break
        topic.insert(0, row["content"])
    choices = tuple(Choice(choice["label"], choice.get("item_id")) for choice in offered)
    return Question(rows[last]["id"], "\n".join(topic), choices)


def were_offered(job: Job) -> frozenset[str]:
    """Return the ids of what has been offered since a human of the team wrote."""
    offered: set[str] = set()
    for row in job.context.get("recent_messages") or ():
        if row["sender_type"] == "agent":
            offered.clear()
        offered.update(choice.get("item_id") or "" for choice in row.get("choices") or ())
    return frozenset(offered - {""})


def likely_items(found: Sequence[KnowledgeItem], best: KnowledgeItem) -> tuple[KnowledgeItem, ...]:
    """Return what may be offered, the best item first: of its language, and no two that look alike.

    Those that have one title are told apart by how they begin.
    """
    by_name = {(best.title.casefold(), _first_line(best)): best}
    for item in found:
        if item.language == best.language:
            by_name.setdefault((item.title.casefold(), _first_line(item)), item)
    return tuple(by_name.values())[:MAX_LIKELY]


def choices_of(items: Sequence[KnowledgeItem], language: str | None) -> tuple[Choice, ...]:
    """Return what is offered: the items by their titles, and none of them."""
    titles = Counter(item.title.casefold() for item in items)
    named = [
        Choice(
            item.title[:_MAX_LABEL_CHARS]
            if titles[item.title.casefold()] == 1
            else _first_line(item),
            item.id,
        )
        for item in items
    ]
    return (*named, Choice(_texts(language)["none"], None))


def button_text(language: str | None, none: str) -> str:
    """Return what is on the button that opens a list of choices; it says so in their language.

    `none` is the last choice: it tells the language, where the message does not.
    """
    languages = (name for name, texts in _stored()["texts"].items() if texts["none"] == none)
    buttons: Mapping[str, str] = _stored()["buttons"]
    return buttons.get(base_language(language or next(languages, "en")), buttons["en"])


def _first_line(item: KnowledgeItem) -> str:
    """Return how an item begins, as far as one reads in a list."""
    line = item.content.strip().partition("\n")[0].strip() or item.title
    return line if len(line) <= _MAX_LINE_CHARS else f"{line[: _MAX_LINE_CHARS - 1].rstrip()}…"


async def asking(
    question: AsyncIterator[str] | None, choices: Sequence[Choice], language: str | None
) -> AsyncIterator[str]:
    """Give the text of a question: a model's own words, or else ours, and the numbered choices."""
    if question is None:
        yield _texts(language)["question"]
    else:
        async for piece in question:
            yield piece
    lines = (f"{number}. {choice.label}" for number, choice in enumerate(choices, 1))
    yield "\n\n" + "\n".join(lines)


async def find_choice(question: Question, job: Job, embedder: Embedder | None) -> Choice | None:
    """Return what the customer chose: by a tap, a number, a label, or words like one label alone.

    None: they wrote something else.
    """
    return (
        _tapped(question, job)
        or _named(question, job.written)
        or await _meant(question, job.written, embedder)
    )


def _tapped(question: Question, job: Job) -> Choice | None:
    for row in job.context.get("recent_messages") or ():
        tap = row.get("choice") or {}
        if tap.get("message_id") == question.message_id and not tap.get("is_late"):
            number: int = tap["number"]
            return question.choices[number - 1]
    return None


def _named(question: Question, text: str) -> Choice | None:
    """Return the choice of a number, a label or a part of it that no other label has."""
    if number := _number(text):
        return question.choices[number - 1] if number <= len(question.choices) else None
    said = _words(text)
    same = [choice for choice in question.choices if _words(choice.label) == said]
    parts = [choice for choice in question.choices if _is_part(said, _words(choice.label))]
    found = same or parts
    return found[0] if len(found) == 1 else None


def _number(text: str) -> int | None:
    first, _, rest = text.strip().partition("\n")
    if (figure := _NUMBER.fullmatch(first)) and not _ASKS.search(rest):
        return int(figure[1])  # a mail ends with a greeting
    said = _words(text)
    numbers = [
        number for number, words in enumerate(_stored()["ordinals"], 1) if {*words} & {*said}
    ]
    return numbers[0] if len(numbers) == 1 and len(said) <= _MAX_WORDS_OF_A_NUMBER else None


def _is_part(said: Sequence[str], label: Sequence[str]) -> bool:
    is_telling = any(len(word) >= _TELLING_CHARS or not word.isascii() for word in said)
    return is_telling and {*said} <= {*label}


async def _meant(question: Question, text: str, embedder: Embedder | None) -> Choice | None:
    """Return the choice whose label means what the text does."""
    if embedder is None or not 0 < len(_words(text)) <= _MAX_WORDS:
        return None
    vectors = []
    for said in (text, *(choice.label for choice in question.choices)):
        embedding = await embed_in_time(embedder, said, _EMBEDDING_SECONDS)
        if embedding is None:
            return None
        vectors.append(embedding.vector)
    meant, *labels = vectors
    likeness = [sum(map(mul, meant, label)) for label in labels]
    first, second = sorted(likeness, reverse=True)[:2]
    if first < _LIKE or first - second < _LIKER:
        return None
    return question.choices[likeness.index(first)]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _texts(language: str | None) -> Mapping[str, str]:
    texts: Mapping[str, Mapping[str, str]] = _stored()["texts"]
    return texts.get(base_language(language or "en"), texts["en"])


@cache
def _stored() -> Mapping[str, Any]:
    """Return the texts by language, and the ordinals of many: a list for each number."""
    stored: Mapping[str, Any] = json.loads(
        files("romashka_worker").joinpath("choices.json").read_text("utf-8")
    )
    return stored
