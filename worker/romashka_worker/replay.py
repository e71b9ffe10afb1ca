"""Answers a job once more, as this worker would answer it now; sends and writes nothing."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from romashka import AsyncRomashka, InvalidRequest

from romashka_worker.answerer import open_answerer
from romashka_worker.embeddings import EmbeddingError
from romashka_worker.embeddings.choice import open_embedder
from romashka_worker.job import Answer, Job
from romashka_worker.schema import check_schema
from romashka_worker.settings import Settings
from romashka_worker.trace import Trace, tracing


class NoSuchJob(Exception):
    """The project has no job of that id; the message says so."""


@dataclass(frozen=True, slots=True)
class Replay:
    """How a job ended then, and how it would end now."""

    then: Mapping[str, Any]
    """The job, with what became of it and the traces of its attempts."""
    answer: Answer
    trace: Mapping[str, Any]


async def replay(job_id: str, settings: Settings) -> Replay:
    """Answer a job again.

    What it is given is read now: the messages are those of its turn, but the customer's profile,
    the settings and the knowledge base may have changed.

    Raises:
        NoSuchJob: there is none of that id.
        SchemaTooOld, RomashkaError, TimeoutError: as for a worker that starts.
    """
    key = settings.supabase_key.get_secret_value()
    async with AsyncRomashka.connect(settings.supabase_url, key) as client:
        await check_schema(client)
        row = await _read(client, job_id)
        async with (
            open_embedder(settings) as embedder,
            open_answerer(settings, client, embedder) as turns,
        ):
            if embedder is not None:  # a worker has loaded it long before a message comes
                with suppress(EmbeddingError):
                    await embedder.embed_question(row["user_message"])
            job = Job.from_row(row, time.monotonic())
            with tracing(Trace(job, keeps_prompts=settings.trace_prompts)) as trace:
                trace.answer = await turns.answer(job)
    return Replay(row, trace.answer, trace.record())


async def _read(client: AsyncRomashka, job_id: str) -> Mapping[str, Any]:
    try:
        rows = await client.call("get_ai_response_trace", job_id=job_id)
    except InvalidRequest as error:
        raise NoSuchJob(f"{job_id} is not the id of a job") from error
    if not rows:
        raise NoSuchJob(f"there is no job {job_id}; old ones are removed")
    return {"job_id": job_id, **rows[0]}
