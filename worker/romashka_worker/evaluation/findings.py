"""What a run shows, as named tables of figures."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from romashka_worker.evaluation.ask import Asked, Read
from romashka_worker.evaluation.dataset import Message, Question
from romashka_worker.evaluation.measures import (
    Figure,
    Verdict,
    auroc,
    f1,
    macro_f1,
    percentile,
    precision,
    recall,
    resampled,
    share,
)
from romashka_worker.language import base_language, is_same_language

_SHORT = 20
"""Characters: below this a text hardly tells its language."""
Cell = Figure | float | int | str | None


@dataclass(frozen=True, slots=True)
class Table:
    """Figures that belong together, a row for each thing measured."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[Cell]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Run:
    """All that was asked and read, and under which settings it is judged."""

    responder: str
    settings: Mapping[str, Any]
    asked: Sequence[Asked] = ()
    escalations: Sequence[Read] = ()
    sentiments: Sequence[Read] = ()
    languages: Sequence[tuple[Message, str | None]] = ()

    def tables(self) -> Iterator[Table]:
        """Make the tables of what there is."""
        if self.asked:
            yield self._answers()
            yield self._two_turns()
            yield self._nothing_answers()
            yield self._latency()
        if verdicts := self._verdicts(self.settings):
            yield self._escalation(verdicts)
        if self.asked or self.escalations:
            yield self._rules()
        if self.sentiments:
            yield self._sentiment()
        if self.languages:
            yield self._language()

    # ---- answers

    def _answers(self) -> Table:
        table = Table(
            f"Answers by the responder {self.responder}",
            ("questions", "n", "article found", "resolved", "wrong", "language kept"),
        )
        for name, asked in self._groups().items():
            with_article = [one for one in asked if one.question.article_id]
            replied = [one for one in asked if self._is_replied(one)]
            table.rows.append(
                (
                    name,
                    len(asked),
                    share([one.is_right for one in with_article]),
                    share([one.is_right and self._is_replied(one) for one in with_article]),
                    share([self._is_replied(one) and not one.is_right for one in asked]),
                    share([_keeps_language(one) for one in replied if one.question.language]),
                )
            )
        return table

    def _groups(self) -> Mapping[str, Sequence[Asked]]:
        answerable = [one for one in self.asked if one.question.article_id]
        kinds = _grouped(self.asked, lambda one: f"{one.question.base.collection} {_kind(one)}")
        return {
            "answerable": answerable,
            "answerable, and no human expected": [
                one for one in answerable if not one.question.expects_human
            ],
            "all": self.asked,
            **dict(kinds),
        }

    def _two_turns(self) -> Table:
        """A customer who is asked chooses the right article, if it is offered, or else none."""
        table = Table(
            "In at most two turns",
            ("questions", "n", "resolved", "wrong", "asked", "handed over although answerable"),
        )
        for name, asked in self._groups().items():
            with_article = [one for one in asked if one.question.article_id]
            needless = [one for one in with_article if not one.question.expects_human]
            table.rows.append(
                (
                    name,
                    len(asked),
                    share([self._is_resolved(one) for one in with_article]),
                    share([self._is_answered(one) and not self._is_resolved(one) for one in asked]),
                    share([one.is_asked(self.settings) for one in asked]),
                    share([not self._is_answered(one) for one in needless]),
                )
            )
        return table

    def _is_answered(self, asked: Asked) -> bool:
        second = asked.second
        return self._is_replied(asked) or (second is not None and second.action == "reply")

    def _is_resolved(self, asked: Asked) -> bool:
        """Is it answered at last, from the right article?"""
        if self._is_replied(asked):
            return asked.is_right
        return self._is_answered(asked) and asked.is_right_at_last

    def _is_replied(self, asked: Asked) -> bool:
        return asked.decision(self.settings).is_reply

    def _nothing_answers(self) -> Table:
        table = Table(
            "Knowing that nothing answers",
            ("questions", "n", "handed over", "AUROC: confidence", "AUROC: similarity"),
        )
        for collection, asked in _grouped(self.asked, lambda one: one.question.base.collection):
            answerable = [one for one in asked if one.question.article_id]
            others = [one for one in asked if not one.question.article_id]
            for kind, unanswerable in _grouped(others, _kind):
                both = [*answerable, *unanswerable]
                kept = share([not self._is_replied(one) for one in unanswerable])
                aurocs = [_separation(both, score) for score in (_confidence, _similarity)]
                table.rows.append((f"{collection} {kind}", len(unanswerable), kept, *aurocs))
        return table

    def _latency(self) -> Table:
        seconds = [one.seconds for one in self.asked]
        table = Table("Latency of a turn, from its claim to its answer", ("", "ms"))
        for name, part in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            table.rows.append((name, round(percentile(seconds, part) * 1000)))
        return table

    # ---- escalation

    def _verdicts(self, settings: Mapping[str, Any]) -> list[tuple[str, str | None, Verdict]]:
        """Return where each judged message is from, why it is for a human, truth and verdict."""
        found: list[tuple[str, Message | Question, Read | Asked]] = [
            *((one.message.source, one.message, one) for one in self.escalations),
            *((one.question.base.collection, one.question, one) for one in self.asked),
        ]
        return [
            (source, row.human_reason, (row.expects_human, one.is_for_human(settings)))
            for source, row, one in found
            if row.expects_human is not None
        ]

    def _escalation(self, verdicts: Sequence[tuple[str, str | None, Verdict]]) -> Table:
        table = Table(
            "Should a human take it? By the message alone",
            ("messages", "n", "for a human", "precision", "recall", "F1"),
        )
        groups = {"all": list(verdicts)}
        groups |= dict(_grouped(verdicts, lambda one: one[0]))
        groups |= dict(
            _grouped([one for one in verdicts if one[1]], lambda one: f"of these: {one[1]}")
        )
        for name, group in groups.items():
            pairs = [verdict for _, _, verdict in group]
            true = sum(truth for truth, _ in pairs)
            only_true = true == len(pairs)
            table.rows.append(
                (
                    name,
                    len(pairs),
                    true,
                    None if only_true else resampled(pairs, precision),
                    resampled(pairs, recall) if true else None,
                    None if only_true or not true else resampled(pairs, f1),
                )
            )
        return table

    def _rules(self) -> Table:
        table = Table(
            "What each rule does",
            ("rules", "messages for a human: F1", "questions resolved", "questions answered wrong"),
        )
        answerable = [one for one in self.asked if one.question.article_id]
        for name, settings in _variants(self.settings):
            pairs = [verdict for _, _, verdict in self._verdicts(settings)]
            table.rows.append(
                (
                    name,
                    f1(pairs) if pairs else None,
                    _part(one.is_right and one.decision(settings).is_reply for one in answerable),
                    _part(
                        not one.is_right and one.decision(settings).is_reply for one in self.asked
                    ),
                )
            )
        return table

    # ---- reading

    def _sentiment(self) -> Table:
        table = Table("Sentiment", ("messages", "n", "macro F1"))
        groups = {"all": list(self.sentiments)}
        groups |= dict(_grouped(self.sentiments, lambda one: one.message.source))
        for name, group in groups.items():
            labels = [(one.message.sentiment or "", one.signals.sentiment or "") for one in group]
            table.rows.append((name, len(group), resampled(labels, macro_f1)))
        return table

    def _language(self) -> Table:
        table = Table("Language, of one message by itself", ("messages", "n", "recognised"))
        known = [one for one in self.languages if one[0].language]  # of the others nobody has said
        short = [one for one in known if len(one[0].text) < _SHORT]
        groups = {"all": known, f"under {_SHORT} characters": short}
        groups |= dict(_grouped(known, lambda one: base_language(str(one[0].language))))
        for name, group in groups.items():
            hits = [is_same_language(message.language, found) for message, found in group]
            table.rows.append((name, len(group), share(hits)))
        return table


