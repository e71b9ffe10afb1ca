"""Answers a job once more, as this worker would answer it now; sends and writes nothing."""

import re
import time
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from romashka import AsyncRomashka, InvalidRequest
from romashka._rows import fetch

from romashka_worker.answerer import open_answerer
from romashka_worker.embeddings import EmbeddingError
from romashka_worker.embeddings.choice import open_embedder
from romashka_worker.job import Answer, Job
from romashka_worker.schema import check_schema
from romashka_worker.settings import Settings
from romashka_worker.trace import Trace, tracing

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class NoSuchJob(Exception):
    """The project has no job of that id; the message says so."""


@dataclass(frozen=True, slots=True)
class Replay:
    """How a job ended then, and how it would end now."""

    then: Mapping[str, Any]
    """The job, with what became of it and the traces of its attempts."""
    answer: Answer
    trace: Mapping[str, Any]
    titles: Mapping[str, str]
    """Of the knowledge items that either names, by their ids."""


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
        titles = await _titles(client, {*map(str, _texts_in([row["traces"], trace.record()]))})
    return Replay(row, trace.answer, trace.record(), titles)


def _texts_in(value: Any) -> Iterator[str]:
    """Yield every text of a trace: names and ids."""
    match value:
        case str():
            yield value
        case Mapping():
            for name, each in value.items():
                yield name
                yield from _texts_in(each)
        case list() | tuple():
            for each in value:
                yield from _texts_in(each)


async def _titles(client: AsyncRomashka, texts: Set[str]) -> Mapping[str, str]:
    """Return the titles of the items whose ids are among these texts."""
    if not (ids := sorted(filter(_UUID.fullmatch, texts))):
        return {}
    table = client.supabase.table("knowledge_items").select("id,title")
    return {row["id"]: row["title"] for row in await fetch(table.in_("id", ids))}


async def _read(client: AsyncRomashka, job_id: str) -> Mapping[str, Any]:
    try:
        rows = await client.call("get_ai_response_trace", job_id=job_id)
    except InvalidRequest as error:
        raise NoSuchJob(f"{job_id} is not the id of a job") from error
    if not rows:
        raise NoSuchJob(f"there is no job {job_id}; old ones are removed")
    return {"job_id": job_id, **rows[0]}
