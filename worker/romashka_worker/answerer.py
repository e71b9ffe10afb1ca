"""Puts together what answers turns, as the settings say: for the worker, and for a replay."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext

from romashka import AsyncRomashka

from romashka_worker.embeddings import Embedder
from romashka_worker.embeddings.local import LocalEmbedder
from romashka_worker.embeddings.second import SecondModel, is_installed
from romashka_worker.job import Job
from romashka_worker.knowledge import KnowledgeBase
from romashka_worker.language import LanguageDetector
from romashka_worker.responders import Responder
from romashka_worker.settings import Settings
from romashka_worker.streams import Show, shown_nowhere
from romashka_worker.turn import TurnAnswerer


@asynccontextmanager
async def open_answerer(
    settings: Settings,
    client: AsyncRomashka,
    embedder: Embedder | None,
    open_reply: Callable[[Job], AbstractContextManager[Show]] = shown_nowhere,
) -> AsyncIterator[TurnAnswerer]:
    """Open everything that answering takes; nothing is sent before the first turn."""
    async with _open_models(settings) as models:
        with _second_model(embedder, models) as second:
            knowledge = KnowledgeBase(client, second)
            yield TurnAnswerer(knowledge, embedder, models, LanguageDetector(), open_reply)


def _second_model(
    embedder: Embedder | None, models: Sequence[Responder]
) -> AbstractContextManager[SecondModel | None]:
    """Open what makes the knowledge base surer of itself: nobody asks it where a model judges."""
    if models or not isinstance(embedder, LocalEmbedder) or not is_installed():
        return nullcontext()
    return SecondModel()


@asynccontextmanager
async def _open_models(settings: Settings) -> AsyncIterator[Sequence[Responder]]:
    if not settings.models:
        yield ()
        return
    # Half of the start-up time, and not needed without a model.
    from romashka_worker.model_client import open_client
    from romashka_worker.responders.openai import OpenAIResponder
    from romashka_worker.responders.openai.endpoint import Endpoint

    async with AsyncExitStack() as clients:
        responders = []
        for model in settings.models:
            key = model.api_key.get_secret_value() if model.api_key else "none"
            provider = open_client(model.base_url, key)
            await clients.enter_async_context(provider)
            responders.append(OpenAIResponder(Endpoint(provider, model.model, name=model.name)))
        yield responders
