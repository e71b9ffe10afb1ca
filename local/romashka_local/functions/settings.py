"""Which functions a project has, how each is run, and the environment that they are given."""

import base64
import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from romashka_local.config import StackConfig

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_FROM_ENVIRONMENT = re.compile(r"env\((\w+)\)")
_log = logging.getLogger("romashka.local.functions")


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """One function, as its folder and `[functions.<slug>]` of `config.toml` describe it."""

    slug: str
    folder: Path
    entrypoint: Path
    import_map: Path | None
    """A `deno.json`, or a plain import map."""
    verify_jwt: bool


def find_function(config: StackConfig, slug: str) -> FunctionSettings | None:
    """Return the function called `slug`; none when there is no such one, or it is disabled.

    Looked up at each call, so that a new folder is a new function at once.
    """
    if not _SLUG.fullmatch(slug):
        return None
    section = config.setting(f"functions.{slug}", {})
    if not isinstance(section, Mapping) or not section.get("enabled", True):
        return None
    folder = config.project_dir / "functions" / slug
    named = section.get("entrypoint")
    entrypoint = config.project_dir / named if named else folder / "index.ts"
    if not entrypoint.is_file():
        return None
    return FunctionSettings(
        slug=slug,
        folder=folder,
        entrypoint=entrypoint.resolve(),
        import_map=_import_map(config.project_dir, folder, section),
        verify_jwt=bool(section.get("verify_jwt", True)),
    )


def _import_map(project_dir: Path, folder: Path, section: Mapping[str, Any]) -> Path | None:
    if named := section.get("import_map"):
        return project_dir / str(named)
    candidates = [
        folder / "deno.json",
        folder / "deno.jsonc",
        folder / "import_map.json",
        folder.parent / "import_map.json",
    ]
    return next((path for path in candidates if path.is_file()), None)


def function_environment(config: StackConfig) -> dict[str, str]:
    """Return the variables that every function sees: the project's own, then Supabase's."""
    secrets = config.setting("edge_runtime.secrets", {})
    own = {name: _resolved(str(value)) for name, value in dict(secrets).items()}
    own |= {
        name: value or ""
        for name, value in dotenv_values(config.project_dir / "functions" / ".env").items()
    }
    reserved = [name for name in own if name.startswith("SUPABASE_")]
    for name in reserved:
        _log.warning("functions.reserved_name_skipped", extra={"variable": name})
        del own[name]
    return own | _supabase_environment(config)


def _resolved(value: str) -> str:
    """Return what `env(NAME)` stands for, or the value itself."""
    named = _FROM_ENVIRONMENT.fullmatch(value)
    return os.environ.get(named[1], "") if named else value


def _supabase_environment(config: StackConfig) -> dict[str, str]:
    keys = config.keys
    secret = base64.urlsafe_b64encode(keys.jwt_secret.encode()).rstrip(b"=").decode()
    return {
        "SUPABASE_URL": config.api_url,
        "SUPABASE_ANON_KEY": keys.anon_key,
        "SUPABASE_SERVICE_ROLE_KEY": keys.service_role_key,
        "SUPABASE_DB_URL": config.database_url(),
        "SUPABASE_PUBLISHABLE_KEYS": json.dumps({"default": keys.publishable_key}),
        "SUPABASE_SECRET_KEYS": json.dumps({"default": keys.secret_key}),
        "SUPABASE_JWKS": json.dumps({"keys": [{"kty": "oct", "k": secret}]}),
    }
