"""The models as doctor sees them: do they answer, what can they, are they what was asked for?"""

import time
from collections.abc import AsyncIterator

from openai import (
    APIConnectionError,
    APIStatusError,
    AsyncOpenAI,
    AuthenticationError,
    NotFoundError,
    OpenAIError,
    PermissionDeniedError,
)

from romashka_worker.doctor.finding import Finding
from romashka_worker.embeddings import EmbeddingError
from romashka_worker.embeddings.choice import open_embedder
from romashka_worker.job import Job
from romashka_worker.model_client import open_client
from romashka_worker.responders import ResponderError, Turn
from romashka_worker.responders.openai import OpenAIResponder
from romashka_worker.responders.openai.abilities import Abilities
from romashka_worker.responders.openai.endpoint import Endpoint
from romashka_worker.settings import ModelSettings, Settings, SettingsError

_SECONDS = 10.0
_ANSWER_SECONDS = 20.0
"""A model that is loaded when it is first asked takes longer than a turn has."""
_SHOWN = 10
_PREFIX = {"primary": "OPENAI", "fallback": "OPENAI_FALLBACK"}


async def look_at_models(settings: Settings) -> AsyncIterator[Finding]:
    """Yield how each model is."""
    if not settings.models:
        yield Finding.ok("model", "none: the knowledge base alone answers")
    for model in settings.models:
        yield await _look_at(model)


async def _look_at(model: ModelSettings) -> Finding:
    name, prefix = f"{model.name} model", _PREFIX[model.name]
    key = model.api_key.get_secret_value() if model.api_key else "none"
    async with open_client(model.base_url, key, timeout=_SECONDS) as provider:
        where = str(provider.base_url)
        doubt, served = None, None
        try:
            served = await _served_instead(provider, model.model)
        except (AuthenticationError, PermissionDeniedError):
            says = f"{where} refuses the key"
            return Finding.problem(name, says, f"export {prefix}_API_KEY=...")
        except APIConnectionError:
            says = f"nobody answers at {where}"
            return Finding.problem(name, says, f"export {prefix}_BASE_URL=...")
        except APIStatusError as error:
            says = f"{where} does not tell its models (status {error.status_code})"
            doubt = Finding.warning(name, says, f"curl -i {where}models")
        except OpenAIError as error:
            says = f"{where} answers with no list of models ({type(error).__name__})"
            doubt = Finding.warning(name, says, f"curl -i {where}models")
        if served is not None:
            says = f"{where} has no {model.model}; it has {', '.join(served[:_SHOWN]) or 'none'}"
            fix = f"export {prefix}_MODEL={served[0] if served else '...'}"
            return Finding.problem(name, says, fix)
        endpoint = Endpoint(provider, model.model)
        try:
            await _ask(endpoint)
        except ResponderError as error:
            says = f"{model.model} at {where}: {error}"
            fix = f"export {prefix}_MODEL=...  # docs/models.md"
            return doubt or Finding.problem(name, says, fix)
    return Finding.ok(name, f"{model.model} at {where}; {_told(endpoint.negotiation.known)}")


async def _ask(endpoint: Endpoint) -> None:
    """Ask one question, as a turn does, with more time than one has.

    Raises:
        ResponderError: there was no answer.
    """
    now = time.monotonic()
    greeting = Job(
        id="doctor",
        conversation_id="doctor",
        attempt=1,
        turn_id="doctor",
        user_message="Hello!",
        context={},
        customer={},
        settings={},
        deadline=now + _ANSWER_SECONDS,
        draft_by=now + _ANSWER_SECONDS,
    )
    draft = await OpenAIResponder(endpoint).draft(Turn(greeting, "en", ()))
    await draft.close()


def _told(abilities: Abilities) -> str:
    """Return what a server can do with a model, in the words of docs/models.md."""
    form = {
        "json_schema": "takes a JSON schema",
        "json_object": "takes no schema, but JSON objects",
        "words": "is asked for JSON in words",
    }[abilities.form]
    lacks = [
        "takes no system message" * (not abilities.has_system_role),
        "does not stream" * (not abilities.streams),
        "counts no tokens in streams" * (not abilities.counts_tokens),
    ]
    return ", ".join([form, *filter(None, lacks)])


async def _served_instead(provider: AsyncOpenAI, model: str) -> list[str] | None:
    """Return the models that the endpoint has, or None if `model` is one of them.

    Raises:
        OpenAIError: it does not answer, or does not say.
    """
    try:
        await provider.models.retrieve(model)
    except NotFoundError:  # also where a server has no such route
        served = [one.id async for one in provider.models.list()]
        return None if model in served else served
    return None


async def look_at_embeddings(settings: Settings) -> Finding:
    """Embed a word."""
    try:
        async with open_embedder(settings) as embedder:
            if embedder is None:
                return Finding.ok("embeddings", "off: knowledge is found by its words")
            embedding = await embedder.embed_question("romashka")
    except SettingsError as error:
        return Finding.problem("embeddings", str(error), "pip install 'romashka[embeddings]'")
    except EmbeddingError as error:
        return Finding.problem("embeddings", str(error), "export ROMASHKA_EMBEDDINGS=off")
    return Finding.ok("embeddings", f"{embedding.model}, {len(embedding.vector)} numbers")
