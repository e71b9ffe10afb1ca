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
    *weights, constant = _weights()["words" if item.similarity is None else "meaning"]
    score = sum(map(mul, weights, features_of(item, found, language))) + constant
    return 1 / (1 + math.exp(-score))


def likelihood_of(
    likely: Sequence[KnowledgeItem], found: Sequence[KnowledgeItem], language: str | None
) -> float:
    """Return the probability that one of `likely`, of all `found`, answers the question."""
    kind = "words" if likely[0].similarity is None else "meaning"
    *weights, constant = _weights()[f"likely by {kind}"]
    score = sum(map(mul, weights, features_of_several(likely, found, language))) + constant
    return 1 / (1 + math.exp(-score))


def features_of_several(
    likely: Sequence[KnowledgeItem], found: Sequence[KnowledgeItem], language: str | None
) -> tuple[float, ...]:
    """Return what that probability is computed from: that they are alike counts for nothing."""
    best = likely[0]
    similarity = best.similarity or 0.0
    by_words = max(one.keyword_score for one in likely)
    return (
        similarity,
        similarity - min(_similarities(found), default=similarity),
        by_words,
        float(language is not None and not is_same_language(best.language, language)),
    )


def features_of(
    item: KnowledgeItem, found: Sequence[KnowledgeItem], language: str | None
) -> tuple[float, ...]:
    """Return what the probability is computed from.

    An item is compared with others of its language: its translations are no rivals.
    """
    rivals = [one for one in found if one.language == item.language and one.id != item.id]
    similarity = item.similarity or 0.0
    likeness = _similarities(rivals) or [min(_similarities(found), default=similarity)]
    by_words = max((one.keyword_score for one in rivals), default=0.0)
    return (
        similarity,
        similarity - max(likeness),
        similarity - min(likeness),  # what the base has for any question
        item.keyword_score,
        item.keyword_score - by_words,
        float(language is not None and not is_same_language(item.language, language)),
    )


def _similarities(items: Sequence[KnowledgeItem]) -> list[float]:
    return [one.similarity for one in items if one.similarity is not None]


@cache
def _weights() -> Mapping[str, Sequence[float]]:
    stored = files("romashka_worker").joinpath("confidence.json").read_text("utf-8")
    weights: Mapping[str, Sequence[float]] = json.loads(stored)["weights"]
    return weights
