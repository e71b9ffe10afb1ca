"""What a worker is told by its environment."""

import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict
from romashka._pasted import (
    BadSetting,
    check_same_project,
    pasted,
    read_key,
    read_project_url,
    read_server_url,
    read_token,
)


class SettingsError(BadSetting):
    """A setting is missing or makes no sense; the message is one line that names it."""


def read_by(read: Callable[[str, str], str]) -> BeforeValidator:
    """Return what reads a setting; what it finds wrong is told with the setting's name."""

    def validate(value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return read(value, _NAME)
        except BadSetting as problem:
            raise refused(str(problem)) from None

    return BeforeValidator(validate)


_NAME = "{name}"
"""Stands for the setting's name until it is known."""

ApiKey = Annotated[SecretStr, read_by(read_key)]
Token = Annotated[SecretStr, read_by(read_token)]
ServerUrl = Annotated[str, read_by(read_server_url)]


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """One model, and where it is served."""

    name: str
    base_url: str | None
    """None is OpenAI's own."""
    api_key: SecretStr | None
    model: str


class EnvironmentSettings(BaseSettings):
    """Every setting is an environment variable; the ones of our own begin with `ROMASHKA_`."""

    model_config = SettingsConfigDict(
        env_prefix="ROMASHKA_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _take_off_what_came_along(cls, value: Any) -> Any:
        return pasted(value) if isinstance(value, str) else value

    @classmethod
    def from_environment(cls) -> Self:
        """Read the settings.

        Raises:
            SettingsError: one is missing or wrong.
        """
        try:
            return cls.model_validate({})  # the environment adds the rest
        except ValidationError as error:
            raise SettingsError(_first_problem(error)) from None  # it would quote what it was given


def _in_small_letters(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


SmallLetters = BeforeValidator(_in_small_letters)
"""For a choice: others write their levels in capitals."""


def refused(says: str) -> PydanticCustomError:
    """Return what refuses settings that do not belong together."""
    return PydanticCustomError("bad_setting", "{says}", {"says": says})


def check_key(base_url: str | None, key: SecretStr | None, key_name: str) -> None:
    """Refuse a provider that answers nobody without a key: each turn would fail.

    Raises:
        PydanticCustomError: it is one, and there is no key.
    """
    host = "api.openai.com" if base_url is None else urlsplit(base_url).hostname or ""
    if key is None and _WANTS_A_KEY.search(host):
        raise refused(f"{key_name} is not set, and {host} answers nobody without a key")


_WANTS_A_KEY = re.compile(
    r"(?:^|\.)(?:openai|anthropic|googleapis|groq|deepseek|cohere|together|perplexity|fireworks"
    r"|azure|mistral|openrouter|x)\.(?:com|ai|xyz)$"
)


class EmbeddingSettings(EnvironmentSettings):
    """Where vectors of texts come from."""

    openai_api_key: ApiKey | None = Field(None, validation_alias="OPENAI_API_KEY")
    openai_base_url: ServerUrl | None = Field(None, validation_alias="OPENAI_BASE_URL")
    embeddings: Annotated[Literal["local", "openai", "off"] | None, SmallLetters] = None
    """What makes vectors of texts; by default this CPU, where the extra is installed."""
    embeddings_api_key: ApiKey | None = None
    embeddings_base_url: ServerUrl | None = None
    embeddings_model: str = "text-embedding-3-small"

    @model_validator(mode="after")
    def _say_where_vectors_come_from(self) -> Self:
        if self.embeddings is None:
            for name in ("api_key", "base_url", "model"):
                if f"embeddings_{name}" in self.model_fields_set:
                    said = f"ROMASHKA_EMBEDDINGS_{name.upper()} is set"
                    raise refused(f"{said}, and ROMASHKA_EMBEDDINGS is not: set it to openai")
        if self.embeddings == "openai":
            check_key(*self.embeddings_endpoint, "ROMASHKA_EMBEDDINGS_API_KEY")
        return self

    @property
    def embeddings_endpoint(self) -> tuple[str | None, SecretStr | None]:
        """The endpoint and its key. A key belongs to its server: another one is never sent it."""
        if self.embeddings_base_url is None:
            return self.openai_base_url, self.embeddings_api_key or self.openai_api_key
        return self.embeddings_base_url, self.embeddings_api_key


class Settings(EmbeddingSettings):
    """What a worker needs to know."""

    supabase_url: Annotated[str, read_by(read_project_url)] = Field(validation_alias="SUPABASE_URL")
    supabase_key: ApiKey = Field(
        validation_alias=AliasChoices("SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SECRET_KEY")
    )
    openai_model: str = Field("gpt-4o-mini", validation_alias="OPENAI_MODEL")
    fallback_api_key: ApiKey | None = Field(None, validation_alias="OPENAI_FALLBACK_API_KEY")
    fallback_base_url: ServerUrl | None = Field(None, validation_alias="OPENAI_FALLBACK_BASE_URL")
    fallback_model: str | None = Field(None, validation_alias="OPENAI_FALLBACK_MODEL")
    """The second endpoint, or another model on the first: asked when the first one fails."""
    worker_id: str = Field(
        default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}", max_length=200
    )
    concurrency: int = Field(100, ge=1, le=1000)
    """How many jobs are answered at a time: about as many as the model's provider lets you."""
    grace_seconds: float = Field(8.0, ge=0, le=300, allow_inf_nan=False)
    """How long a stopped worker may finish what it has; a container's default limit is 10 s."""
    log_level: Annotated[Literal["debug", "info", "warning", "error"], SmallLetters] = "info"
    http_host: str = "127.0.0.1"
    http_port: int | None = Field(None, ge=0, le=65535)
    """Where /metrics, /healthz and /readyz are served; nowhere without a port."""
    trace_prompts: bool = False
    """Are traces to keep what models are sent? It holds what customers wrote."""

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        key = self.supabase_key.get_secret_value()
        try:
            check_same_project(self.supabase_url, key, "SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY")
        except BadSetting as problem:
            raise refused(str(problem)) from None
        return self

    @model_validator(mode="after")
    def _say_where_models_are(self) -> Self:
        for name in ("openai_model", "fallback_api_key", "fallback_base_url", "fallback_model"):
            if not self.has_llm and name in self.model_fields_set:
                says = f"{type(self).model_fields[name].validation_alias} is set"
                raise refused(f"{says}, and neither OPENAI_API_KEY nor OPENAI_BASE_URL is")
        for model, prefix in zip(self.models, ("OPENAI", "OPENAI_FALLBACK"), strict=False):
            check_key(model.base_url, model.api_key, f"{prefix}_API_KEY")
        return self

    @property
    def has_llm(self) -> bool:
        """Is a model provider configured? A server of one's own may want no key."""
        return self.openai_api_key is not None or self.openai_base_url is not None

    @property
    def models(self) -> tuple[ModelSettings, ...]:
        """The models to ask, in their order."""
        if not self.has_llm:
            return ()
        first = ModelSettings(
            "primary", self.openai_base_url, self.openai_api_key, self.openai_model
        )
        if not (self.fallback_base_url or self.fallback_api_key or self.fallback_model):
            return (first,)
        # A key belongs to its server: another one is never sent it.
        second = ModelSettings(
            "fallback",
            self.fallback_base_url or first.base_url,
            self.fallback_api_key or (None if self.fallback_base_url else first.api_key),
            self.fallback_model or first.model,
        )
        return (first, second)


_OTHERWISE = {"SUPABASE_URL": "; or start a stack here: romashka start"}


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_input=False, include_url=False)[0]
    name = str(next(iter(problem["loc"]), ""))
    if name.islower():
        name = f"ROMASHKA_{name.upper()}"
    if problem["type"] == "missing":
        return f"{name} is not set{_OTHERWISE.get(name, '')}"
    if problem["type"] == "bad_setting":
        return problem["msg"].replace(_NAME, name)
    return f"{name}: {problem['msg']}"
