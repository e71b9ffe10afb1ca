"""What comes of messages that refer to something, and of those that ask several things.

.venv/bin/python -m tests.worker.context_figures
"""

import asyncio
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from romashka import AsyncRomashka
from romashka_worker.embeddings import Embedding
from romashka_worker.embeddings.local import LocalEmbedder
from romashka_worker.embeddings.second import SecondModel
from romashka_worker.evaluation.base import item_id, knowing
from romashka_worker.evaluation.dataset import Article
from romashka_worker.job import Answer, Job
from romashka_worker.knowledge import KnowledgeBase
from romashka_worker.language import LanguageDetector
from romashka_worker.turn import TurnAnswerer

from tests.support.stacks import run_stack
from tests.worker.turns import job

_CASES = Path(__file__).with_name("context_cases.toml")
_HANDED_OVER = {"sender_type": "ai", "content": "A colleague will answer.", "kind": "handover"}

Outcome = Literal["right", "partly", "asked", "handed over", "wrong"]
"""All of it answered, or named as open; some of it; the customer is asked, and may choose the right
one; a human is; a wrong item was sent."""


@dataclass(frozen=True, slots=True)
class Case:
    """One message, and what answers it."""

    base: str
    half: str
    language: str
    kind: str
    said: Sequence[tuple[str, str]]
    """What the customer asked before, with the item that answered it."""
    message: str
    answers: Sequence[frozenset[str]]
    """The items that answer each of its questions: any of them will do."""
    unanswered: Sequence[str]
    """Words of those that nothing answers."""

    @classmethod
    def from_row(cls, base: Mapping[str, Any], number: int, row: Sequence[Any]) -> Self:
        kind, said, message, answers = row
        return cls(
            base=f"{base['language']}/{number}",
            half=base["half"],
            language=base["language"],
            kind=kind,
            said=[(asked, item) for asked, item in (text.split(" => ") for text in said)],
            message=message,
            answers=[frozenset(one.split("|")) for one in answers if not one.startswith("?")],
            unanswered=[one[1:] for one in answers if one.startswith("?")],
        )

    def job(self, contents: Mapping[str, str], settings: Mapping[str, Any]) -> Job:
        """Return the turn that the message is."""
        rows: list[dict[str, Any]] = []
        for asked, item in self.said:
            answer = {"sender_type": "ai", "content": contents.get(item)}
            rows += [
                {"sender_type": "user", "content": asked},
                _HANDED_OVER if item == "-" else answer,
            ]
        rows.append({"sender_type": "user", "content": self.message})
        rows = [row | {"id": str(number)} for number, row in enumerate(rows)]
        return job(
            turn_id=rows[-1]["id"],
            user_message=self.message,
            context={"recent_messages": rows, "language": self.language},
            settings=settings,
        )

    def outcome(self, answer: Answer, names: Mapping[str, str]) -> Outcome:
        """Judge an answer; `names` are those of the items by their ids."""
        if answer.choices:
            offered = {names[choice.item_id] for choice in answer.choices if choice.item_id}
            is_there = any(one & offered for one in self.answers)
            return "asked" if is_there or not self.answers else "handed over"
        if answer.action == "escalate" and not answer.text:
            is_all = not self.answers and self.kind == "nothing"
            return "right" if is_all else "handed over"
        used = {names[source] for source in answer.knowledge_sources}
        if any(not any(source in one for one in self.answers) for source in used):
            return "wrong"
        named = (answer.text or "").casefold()
        is_all = all(one & used for one in self.answers) and all(
            words.casefold() in named for words in self.unanswered
        )
        is_more = answer.action == "escalate" and not self.unanswered
        return "right" if is_all and not is_more else "partly"


