"""Trains romashka_worker/confidence.py: is what a search found the answer to the question?

The best item is replied with, if that is likely enough; else the best few are offered as choices.

    python worker/training/train_confidence.py DATASET ROWS [--check P]

DATASET is a folder as docs/quality.md describes it. Its questions are searched for in a local
stack, which takes minutes; what was found is kept in the file ROWS, and not searched for again.
`--check P` leaves one collection out at a time, replies where the others say that it is right with
at least that probability, and writes nothing. Needs scikit-learn.
"""

import argparse
import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from romashka import AsyncRomashka
from romashka_local.programs import running, temporary_folder
from romashka_worker.choices import likely_items
from romashka_worker.confidence import features_of, features_of_several
from romashka_worker.embeddings.local import LocalEmbedder
from romashka_worker.embeddings.second import SecondModel
from romashka_worker.evaluation.base import item_id, knowing
from romashka_worker.evaluation.dataset import read_dataset
from romashka_worker.knowledge import KnowledgeBase, KnowledgeItem
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

WEIGHTS = Path(__file__).parents[1] / "romashka_worker" / "confidence.json"
ATTRIBUTION = (
    "Trained on search scores of questions from BANKING77 (PolyAI, CC BY 4.0), CLINC150 (Larson et"
    " al., CC BY 3.0), DSTC10 track 2 (Kim et al., Apache-2.0), bitcoin.org (MIT) and Login.gov"
    " (public domain): these numbers hold no text of them."
)
# A question whose article is taken away looks like one that nothing answers, and often another
# article does answer it: so it counts less than one of which people said that nothing answers it.
# Chosen so that of questions to a collection that was left out not 4 in 100 are answered wrong.
TAKEN_AWAY_WEIGHT = {"two meanings": 0.35, "meaning": 0.35, "words": 0.2}
SIMILARITY_UNIT = 30.0
"""Similarities differ by hundredths: without this the regularisation would not let them count."""


async def search_all(dataset_folder: Path) -> list[dict]:
    """Return what the knowledge base finds for each question, with and without its meaning."""
    dataset, rows = read_dataset(dataset_folder), []
    with temporary_folder() as folder, LocalEmbedder() as embedder, SecondModel() as second:
        async with (
            running(
                *("start", "--ephemeral", "--port", "0", "--db-port", "0", "--json"),
                is_ready=lambda line: "API_URL" in line,
                ready_seconds=120,
                folder=Path.cwd(),
                environment={"TMPDIR": str(folder)},
            ) as stack,
            AsyncRomashka.connect(stack["API_URL"], stack["SERVICE_ROLE_KEY"]) as client,
        ):
            base = KnowledgeBase(client, second)
            for team, articles, questions in dataset.questions_by_base():
                groups = {item_id(article): article.group for article in articles}
                right = {article.id: article.group for article in articles}
                async with knowing(client, articles, embedder):
                    for question in questions:
                        embedding = await embedder.embed_question(question.text)
                        by_meaning = await base.search(question.text, question.language, embedding)
                        by_words = await base.search(question.text, question.language)
                        rows.append(
                            {
                                "collection": team.collection,
                                "kind": question.kind,
                                "language": question.language,
                                "right": right.get(question.article_id or ""),
                                "meaning": _stored(by_meaning, groups),
                                "words": _stored(by_words, groups),
                            }
                        )
    return rows


def _stored(items: tuple[KnowledgeItem, ...], groups: dict[str, str]) -> list[dict]:
    return [{**asdict(item), "title": "", "content": "", "id": groups[item.id]} for item in items]


def _rows_of(rows: list[dict], how: str) -> list[dict]:
    """Return the rows with what was found in one way: the second model knows a few languages."""
    if how != "two meanings":
        return [{**row, "found": [{**item, "likeness": None} for item in row[how]]} for row in rows]
    return [
        {**row, "found": row["meaning"]}
        for row in rows
        if any(item["likeness"] is not None for item in row["meaning"])
    ]


