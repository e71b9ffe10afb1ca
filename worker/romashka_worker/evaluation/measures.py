"""The figures of a report, and how sure one may be of them."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

_SURE = 1.96
"""Standard deviations: 95 % of a normal distribution."""
_RESAMPLES = 200

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value, with the interval that holds the true one in 95 of 100 cases."""

    value: float
    low: float
    high: float
    count: int
    """How many rows it is made of."""


def share(hits: Sequence[bool]) -> Figure | None:
    """Return the share of hits, with Wilson's interval; None of nothing."""
    count = len(hits)
    if not count:
        return None
    value = sum(hits) / count
    spread = _SURE**2 / count
    middle = (value + spread / 2) / (1 + spread)
    reach = math.sqrt(spread * (value * (1 - value) + spread / 4)) / (1 + spread)
    return Figure(value, max(0.0, middle - reach), min(1.0, middle + reach), count)


def resampled(items: Sequence[Item], measure: Callable[[Sequence[Item]], float]) -> Figure | None:
    """Return a measure with its bootstrap interval; None of nothing. The same each time."""
    if not items:
        return None
    chance = random.Random(0)  # noqa: S311 -- nothing depends on its being guessed
    values = sorted(measure(chance.choices(items, k=len(items))) for _ in range(_RESAMPLES))
    low, high = values[int(_RESAMPLES * 0.025)], values[int(_RESAMPLES * 0.975)]
    return Figure(measure(items), low, high, len(items))


Verdict = tuple[bool, bool]
"""What is true, and what was said."""


def precision(verdicts: Sequence[Verdict]) -> float:
    """Return which share of what was said to be is so."""
    said = [truth for truth, verdict in verdicts if verdict]
    return sum(said) / len(said) if said else 0.0


def recall(verdicts: Sequence[Verdict]) -> float:
    """Return which share of what is so was said to be."""
    true = [verdict for truth, verdict in verdicts if truth]
    return sum(true) / len(true) if true else 0.0


def f1(verdicts: Sequence[Verdict]) -> float:
    """Return the harmonic mean of precision and recall."""
    both = sum(truth and verdict for truth, verdict in verdicts)
    either = sum(truth + verdict for truth, verdict in verdicts)
    return 2 * both / either if either else 0.0


def macro_f1(labels: Sequence[tuple[str, str]]) -> float:
    """Return the mean F1 of all labels that occur."""
    names = {truth for truth, _ in labels}
    per_name = [f1([(truth == name, said == name) for truth, said in labels]) for name in names]
    return sum(per_name) / len(per_name) if per_name else 0.0


def auroc(scores: Sequence[tuple[bool, float]]) -> float:
    """Return how often a true one scores above a false one; a tie counts half."""
    ranked = sorted(scores, key=lambda score: score[1])
    positives = sum(truth for truth, _ in ranked)
    negatives = len(ranked) - positives
    if not positives or not negatives:
        return 0.5
    wins, below, at = 0.0, 0, 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][1] == ranked[at][1]:
            end += 1
        true_here = sum(truth for truth, _ in ranked[at:end])
        false_here = end - at - true_here
        wins += true_here * (below + false_here / 2)
        below, at = below + false_here, end
    return wins / (positives * negatives)


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value below which `part` of all lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0