class Remembering:
    """An embedder that goes on with what nobody waits for any more: figures are of no machine."""

    def __init__(self, embedder: LocalEmbedder) -> None:
        self.model = embedder.model
        self.embed_passages = embedder.embed_passages
        self._embed = embedder.embed_question
        self._known: dict[str, asyncio.Task[Embedding]] = {}

    async def embed_question(self, text: str) -> Embedding:
        """Return what a text means."""
        if text not in self._known:
            self._known[text] = asyncio.create_task(self._embed(text))
        return await asyncio.shield(self._known[text])

    async def was_late(self) -> bool:
        """Wait for what is under way; was anything?"""
        late = [task for task in self._known.values() if not task.done()]
        await asyncio.gather(*late)
        return bool(late)


@dataclass(slots=True)
class Figures:
    """Of one kind of messages."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    """What was not right, to be read."""

    def share(self, *outcomes: Outcome) -> float:
        """Return how much of it came to one of these."""
        return sum(self.outcomes[one] for one in outcomes) / self.outcomes.total()


async def measured(
    client: AsyncRomashka, local: LocalEmbedder, bases: Sequence[str] = ()
) -> dict[tuple[str, str], Figures]:
    """Return the figures by half and kind, of the bases that are named ("held out en") or of all.

    The project loses what its knowledge base held.
    """
    settings: Any = (await client.supabase.table("ai_settings").select("*").execute()).data
    embedder = Remembering(local)
    with SecondModel() as second:
        await second.likeness("Is it loaded?", [("Yes", "It is.")])
        turns = TurnAnswerer(KnowledgeBase(client, second), embedder, (), LanguageDetector())
        return await _measured(client, turns, embedder, settings[0], bases)


async def _measured(
    client: AsyncRomashka,
    turns: TurnAnswerer,
    embedder: Remembering,
    settings: Mapping[str, Any],
    bases: Sequence[str],
) -> dict[tuple[str, str], Figures]:
    found: dict[tuple[str, str], Figures] = {}
    for number, base in enumerate(_read()):
        if bases and f"{base['half']} {base['language']}" not in bases:
            continue
        articles = list(_articles(base))
        names = {item_id(article): article.id for article in articles}
        contents = {article.id: article.content for article in articles}
        async with knowing(client, articles, embedder):
            for row in base["cases"]:
                case = Case.from_row(base, number, row)
                answer = await turns.answer(case.job(contents, settings))
                if await embedder.was_late():
                    answer = await turns.answer(case.job(contents, settings))
                figures = found.setdefault((case.half, case.kind), Figures())
                outcome = case.outcome(answer, names)
                figures.outcomes[outcome] += 1
                if outcome != "right":
                    used = [names[source] for source in answer.knowledge_sources]
                    figures.missed.append(
                        f"{outcome}: {case.said} {case.message!r} {used} {answer.reason}"
                        f" {answer.confidence} {answer.asked}"
                    )
    return found


def _read() -> Sequence[Mapping[str, Any]]:
    bases: Sequence[Mapping[str, Any]] = tomllib.loads(_CASES.read_text("utf-8"))["bases"]
    return bases


def _articles(base: Mapping[str, Any]) -> Iterator[Article]:
    for name, text in base["items"].items():
        title, content = text.split("\n", 1)
        row = {"id": name, "collection": "own", "title": title, "body": content}
        yield Article.from_row(row | {"language": base["language"]})


def _table(found: Mapping[tuple[str, str], Figures]) -> Iterator[str]:
    yield "| half | kind | n | right | partly | asked | handed over | wrong |"
    yield "|---|---|---|---|---|---|---|---|"
    for (half, kind), figures in sorted(found.items(), reverse=True):
        told = figures.outcomes
        yield (
            f"| {half} | {kind} | {told.total()} | {told['right']} | {told['partly']}"
            f" | {told['asked']} | {told['handed over']} | {told['wrong']} |"
        )


async def _main() -> None:
    with ExitStack() as stack:
        running = stack.enter_context(run_stack("--ephemeral"))
        embedder = stack.enter_context(LocalEmbedder())
        async with AsyncRomashka.connect(running.api_url, running.service_role_key) as client:
            found = await measured(client, embedder)
    lines = list(_table(found))
    if "--missed" in sys.argv:
        lines += [
            f"{half}, {kind}, {text}"
            for (half, kind), figures in found.items()
            for text in figures.missed
        ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    asyncio.run(_main())
