"""Does search_knowledge find the article that answers a question? By set, top 1 and top 3.

    python bench/retrieval.py DATASET [--part dev] [--vectors FILE]

DATASET (or ROMASHKA_EVALDATA) is a folder with kb.jsonl and PART/questions.jsonl. Each tenant's
articles become the knowledge base of a database of their own cluster, with the vectors that the
worker makes. Beside the fused score, the same candidates are ranked by their similarity alone, by
their words alone, and by the sum of the two reciprocal ranks (RRF). FILE keeps the vectors for the
next run.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from romashka._installation import install
from romashka_local.bootstrap import bootstrap_database
from romashka_local.postgres import run_cluster
from romashka_worker.embeddings import Embedding, Vector, vector_text
from romashka_worker.embeddings.items import embed_item
from romashka_worker.embeddings.local import LocalEmbedder

Row = dict[str, Any]
Connection = psycopg.Connection[Row]

SEARCH = """
select source_url as article, score, similarity, keyword_score from public.search_knowledge(
  %(text)s, max_results => 50, query_embedding => %(vector)s, embedding_model => %(model)s)
"""
WORDS = "select source_url as article, score from public.search_knowledge(%s, max_results => 3)"
ADD = """
insert into public.knowledge_items (title, content, language, source_url)
values (%(title)s, %(body)s, %(language)s, %(id)s)
"""
TO_EMBED = "select * from public.get_knowledge_to_embed(%s, 100)"
STORE = "select public.store_knowledge_embeddings(%s, %s)"


class KeptVectors:
    """The model, and the vectors that it has made before."""

    def __init__(self, made_by: LocalEmbedder, file: str) -> None:
        self._made_by = made_by
        self.model = made_by.model
        self._kept = sqlite3.connect(file, isolation_level=None)
        self._kept.execute("create table if not exists vectors (text primary key, vector)")

    async def embed_question(self, text: str) -> Embedding:
        """Return what a question means."""
        if vector := self._find(f"query: {text}"):
            return Embedding(self.model, vector)
        made = await self._made_by.embed_question(text)
        self._keep(f"query: {text}", made.vector)
        return made

    async def embed_passages(self, texts: Sequence[str]) -> list[Vector]:
        """Return what parts of articles mean."""
        return [await self._embed_passage(text) for text in texts]

    async def _embed_passage(self, text: str) -> Vector:
        if vector := self._find(f"passage: {text}"):
            return vector
        [vector] = await self._made_by.embed_passages([text])
        self._keep(f"passage: {text}", vector)
        return vector

    def _find(self, text: str) -> Vector | None:
        row = self._kept.execute("select vector from vectors where text = ?", [text]).fetchone()
        return tuple(json.loads(row[0])) if row else None

    def _keep(self, text: str, vector: Vector) -> None:
        self._kept.execute("insert into vectors values (?, ?)", [text, json.dumps(vector)])


@dataclass(frozen=True, slots=True)
class Dataset:
    """Articles, and questions that one of them answers."""

    articles: Sequence[Row]
    questions: Sequence[Row]

    def knowledge_bases(self) -> Iterator[tuple[Sequence[Row], Sequence[Row]]]:
        """Return the articles that are searched together, with the questions that are asked."""
        asked = defaultdict(list)
        for question in self.questions:
            names = ("collection", "tenant", "kb_language")
            asked[tuple(question.get(name) for name in names)].append(question)
        for (collection, tenant, language), questions in asked.items():
            yield (
                [
                    article
                    for article in self.articles
                    if article["collection"] == collection
                    and article["tenant"] == tenant
                    and language in (None, article["language"])
                ],
                questions,
            )


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", nargs="?", default=os.environ.get("ROMASHKA_EVALDATA"))
    parser.add_argument("--part", default="dev")
    parser.add_argument("--vectors", default=":memory:")
    arguments = parser.parse_args()
    try:
        dataset = read(Path(arguments.dataset or "."), arguments.part)
    except OSError as error:
        print(f"{error}; name the dataset's folder", file=sys.stderr)
        return 2
    with database() as connection, LocalEmbedder() as model:
        figures = asyncio.run(measure(dataset, connection, KeptVectors(model, arguments.vectors)))
    print_table(figures)
    return 0


def read(folder: Path, part: str) -> Dataset:
    """Read the dataset; only questions that an article answers can have it found."""
    questions = rows_of(folder / part / "questions.jsonl")
    return Dataset(rows_of(folder / "kb.jsonl"), [q for q in questions if q["article_id"]])


def rows_of(file: Path) -> list[Row]:
    """Return the rows of a file with a JSON object on each line."""
    return [json.loads(line) for line in file.read_text().splitlines()]


@contextmanager
def database() -> Iterator[Connection]:
    """Open a fresh database with the migrations, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="romashka-bench-") as folder:
        Path(folder).chmod(0o755)  # Postgres runs as another account where we are root
        with run_cluster(Path(folder) / "postgres", ephemeral=True) as cluster:
            bootstrap_database(cluster.url())
            install(cluster.url("postgres"))
            with psycopg.connect(cluster.url("postgres"), row_factory=dict_row) as connection:
                yield connection


