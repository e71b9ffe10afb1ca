"""The question which of a few articles is meant: what it offers, and what a customer chooses."""

import json
import re
import unicodedata
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
from romashka_worker.responders import ResponderError

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
_FIGURE = re.compile(r"第?(\d)(?:番目?|번째?|[个個号])?")
_NUMBER_SIGN = re.compile(r"\bno?\W{0,2}(?=\d)", re.IGNORECASE)
_NO_NUMBER = re.compile(r"[%$€£¥₽₹]|\ba second\b", re.IGNORECASE)
"""What is paid, and a moment, are no choice."""
_ASKS = re.compile("[?？؟]")  # noqa: RUF001 -- of other alphabets
_TELLING_CHARS = 4
"""Shorter words, of letters that the alphabet has, are in many labels."""
_LIST_ITEM = re.compile(r"\s*(?:\d{1,2}[.)]|[-*•])\s")


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
    by_name: dict[tuple[str, str], KnowledgeItem] = {}
    for item in (best, *found):
        if item.language == best.language and _title(item):
            by_name.setdefault((_title(item).casefold(), _first_line(item)), item)
    return tuple(by_name.values())[:MAX_LIKELY]


def choices_of(items: Sequence[KnowledgeItem], language: str | None) -> tuple[Choice, ...]:
    """Return what is offered: the items by their titles, and none of them."""
    titles = Counter(_title(item).casefold() for item in items)
    named = [
        Choice(
            _title(item) if titles[_title(item).casefold()] == 1 else _first_line(item),
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


def _title(item: KnowledgeItem) -> str:
    """Return what an item is called, in one line of a list; empty, if nothing of it can be read."""
    return " ".join(item.title.split())[:_MAX_LABEL_CHARS] or _beginning(item)


def _first_line(item: KnowledgeItem) -> str:
    return _beginning(item) or _title(item)


def _beginning(item: KnowledgeItem) -> str:
    """Return how an item begins, as far as one reads in a list."""
    line = " ".join(item.content.strip().partition("\n")[0].split())
    return line if len(line) <= _MAX_LINE_CHARS else f"{line[: _MAX_LINE_CHARS - 1].rstrip()}…"


async def asking(
    question: AsyncIterator[str] | None,
    choices: Sequence[Choice],
    language: str | None,
    max_chars: int,
) -> AsyncIterator[str]:
    """Give the text of a question: a model's own words, or else ours, and the numbered choices.

    It is given as a whole: without all of its lines a question offers what nobody can read.

    Raises:
        ResponderError: when it is read: there is no room for it.
    """
    own = "".join([piece async for piece in question]) if question else ""
    lines = "\n".join(f"{number}. {choice.label}" for number, choice in enumerate(choices, 1))
    for words in (_in_one_paragraph(own), _texts(language)["question"]):
        if words and len(text := f"{words}\n\n{lines}") <= max_chars:
            yield text
            return
    raise ResponderError("the question is longer than a message may be")


def _in_one_paragraph(text: str) -> str:
    """Return a model's question without a list of its own: screens show what is above ours."""
    lines = (line.strip() for line in text.splitlines() if not _LIST_ITEM.match(line))
    return " ".join(filter(None, lines))


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


def said_beside(question: Question, choice: Choice, text: str) -> str:
    """Return the lines of a text that do not name the choice."""
    return "\n".join(line for line in text.splitlines() if _named(question, line) != choice)


def _named(question: Question, text: str) -> Choice | None:
    """Return the choice of a number, a label or a part of it that no other label has.

    What comes below is a mail's greeting, unless it asks something or names another number.
    """
    first, _, rest = text.strip().partition("\n")
    choices, said = question.choices, _words(first)
    numbers = {number for line in (first, *rest.splitlines()) if (number := _number(line))}
    if _ASKS.search(rest) or len(numbers) > 1:
        return None
    if " ".join(said) in _nothing():
        return next((choice for choice in choices if choice.item_id is None), None)
    same = [
        choice
        for number, choice in enumerate(choices, 1)
        if said in (_words(choice.label), [str(number), *_words(choice.label)])
    ]
    if len(same) == 1 and not "".join(said).isdecimal():
        return same[0]
    if number := _number(first):
        return choices[number - 1] if number <= len(choices) else None
    parts = [choice for choice in choices if choice.item_id and _is_part(said, choice.label)]
    return parts[0] if len(parts) == 1 else None


def _number(line: str) -> int | None:
    """Return the one number that a line names, if it says nothing else."""
    said, beside = {*_words(_NUMBER_SIGN.sub("", line))}, _beside_numbers()
    values = {word: value for word in said if (value := _value(word))}
    if _NO_NUMBER.search(line) or not said <= values.keys() | beside:
        return None
    plain = {value for word, value in values.items() if word not in beside}  # "the second one"
    numbers = plain or {*values.values()}
    return numbers.pop() if len(numbers) == 1 else None


def _value(word: str) -> int | None:
    figure = _FIGURE.fullmatch(word)
    return int(figure[1]) if figure else _numbers().get(word)


def _is_part(said: Sequence[str], label: str) -> bool:
    """Are these words of a label that tell it? The first word of a question does not: "When?"."""
    words = _words(label)[bool(_ASKS.search(label)) :]
    is_telling = any(len(word) >= _TELLING_CHARS or not word.isascii() for word in said)
    return is_telling and {*said} <= {*words}


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
    """Return a text's words, without accents: many type none."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return re.findall(r"\w+", "".join(each for each in letters if not unicodedata.combining(each)))


@cache
def _numbers() -> Mapping[str, int]:
    listed = enumerate(_stored()["numbers"], 1)
    return {word: number for number, words in listed for word in _words(words)}


@cache
def _beside_numbers() -> frozenset[str]:
    return frozenset(_words(_stored()["beside_numbers"]))


@cache
def _nothing() -> frozenset[str]:
    return frozenset(" ".join(_words(phrase)) for phrase in _stored()["nothing"])


def _texts(language: str | None) -> Mapping[str, str]:
    texts: Mapping[str, Mapping[str, str]] = _stored()["texts"]
    return texts.get(base_language(language or "en"), texts["en"])


@cache
def _stored() -> Mapping[str, Any]:
    """Return the texts by language, and words of many: for each number, beside one, for none."""
    stored: Mapping[str, Any] = json.loads(
        files("romashka_worker").joinpath("choices.json").read_text("utf-8")
    )
    return stored