class Examples:
    """Features of the best items, whether one of them is right, and whether anything is.

    Of one item, or of as many as are offered.
    """

    def __init__(self, rows: list[dict], how: str, *, are_several: bool) -> None:
        features, self.rows, taken = [], [], []
        for row in rows:
            found = [KnowledgeItem(**{**item, "title": item["id"]}) for item in row["found"]]
            left = [item for item in found if item.id != row["right"]]
            for items, is_taken in ((found, False), (left, True)):
                if items and not (is_taken and row["right"] is None):
                    best = likely_items(items, items[0]) if are_several else items[:1]
                    features.append(
                        features_of_several(best, items, row["language"])
                        if are_several
                        else features_of(items[0], items, row["language"])
                    )
                    taken.append(is_taken)
                    is_right = row["right"] in [item.id for item in best]
                    self.rows.append({**row, "is_right": is_right})
        self.similarities = 2 if are_several else 3
        self.taken_away_weight = TAKEN_AWAY_WEIGHT[how]
        self.features, self.taken = np.array(features), np.array(taken)
        self.features[:, : self.similarities] *= SIMILARITY_UNIT
        self.is_right = np.array([row["is_right"] for row in self.rows])
        self.is_answerable = np.array([row["right"] is not None for row in self.rows]) & ~self.taken
        self.collections = np.array([row["collection"] for row in self.rows])
        self.kinds = np.array([row["kind"] for row in self.rows])

    def fit(self, chosen: np.ndarray) -> LogisticRegression:
        """Fit the chosen rows; small collections weigh more than their share."""
        sizes = {name: (self.collections[chosen] == name).sum() for name in set(self.collections)}
        weights = np.array([sizes[name] ** -0.5 for name in self.collections[chosen]])
        weights[self.taken[chosen]] *= self.taken_away_weight
        weights *= len(weights) / weights.sum()
        model = LogisticRegression(max_iter=500)
        return model.fit(self.features[chosen], self.is_right[chosen], weights)


def check(examples: Examples, rows: list[dict], min_confidence: float) -> None:
    """Print what comes of each collection by weights that saw none of it."""
    scores = np.zeros(len(examples.rows))
    for name in sorted(set(examples.collections)):
        held_out = examples.collections == name
        model = examples.fit(~held_out)
        scores[held_out] = model.predict_proba(examples.features[held_out])[:, 1]
    for name in [*sorted(set(examples.collections)), "all"]:
        chosen = ~examples.taken & ((examples.collections == name) | (name == "all"))
        replied = chosen & (scores >= min_confidence)
        asked = [row["right"] for row in rows if name in ("all", row["collection"])]
        answerable = len(asked) - asked.count(None)
        print(
            f"{name:12} resolved {(replied & examples.is_right).sum() / answerable:.3f}"
            f" wrong {(replied & ~examples.is_right).sum() / len(asked):.3f}"
        )
    for kind in sorted(set(examples.kinds[~examples.taken & ~examples.is_answerable])):
        [name] = set(examples.collections[examples.kinds == kind])
        chosen = ~examples.taken & (examples.collections == name)
        chosen &= examples.is_answerable | (examples.kinds == kind)
        truth = examples.is_answerable[chosen]
        by_similarity = roc_auc_score(truth, examples.features[chosen, 0])
        by_confidence = roc_auc_score(truth, scores[chosen])
        print(f"{kind:12} AUROC: similarity {by_similarity:.3f} confidence {by_confidence:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--check", type=float, metavar="MIN_CONFIDENCE")
    arguments = parser.parse_args()
    if not arguments.rows.exists():
        arguments.rows.write_text(json.dumps(asyncio.run(search_all(arguments.dataset))))
    rows = json.loads(arguments.rows.read_text())
    weights: dict[str, list[float]] = {}
    for how in ("two meanings", "meaning", "words"):
        for are_several, name in ((False, how), (True, f"likely by {how}")):
            chosen = _rows_of(rows, how)
            examples = Examples(chosen, how, are_several=are_several)
            if arguments.check:
                print(f"{name}, one collection left out, {len(chosen)} questions")
                check(examples, chosen, arguments.check)
            model = examples.fit(np.full(len(examples.rows), True))
            weights[name] = _as_list(model, examples.similarities)
    if not arguments.check:
        stored = {"attribution": ATTRIBUTION, "weights": weights}
        WEIGHTS.write_text(json.dumps(stored, indent=1) + "\n", "utf-8")


def _as_list(model: LogisticRegression, similarities: int) -> list[float]:
    weights = model.coef_[0].copy()
    weights[:similarities] *= SIMILARITY_UNIT
    return [float(f"{number:.4g}") for number in (*weights, model.intercept_[0])]


if __name__ == "__main__":
    main()
