"""How many inventions are caught, and how many honest replies are let through.

.venv/bin/python -m tests.worker.grounding_figures
"""

import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from romashka_worker.grounding import Grounds, grounds_of
from romashka_worker.knowledge import KnowledgeItem
from romashka_worker.responders import Analysis, Draft, written

from tests.worker.turns import job

_CASES = Path(__file__).with_name("grounding_cases.toml")


@dataclass(slots=True)
class Figures:
    """Of one language."""

    honest: int = 0
    invented: int = 0
    stopped: list[str] = field(default_factory=list)
    """Honest replies that were held back."""
    missed: list[str] = field(default_factory=list)
    """Inventions that were let through."""


def measured() -> dict[str, Figures]:
    """Return the figures of each language."""
    found: dict[str, Figures] = {}
    for base in tomllib.loads(_CASES.read_text("utf-8"))["bases"]:
        figures = found.setdefault(base["language"], Figures())
        grounds = _grounds(base)
        figures.honest += len(base["honest"])
        figures.invented += len(base["invented"])
        figures.stopped += [reply for reply in base["honest"] if grounds.missing_from(reply)]
        figures.missed += [
            reply for _, reply in base["invented"] if not grounds.missing_from(reply)
        ]
    return found


def _grounds(base: dict[str, Any]) -> Grounds:
    language = base["language"]
    items = tuple(_items(base["items"], base.get("items_in", language)))
    said = [{"id": "1", "sender_type": "agent", "content": text} for text in base.get("team", ())]
    draft = Draft(
        analysis=Analysis(
            confidence=1, language=language, knowledge_sources=tuple(item.id for item in items)
        ),
        text=written(""),
        written_from=items,
    )
    asked = job(
        user_message=base["customer"],
        context={"recent_messages": said},
        customer={"name": base.get("name")},
        settings={"persona": base.get("persona", "")},
    )
    return grounds_of(asked, draft)


def _items(texts: list[str], language: str) -> Iterator[KnowledgeItem]:
    for number, text in enumerate(texts):
        title, content = text.split("\n", 1)
        yield KnowledgeItem(f"item-{number}", title, content, language, 0.9)


def _table() -> str:
    rows = ["| language | inventions caught | honest replies let through |", "|---|---|---|"]
    for language, figures in measured().items():
        caught = figures.invented - len(figures.missed)
        passed = figures.honest - len(figures.stopped)
        rows.append(
            f"| {language} | {caught} of {figures.invented} | {passed} of {figures.honest} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    sys.stdout.write(f"{_table()}\n")
