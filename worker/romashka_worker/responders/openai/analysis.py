"""The form of a model's answer: the schema that it is sent, and what is made of what it sends."""

import math
import re
from collections.abc import Mapping
from typing import Any, Final, get_args

from romashka_worker.job import Reason, Sentiment
from romashka_worker.responders import Analysis

_REASONS: Final = tuple(
    reason for reason in get_args(Reason) if reason not in ("ai_failure", "ungrounded")
)
_SENTIMENTS: Final[Mapping[str, Sentiment]] = {name: name for name in get_args(Sentiment)}

_MEMBERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "intent": {"type": "string", "description": "what the customer wants, in one to three words"},
    "sentiment": {"type": "string", "enum": list(_SENTIMENTS)},
    "language": {"type": "string", "description": "two-letter code of the language of message"},
    "sources": {"type": "array", "items": {"type": "string"}},
    "confidence": {"type": "number"},
    "needs_human": {"type": "boolean"},
    "needs_clarification": {"type": "boolean"},
    "open": {"type": "array", "items": {"type": "integer"}},
    "reason": {"type": "string", "enum": ["none", *_REASONS]},
    "reply": {"type": "string"},
}
SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": _MEMBERS,  # in the order in which they are written: the reply comes last
    "required": list(_MEMBERS),
    "additionalProperties": False,
}
_NOT_STORED = re.compile("[\x00\ud800-\udfff]")
NEEDED: Final = frozenset({"confidence", "needs_human"})
"""Without these an answer is none; the others help, but no human is called for lack of them."""


_INTENT_WORDS = 6
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_DECIMALS = 6
"""Of a confidence: with an exponent of many digits the database takes it for none."""


class MalformedAnswer(Exception):
    """The model's answer does not have the form that it was asked for."""


class Refused(MalformedAnswer):
    """The model, or a filter behind it, does not want to answer."""


def parse_analysis(
    members: Mapping[str, Any], labels: Mapping[str, str], language: str | None
) -> Analysis:
    """Return the analysis in a model's answer.

    Args:
        members: the answer's, the strings in full.
        labels: the ids of knowledge items by the labels that the model knows them by.
        language: the turn's, for an answer that names none.

    Raises:
        MalformedAnswer: what decides is missing.
    """
    needs_human = _boolean(members.get("needs_human"))
    reason = members.get("reason")
    return Analysis(
        confidence=_confidence(members.get("confidence")),
        needs_human=needs_human,
        reason=reason if needs_human and reason in _REASONS else None,
        intent=_intent(members.get("intent")),
        sentiment=_SENTIMENTS.get(str(members.get("sentiment")).lower()),
        language=_language(members.get("language")) or language,
        knowledge_sources=_sources(members.get("sources"), labels),
        open_questions=_open_questions(members.get("open")),
        needs_clarification=str(members.get("needs_clarification")).lower() == "true",
        has_judged=True,
    )


def storable(text: str) -> str:
    """Return `text` without what Postgres cannot store: NUL, and halves of characters."""
    return _NOT_STORED.sub("", text)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    known = _BOOLEANS.get(str(value).strip().lower())
    if known is None:
        raise MalformedAnswer("needs_human is not a boolean")
    return known


def _confidence(value: object) -> float:
    """Return a probability; models say 95 when they mean 0.95."""
    text = str(value).strip()
    try:
        number = float(text.removesuffix("%"))
    except ValueError as error:
        raise MalformedAnswer("confidence is not a number") from error
    if isinstance(value, bool) or not math.isfinite(number) or not 0 <= number <= 100:
        raise MalformedAnswer("confidence is not a probability")
    return round(number / 100 if number > 1 or text.endswith("%") else number, _DECIMALS)


def _intent(value: object) -> str | None:
    """Return a few words, as was asked: customers read them, and nothing longer is told them so."""
    intent = storable(str(value or "")).strip()[:100]
    return intent if 0 < len(intent.split()) <= _INTENT_WORDS else None


def _language(value: object) -> str | None:
    code = re.split("[-_]", str(value).lower())[0]
    return code if re.fullmatch("[a-z]{2,3}", code) else None


def _open_questions(value: object) -> tuple[int, ...]:
    numbers = re.findall(r"\d{1,3}", str(value)) if isinstance(value, list) else []
    return tuple(sorted({*map(int, numbers)}))


def _sources(value: object, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the ids of the items that were named; a model also names what it was not given."""
    named = re.findall(r"K\d+", str(value).upper()) if isinstance(value, list) else []
    return tuple(dict.fromkeys(labels[label] for label in named if label in labels))
