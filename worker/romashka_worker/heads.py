"""What embeddings say of a message: linear heads, trained by worker/training."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from operator import mul
from typing import cast

from romashka_worker.embeddings import Vector
from romashka_worker.job import Sentiment

Weights = Mapping[str, Sequence[float]]
"""Of each class: one number for each of the vector's, and one more."""


@dataclass(frozen=True, slots=True)
class Heads:
    """Three classifiers on the vectors of one model."""

    model: str
    topics: Weights
    sentiments: Weights
    asks_about: Sequence[float]

    def can_read(self, model: str) -> bool:
        """Are these the vectors that they were trained on, or those of another copy?"""
        return self.model in model

    def read_topics(self, vector: Vector) -> dict[str, float]:
        """Return how probable each topic is; together they make 1."""
        return softmax(self.topics, vector)

    def read_sentiments(self, vector: Vector) -> dict[Sentiment, float]:
        """Return how probable each sentiment is; together they make 1."""
        return cast(dict[Sentiment, float], softmax(self.sentiments, vector))

    def read_asks_about(self, vector: Vector) -> float:
        """Of refunds or cancellations: how probably is it asked how they go, and not for one?"""
        return 1 / (1 + math.exp(-sum(map(mul, self.asks_about, vector)) - self.asks_about[-1]))


@cache
def load_heads() -> Heads:
    """Return the heads of the package."""
    stored, policy = (
        json.loads(files("romashka_worker").joinpath(name).read_text("utf-8"))
        for name in ("heads.json", "policy.json")
    )
    return Heads(stored["model"], stored["topics"], stored["sentiments"], policy["asks_about"])


def softmax(weights: Weights, vector: Vector) -> dict[str, float]:
    """Return how probable each class is that there are weights of."""
    scores = {name: sum(map(mul, row, vector)) + row[-1] for name, row in weights.items()}
    highest = max(scores.values())
    powers = {name: math.exp(score - highest) for name, score in scores.items()}
    total = sum(powers.values())
    return {name: power / total for name, power in powers.items()}
