"""How sure one may be that what was found answers the question: trained by worker/training."""

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from operator import mul

from romashka_worker.knowledge import KnowledgeItem
from romashka_worker.language import is_same_language


def confidence_in(
    item: KnowledgeItem, found: Sequence[KnowledgeItem], language: str | None
) -> float:
    """Return the probability that `item`, of all `found`, answers a question in `language`."""
    *weights, constant = _weights()[_kind(item)]
    score = sum(map(mul, weights, features_of(item, found, language))) + constant
    return 1 / (1 + math.exp(-score))


def likelihood_of(
    likely: Sequence[KnowledgeItem], found: Sequence[KnowledgeItem], language: str | None
) -> float:
    """Return the probability that one of `likely`, of all `found`, answers the question."""
    *weights, constant = _weights()[f"likely by {_kind(likely[0])}"]
    score = sum(map(mul, weights, features_of_several(likely, found, language))) + constant
    return 1 / (1 + math.exp(-score))


def features_of_several(
    likely: Sequence[KnowledgeItem], found: Sequence[KnowledgeItem], language: str | None
) -> tuple[float, ...]:
    """Return what that probability is computed from: that they are alike counts for nothing."""
    best = likely[0]
    similarity = best.similarity or 0.0
    by_words = max(one.keyword_score for one in likely)
    of_any = _likenesses(found) or [0.0]
    return (
        similarity,
        similarity - min(_similarities(found), default=similarity),
        by_words,
        float(language is not None and not is_same_language(best.language, language)),
        max(_likenesses(likely), default=0.0) - sum(of_any) / len(of_any),
    )


def features_of(
    item: KnowledgeItem, found: Sequence[KnowledgeItem], language: str | None
) -> tuple[float, ...]:
    """Return what the probability is computed from.

    An item is compared with others of its language: its translations are no rivals.
    """
    rivals = [one for one in found if one.language == item.language and one.id != item.id]
    similarity = item.similarity or 0.0
    similarities = _similarities(rivals) or [min(_similarities(found), default=similarity)]
    by_words = max((one.keyword_score for one in rivals), default=0.0)
    likeness = item.likeness or 0.0
    return (
        similarity,
        similarity - max(similarities),
        similarity - min(similarities),  # what the base has for any question
        item.keyword_score,
        item.keyword_score - by_words,
        float(language is not None and not is_same_language(item.language, language)),
        likeness
        - max(
            _likenesses(rivals), default=likeness
        ),  # another model, trained otherwise, errs elsewhere
    )


def _kind(item: KnowledgeItem) -> str:
    """Return which weights an item is judged by: what is known of it tells."""
    if item.similarity is None:
        return "words"
    return "meaning" if item.likeness is None else "two meanings"


def _similarities(items: Sequence[KnowledgeItem]) -> list[float]:
    return [one.similarity for one in items if one.similarity is not None]


def _likenesses(items: Sequence[KnowledgeItem]) -> list[float]:
    return [one.likeness for one in items if one.likeness is not None]


@cache
def _weights() -> Mapping[str, Sequence[float]]:
    stored = files("romashka_worker").joinpath("confidence.json").read_text("utf-8")
    weights: Mapping[str, Sequence[float]] = json.loads(stored)["weights"]
    return weights
