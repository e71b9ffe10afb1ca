"""Which embeddings there are, as the settings say."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from romashka_worker.embeddings import Embedder
from romashka_worker.embeddings.local import LocalEmbedder, is_installed
from romashka_worker.settings import EmbeddingSettings, SettingsError


@asynccontextmanager
async def open_embedder(settings: EmbeddingSettings) -> AsyncIterator[Embedder | None]:
    """Open what makes vectors; None where the knowledge base is searched by its words alone.

    Raises:
        SettingsError: what was asked for is not installed.
    """
    choice = settings.embeddings or ("local" if is_installed() else "off")
    if choice == "off":
        yield None
    elif choice == "local":
        if not is_installed():
            raise SettingsError(
                "ROMASHKA_EMBEDDINGS is local; pip install 'romashka[embeddings]'"
                " (Linux, or macOS on Apple silicon), or choose openai or off"
            )
        with LocalEmbedder() as embedder:
            yield embedder
    else:
        async with _open_endpoint(settings) as embedder:
            yield embedder


@asynccontextmanager
async def _open_endpoint(settings: EmbeddingSettings) -> AsyncIterator[Embedder]:
    from romashka_worker.embeddings.openai import OpenAIEmbedder  # half a second, for openai
    from romashka_worker.model_client import open_client

    url, key = settings.embeddings_endpoint
    async with open_client(url, key.get_secret_value() if key else "none", max_retries=2) as client:
        yield OpenAIEmbedder(client, settings.embeddings_model)
