"""Puts together what answers turns, as the settings say: for the worker, and for a replay."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from romashka import AsyncRomashka

from romashka_worker.knowledge import KnowledgeBase
from romashka_worker.language import LanguageDetector
from romashka_worker.responders import Responder
from romashka_worker.responders.knowledge import KnowledgeResponder
from romashka_worker.settings import Settings
from romashka_worker.turn import TurnAnswerer


@asynccontextmanager
async def open_answerer(settings: Settings, client: AsyncRomashka) -> AsyncIterator[TurnAnswerer]:
    """Open everything that answering takes; nothing is sent before the first turn."""
    async with _open_responder(settings) as responder:
        yield TurnAnswerer(KnowledgeBase(client), responder, LanguageDetector())


@asynccontextmanager
async def _open_responder(settings: Settings) -> AsyncIterator[Responder]:
    if not settings.has_llm:
        yield KnowledgeResponder()
        return
    from openai import AsyncOpenAI  # half of the start-up time, and not needed without a model

    from romashka_worker.responders.openai import OpenAIResponder

    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else "none"
    async with AsyncOpenAI(
        api_key=key, base_url=settings.openai_base_url, max_retries=0
    ) as provider:
        yield OpenAIResponder(provider, settings.openai_model)
