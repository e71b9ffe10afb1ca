"""docs/providers.md: each address is read as it stands there, and asked where it listens."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from romashka_worker.model_client import open_client
from romashka_worker.responders.openai.endpoint import Endpoint
from romashka_worker.settings import Settings
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.stacks import ROOT
from tests.worker.provider import Provider, running
from tests.worker.turns import REPLY, answer

PAGE = (ROOT / "docs" / "providers.md").read_text()
HEADINGS = {
    re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
    for line in (ROOT / "docs" / "models.md").read_text().splitlines()
    if line.startswith("#")
}

NONE = "\u2013"

# Where each listens, as it says itself.
ENDPOINTS = {
    # https://platform.openai.com/docs/api-reference/chat/create
    "OpenAI": "https://api.openai.com/v1/chat/completions",
    # https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
    "Azure": "https://NAME.openai.azure.com/openai/v1/chat/completions",
    # https://platform.claude.com/docs/en/api/openai-sdk
    "Anthropic": "https://api.anthropic.com/v1/chat/completions",
    # https://ai.google.dev/gemini-api/docs/openai
    "Gemini": "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
    # https://docs.mistral.ai/api/
    "Mistral": "https://api.mistral.ai/v1/chat/completions",
    # https://console.groq.com/docs/openai
    "Groq": "https://api.groq.com/openai/v1/chat/completions",
    # https://openrouter.ai/docs/api_reference/overview
    "OpenRouter": "https://openrouter.ai/api/v1/chat/completions",
    # https://docs.litellm.ai/docs/proxy/user_keys
    "LiteLLM": "http://localhost:4000/v1/chat/completions",
    # https://docs.ollama.com/api/openai-compatibility
    "Ollama": "http://localhost:11434/v1/chat/completions",
    # https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
    "vLLM": "http://localhost:8000/v1/chat/completions",
    # https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
    "llama.cpp": "http://localhost:8080/v1/chat/completions",
}

pytestmark = pytest.mark.asyncio(loop_scope="module")


def rows(heading: str) -> dict[str, list[str]]:
    """Return the cells of the first table of a section, by their first one."""
    table = PAGE.split(heading)[1].split("\n| provider |")[1].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table]
    return {first: rest for first, *rest in cells}


PROVIDERS = rows("# Providers of models\n")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def listening() -> AsyncIterator[tuple[str, Provider, list[str]]]:
    """A provider that answers at whatever path it is asked, and notes it."""
    provider = Provider()
    paths: list[str] = []

    async def complete(request: Request) -> Response:
        paths.append(request.url.path)
        return await provider.complete(request)

    async with running([Route("/{path:path}", complete, methods=["POST"])]) as url:
        yield url.removesuffix("/v1"), provider, paths


def settings(monkeypatch: pytest.MonkeyPatch, name: str) -> Settings:
    """Read what the page says to set."""
    base_url, key, model = PROVIDERS[name]
    told = {
        "SUPABASE_URL": "https://project.supabase.co",
        "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_0123456789012345678901_01234567",
        "OPENAI_BASE_URL": base_url.strip("`") if base_url != NONE else "",
        "OPENAI_API_KEY": "" if key == NONE else "key-of-the-test",
        "OPENAI_MODEL": (re.findall(r"`([^`]+)`", model) or ["model"])[0],
    }
    for setting, value in told.items():
        monkeypatch.setenv(setting, value)
    return Settings.from_environment()


async def test_the_page_has_every_provider_and_what_it_says_elsewhere_is_there() -> None:
    """A row that is missing is a provider that nobody finds."""
    assert list(PROVIDERS) == list(ENDPOINTS)
    assert set(rows("## What each cannot do\n")) < set(ENDPOINTS)
    for anchor in re.findall(r"\]\(models\.md#([\w-]+)\)", PAGE):
        assert anchor in HEADINGS


@pytest.mark.parametrize("name", ENDPOINTS)
async def test_each_is_asked_where_it_listens(
    monkeypatch: pytest.MonkeyPatch, listening: tuple[str, Provider, list[str]], name: str
) -> None:
    """The page's settings are read, and what is sent has the provider's path, key and model."""
    origin, provider, paths = listening
    [model] = settings(monkeypatch, name).models
    key = model.api_key.get_secret_value() if model.api_key else "none"
    async with open_client(model.base_url, key) as client:
        asked = str(client.base_url)
        there = re.sub(r"^https?://[^/]+", origin, asked)
        reply = await answer(Endpoint(client.with_options(base_url=there), model.model))

    assert f"{asked.rstrip('/')}/chat/completions" == ENDPOINTS[name].replace("NAME", "name")
    assert ENDPOINTS[name].endswith(paths[-1])
    assert provider.requests[-1]["model"] == model.model
    assert provider.keys[-1] == f"Bearer {key}"
    assert reply == REPLY