def _variants(settings: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "all", settings
    topics = settings["escalation_topics"]
    for topic in topics:
        others = [name for name in topics if name != topic]
        yield f"without {topic}", {**settings, "escalation_topics": others}
    yield "without strong negative sentiment", {**settings, "max_negative_sentiment": None}
    yield "without low confidence", {**settings, "min_confidence": 0}
    yield "none", {
        **settings, "escalation_topics": [], "max_negative_sentiment": None, "min_confidence": 0
    }  # fmt: skip


def _grouped(items: Sequence[Any], key: Callable[[Any], str]) -> list[tuple[str, list[Any]]]:
    groups: dict[str, list[Any]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return sorted(groups.items())


def _kind(asked: Asked) -> str:
    return asked.question.kind


def _confidence(asked: Asked) -> float:
    return asked.confidence


def _similarity(asked: Asked) -> float:
    return asked.similarity


def _separation(asked: Sequence[Asked], score: Callable[[Asked], float]) -> Figure | None:
    """Return how well a score tells the questions that have an answer from the others."""
    scores = [(bool(one.question.article_id), score(one)) for one in asked]
    return resampled(scores, auroc) if any(truth for truth, _ in scores) else None


def _part(hits: Iterable[bool]) -> float | None:
    figure = share(list(hits))
    return figure.value if figure else None


def _keeps_language(asked: Asked) -> bool:
    return is_same_language(asked.answer.language, asked.question.language)
