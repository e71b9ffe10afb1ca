"""Runs a dataset against a project that it may overwrite."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from romashka import AsyncRomashka

from romashka_worker.answerer import open_answerer
from romashka_worker.embeddings.choice import open_embedder
from romashka_worker.evaluation.ask import Progress, ask_questions, read_messages
from romashka_worker.evaluation.dataset import Dataset
from romashka_worker.evaluation.findings import Run
from romashka_worker.language import LanguageDetector
from romashka_worker.settings import Settings


async def evaluate(dataset: Dataset, settings: Settings, progress: Progress) -> Run:
    """Ask and read all of a dataset. The project loses what its knowledge base held.

    Raises:
        SettingsError: embeddings are asked for that are not installed.
        RomashkaError, TimeoutError: the project does not answer.
    """
    key = settings.supabase_key.get_secret_value()
    async with (
        AsyncRomashka.connect(settings.supabase_url, key) as client,
        open_embedder(settings) as embedder,
        open_answerer(settings, client, embedder) as turns,
    ):
        rules = await _read_rules(client)
        languages = LanguageDetector()
        with _quiet_logs():
            return Run(
                responder="openai" if settings.has_llm else "knowledge",
                settings=rules,
                asked=await ask_questions(dataset, client, embedder, turns, rules, progress),
                escalations=await read_messages(dataset.escalations, embedder, progress),
                sentiments=await read_messages(dataset.sentiments, embedder, progress),
                languages=[
                    (message, languages.detect(message.text)) for message in dataset.languages
                ],
            )


async def _read_rules(client: AsyncRomashka) -> dict[str, Any]:
    rows: Any = (await client.supabase.table("ai_settings").select("*").execute()).data
    return dict(rows[0])


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """What a worker logs of each turn would bury the report."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    try:
        yield
    finally:
        structlog.reset_defaults()