async def measure(dataset: Dataset, database: Connection, vectors: KeptVectors) -> Counter[Row]:
    """Count, by set and ranking, how often the article is first and among the first three."""
    figures: Counter[Any] = Counter()
    for articles, questions in dataset.knowledge_bases():
        await fill(database, articles, vectors)
        for question in questions:
            name = f"{question['collection']}, {question['kind'].replace('_', ' ')}"
            figures[name] += 1
            for ranking, found in (await rankings(database, question["text"], vectors)).items():
                figures[name, ranking, 1] += question["article_id"] in found[:1]
                figures[name, ranking, 3] += question["article_id"] in found[:3]
        database.rollback()
    return figures


async def fill(database: Connection, articles: Iterable[Row], vectors: KeptVectors) -> None:
    """Make the articles the knowledge base, embedded as the worker does it."""
    with database.cursor() as cursor:
        cursor.executemany(ADD, articles)
    while items := database.execute(TO_EMBED, [vectors.model]).fetchall():
        made = [
            {
                "item_id": str(item["item_id"]),
                "hash": item["hash"],
                "vectors": [
                    vector_text(vector)
                    for vector in await embed_item(vectors, item["title"], item["content"])
                ],
            }
            for item in items
        ]
        database.execute(STORE, [vectors.model, json.dumps(made)])


async def rankings(database: Connection, text: str, vectors: KeptVectors) -> dict[str, list[str]]:
    """Return the articles that are found for a question, best first, by each way to rank them."""
    question = await vectors.embed_question(text)
    values = {"text": text, "vector": vector_text(question.vector), "model": question.model}
    found = database.execute(SEARCH, values).fetchall()
    words = database.execute(WORDS, [text]).fetchall()
    near = sorted(found, key=lambda row: -row["similarity"])
    covered = sorted((r for r in found if r["keyword_score"]), key=lambda r: -r["keyword_score"])
    reciprocal: Counter[str] = Counter()
    for ranked in (near, covered):
        for place, row in enumerate(ranked, 1):
            reciprocal[row["article"]] += 1 / (60 + place)
    return {
        "fused": [row["article"] for row in found],
        "vectors": [row["article"] for row in near],
        "words": [row["article"] for row in words],
        "equal RRF": [article for article, _ in reciprocal.most_common()],
    }


def print_table(figures: Counter[Any]) -> None:
    """Print the figures as Markdown: top 1 / top 3."""
    ways = ("words", "vectors", "equal RRF", "fused")
    print(f"| set | n | {' | '.join(ways)} |\n|---|---|{'---|' * len(ways)}")
    for name in sorted(key for key in figures if isinstance(key, str)):
        n = figures[name]
        cells = [
            f"{figures[name, way, 1] / n:.3f} / {figures[name, way, 3] / n:.3f}" for way in ways
        ]
        print(f"| {name} | {n:,} | {' | '.join(cells)} |")


if __name__ == "__main__":
    sys.exit(main())
