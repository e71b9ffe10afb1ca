"""What a worker is told by its environment."""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

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
            raise PydanticCustomError("bad_setting", "{says}", {"says": str(problem)}) from None

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


class EmbeddingSettings(EnvironmentSettings):
    """Where vectors of texts come from."""

    openai_api_key: ApiKey | None = Field(None, validation_alias="OPENAI_API_KEY")
    openai_base_url: ServerUrl | None = Field(None, validation_alias="OPENAI_BASE_URL")
    embeddings: Literal["local", "openai", "off"] | None = None
    """What makes vectors of texts; by default this CPU, where the extra is installed."""
    embeddings_api_key: ApiKey | None = None
    embeddings_base_url: ServerUrl | None = None
    embeddings_model: str = "text-embedding-3-small"


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
    worker_id: str = Field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    concurrency: int = Field(100, ge=1, le=1000)
    """How many jobs are answered at a time: about as many as the model's provider lets you."""
    grace_seconds: float = Field(8.0, ge=0, le=300)
    """How long a stopped worker may finish what it has; a container's default limit is 10 s."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
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
            raise PydanticCustomError("bad_setting", "{says}", {"says": str(problem)}) from None
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


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_input=False, include_url=False)[0]
    name = str(next(iter(problem["loc"]), ""))
    if name.islower():
        name = f"ROMASHKA_{name.upper()}"
    if problem["type"] == "missing":
        return f"{name} is not set"
    if problem["type"] == "bad_setting":
        return problem["msg"].replace(_NAME, name)
    return f"{name}: {problem['msg']}"
