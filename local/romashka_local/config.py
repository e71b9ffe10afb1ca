"""What one stack is made of: its addresses, folders and keys, and the project's `config.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from romashka_local.errors import StackError
from romashka_local.keys import Keys

Value = TypeVar("Value", bool, int, str)

DATABASE_PASSWORD = "postgres"  # noqa: S105 -- a loopback development server's, as in `supabase start`


@dataclass(frozen=True)
class StackConfig:
    """Everything that the servers of one stack need to know; nothing changes while it runs."""

    project_dir: Path
    """The folder that holds `migrations/`, `functions/`, `config.toml` and `seed.sql`."""
    data_dir: Path
    """The folder of this stack: the cluster, stored files, logs."""
    port: int
    db_port: int
    keys: Keys = field(default_factory=Keys)
    host: str = "127.0.0.1"
    database: str = "postgres"
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The parsed `config.toml`; read it with `setting`."""

    @property
    def api_url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def database_url(self, role: str = "postgres") -> str:
        """Return the connection URL of `role` (every role has the same local password)."""
        credentials = f"{quote(role)}:{DATABASE_PASSWORD}"
        return f"postgresql://{credentials}@{self.host}:{self.db_port}/{self.database}"

    def setting(self, path: str, default: Any) -> Any:
        """Return one value of `config.toml`, named like `auth.enable_signup`, or `default`."""
        value: Any = self.settings
        for name in path.split("."):
            if not isinstance(value, Mapping) or name not in value:
                return default
            value = value[name]
        return value

    def checked_setting(self, path: str, default: Value) -> Value:
        """Return the same, as a value of the default's type.

        Raises:
            StackError: it is of another type; the message names it.
        """
        value = self.setting(path, default)
        if type(value) is not type(default):
            kind = type(default).__name__
            raise StackError(
                f"unable to use {path} = {value!r} of config.toml; it must be of type {kind}"
            )
        return value


def read_settings(project_dir: Path) -> Mapping[str, Any]:
    """Return the parsed `config.toml` of `project_dir`, empty when there is none.

    Raises:
        ValueError: the file is not TOML; the message names the file and the line.
    """
    path = project_dir / "config.toml"
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"unable to read {path}; {error}") from error
