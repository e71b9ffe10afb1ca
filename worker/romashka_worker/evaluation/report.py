"""A run as a report: Markdown for people, JSON for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from romashka_worker.evaluation.ask import Asked
from romashka_worker.evaluation.findings import Cell, Run, Table
from romashka_worker.evaluation.measures import Figure


def as_markdown(run: Run, missing: Sequence[str]) -> str:
    """Return the report as people read it."""
    parts = ["# Evaluation"]
    if missing:
        parts.append(f"Not in the dataset, and so not measured: {', '.join(missing)}.")
    parts.append("In brackets: where the true value is in 95 of 100 cases.")
    parts += [_markdown_table(table) for table in run.tables()]
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: Table) -> str:
    lines = [
        f"## {table.title}",
        "",
        f"| {' | '.join(table.columns)} |",
        f"|{' --- |' * len(table.columns)}",
        *(f"| {' | '.join(map(_cell, row))} |" for row in table.rows),
    ]
    return "\n".join(lines)


def _cell(value: Cell) -> str:
    match value:
        case None:
            return ""
        case Figure():
            return f"{value.value:.3f} ({value.low:.3f}-{value.high:.3f})"
        case float():
            return f"{value:.3f}"
        case _:
            return str(value)


def as_json(run: Run, missing: Sequence[str]) -> dict[str, Any]:
    """Return the report with what became of each question, by its id."""
    return {
        "responder": run.responder,
        "missing": list(missing),
        "tables": [_json_table(table) for table in run.tables()],
        "questions": [_question(asked, run.settings) for asked in run.asked],
    }


def _json_table(table: Table) -> dict[str, Any]:
    return {
        "title": table.title,
        "rows": [dict(zip(table.columns, map(_json_cell, row), strict=True)) for row in table.rows],
    }


def _json_cell(value: Cell) -> Any:
    return asdict(value) if isinstance(value, Figure) else value


def _question(asked: Asked, settings: Mapping[str, Any]) -> dict[str, Any]:
    decision = asked.decision(settings)
    return {
        "id": asked.question.id,
        "is_reply": decision.is_reply,
        "reason": decision.reason,
        "is_right": asked.is_right,
        "is_asked": asked.is_asked(settings),
        "is_right_at_last": asked.is_right_at_last,
        "likelihood": asked.likelihood,
        "confidence": asked.confidence,
        "language": asked.answer.language,
        "seconds": round(asked.seconds, 3),
    }
