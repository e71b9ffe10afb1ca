"""A dataset as it lies in its folder: articles, questions and messages, each with its truth."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

Row = TypeVar("Row")


class DatasetError(Exception):
    """The folder is no dataset, or a file is not what it should be; the message says which."""


@dataclass(frozen=True, slots=True)
class Base:
    """One team's knowledge base: a collection, or what one tenant has of it, in one language."""

    collection: str
    tenant: str | None = None
    language: str | None = None
    """None for the articles in all languages."""

    def holds(self, article: "Article") -> bool:
        """Is this article part of it?"""
        return (
            article.collection == self.collection
            and self.tenant in (None, article.tenant)
            and self.language in (None, article.language)
        )


@dataclass(frozen=True, slots=True)
class Article:
    """What the AI may answer from."""

    id: str
    collection: str
    tenant: str | None
    language: str
    title: str
    content: str
    group: str
    """The same for all language versions of one article."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            id=row["id"],
            collection=row["collection"],
            tenant=row.get("tenant"),
            language=row.get("language") or "en",
            title=row["title"],
            content=row["body"],
            group=row.get("group") or row["id"],
        )


@dataclass(frozen=True, slots=True)
class Question:
    """What a customer asks a team."""

    id: str
    text: str
    language: str | None
    base: Base
    article_id: str | None
    """None: nothing in the base answers it."""
    kind: str
    expects_human: bool | None
    """None: nobody has said."""
    human_reason: str | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            id=row["id"],
            text=row["text"],
            language=row.get("language"),
            base=Base(row["collection"], row.get("tenant"), row.get("kb_language")),
            article_id=row.get("article_id"),
            kind=row.get("kind") or "question",
            expects_human=row.get("expects_human"),
            human_reason=row.get("human_reason"),
        )


@dataclass(frozen=True, slots=True)
class Message:
    """What a customer writes, and what it is: for a human or not, its mood, its language."""

    id: str
    text: str
    source: str
    expects_human: bool | None = None
    human_reason: str | None = None
    sentiment: str | None = None
    language: str | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            id=row["id"],
            text=row["text"],
            source=row.get("source") or "",
            expects_human=row.get("expects_human"),
            human_reason=row.get("human_reason"),
            sentiment=row.get("label"),
            language=row.get("language"),
        )


@dataclass(frozen=True, slots=True)
class Dataset:
    """All of it; what has no file is empty, and named in `missing`."""

    articles: Sequence[Article]
    questions: Sequence[Question]
    escalations: Sequence[Message]
    sentiments: Sequence[Message]
    languages: Sequence[Message]
    missing: Sequence[str]

    def questions_by_base(self) -> Iterator[tuple[Base, list[Article], list[Question]]]:
        """Group the questions by whom they are asked, with what that team's base holds."""
        for base in dict.fromkeys(question.base for question in self.questions):
            articles = [article for article in self.articles if base.holds(article)]
            if articles:
                yield base, articles, [one for one in self.questions if one.base == base]


def read_dataset(folder: Path, sample: int | None = None) -> Dataset:
    """Read a dataset, or of each of its files the same `sample` rows each time.

    Raises:
        DatasetError: there is nothing to evaluate, or a file is not what it should be.
    """
    reader = _Reader(folder, sample)
    # Several parts of a dataset may share their articles.
    beside = folder / "kb.jsonl"
    articles = beside if beside.exists() else folder.resolve().parent / "kb.jsonl"
    dataset = Dataset(
        articles=reader.read(articles, Article.from_row, is_sampled=False),
        questions=reader.read(folder / "questions.jsonl", Question.from_row),
        escalations=reader.read(folder / "escalation.jsonl", Message.from_row),
        sentiments=reader.read(folder / "sentiment.jsonl", Message.from_row),
        languages=reader.read(folder / "multilingual.jsonl", Message.from_row),
        missing=reader.missing,
    )
    if not (dataset.questions or dataset.escalations or dataset.sentiments or dataset.languages):
        raise DatasetError(f"{folder} has none of the files of a dataset; see docs/quality.md")
    return dataset


class _Reader:
    def __init__(self, folder: Path, sample: int | None) -> None:
        if not folder.is_dir():
            raise DatasetError(f"{folder} is not a folder")
        self._sample = sample
        self.missing: list[str] = []

    def read(
        self, file: Path, parse: Callable[[Mapping[str, Any]], Row], *, is_sampled: bool = True
    ) -> list[Row]:
        if not file.exists():
            self.missing.append(file.name)
            return []
        lines: Iterable[tuple[int, str]] = enumerate(file.read_text("utf-8").splitlines(), 1)
        if is_sampled and self._sample is not None:
            lines = sorted(lines, key=lambda line: hashlib.sha256(line[1].encode()).digest())
            lines = lines[: self._sample]
        return [_parsed(file, number, line, parse) for number, line in lines if line.strip()]


def _parsed(file: Path, number: int, line: str, parse: Callable[[Mapping[str, Any]], Row]) -> Row:
    try:
        return parse(json.loads(line))
    except json.JSONDecodeError as error:
        raise DatasetError(f"{file}, line {number}: not JSON; {error.msg}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{file}, line {number}: not a row of this file; {error}") from error
