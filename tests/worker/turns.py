"""Turns to be answered without a database: what a claim would have said, and a store of items."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from romashka_worker.job import Job
from romashka_worker.knowledge import KnowledgeBase, KnowledgeItem
from romashka_worker.language import LanguageDetector
from romashka_worker.model_client import open_client
from romashka_worker.responders import Turn
from romashka_worker.responders.openai import OpenAIResponder
from romashka_worker.responders.openai.breaker import Breaker
from romashka_worker.responders.openai.endpoint import Endpoint
from romashka_worker.streams import shown_nowhere
from romashka_worker.turn import TurnAnswerer

from tests.worker.provider import Provider

LANGUAGES = LanguageDetector()
SURE = 0.9
ROW = {
    "id": "item-1",
    "title": "What is Romashka?",
    "content": "Romashka is an inbox.",
    "language": "en",
    "score": SURE,
    "similarity": SURE,
    "keyword_score": SURE,
}
ITEM = KnowledgeItem("item-1", "What is Romashka?", "An inbox.", "en", SURE)
REPLY = "It is an inbox."
"""What the provider's good answer says."""


class Store:
    """What the database would find."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self._rows = rows

    async def call(self, function: str, **arguments: Any) -> Any:
        assert function == "search_knowledge"
        return list(self._rows)


def job(seconds: float = 20, **changes: Any) -> Job:
    """Return a job with so much time for a draft."""
    now = time.monotonic()
    return Job(
        **{
            "id": "job",
            "conversation_id": "conversation",
            "attempt": 1,
            "turn_id": "turn",
            "user_message": "What is Romashka?",
            "context": {},
            "customer": {},
            "settings": {"handover_texts": {"en": "…", "de": "…"}, "min_confidence": 0.6},
            "deadline": now + seconds + 0.4,
            "draft_by": now + seconds,
        }
        | changes
    )


@asynccontextmanager
async def open_answerer(
    *providers: Provider,
    rows: tuple[dict[str, Any], ...] = (ROW,),
    open_reply: Any = shown_nowhere,
    failures_to_open: int = 5,
) -> AsyncIterator[TurnAnswerer]:
    """Answer with the models of `providers`, in their order, and with those items."""
    async with AsyncExitStack() as clients:
        models = []
        for provider in providers:
            client = open_client(provider.url, "key")
            await clients.enter_async_context(client)
            models.append(
                OpenAIResponder(Endpoint(client, "some-model", Breaker(failures_to_open)))
            )
        yield TurnAnswerer(KnowledgeBase(Store(*rows)), None, models, LANGUAGES, open_reply)


async def answer(endpoint: Endpoint, seconds: float = 20) -> str:
    """Return what the customer sees of one turn's reply, as it comes."""
    draft = await OpenAIResponder(endpoint).draft(Turn(job(seconds), "en", (ITEM,)))
    try:
        return "".join([piece async for piece in draft.text])
    finally:
        await draft.close()
