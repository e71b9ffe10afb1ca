"""How the API is set up: `[api]` of `config.toml`, and what the database says over it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from romashka_local.config import StackConfig

_TRUE = ("true", "t", "1", "yes", "on")


@dataclass(frozen=True, slots=True)
class Settings:
    schemas: tuple[str, ...]
    extra_search_path: tuple[str, ...]
    max_rows: int | None
    aggregates_enabled: bool = False
    plan_enabled: bool = False
    allows_transaction_override: bool = False
    rolls_back: bool = False
    requires_filters: bool = True
    """Whether an update or delete of a whole table is refused, as by pg-safeupdate."""
    pre_request: tuple[str, ...] = ()
    """The name of a function that runs before each request, in its parts."""

    def with_database(self, stored: Mapping[str, str]) -> "Settings":
        """Return these settings under what the database says: `alter role authenticator set`."""
        ending = stored.get("db_tx_end", "commit")
        rows = stored.get("db_max_rows", "")
        return replace(
            self,
            schemas=_names(stored.get("db_schemas")) or self.schemas,
            extra_search_path=_names(stored.get("db_extra_search_path")) or self.extra_search_path,
            max_rows=int(rows) if rows.isdecimal() else self.max_rows,
            aggregates_enabled=stored.get("db_aggregates_enabled", "").lower() in _TRUE,
            plan_enabled=stored.get("db_plan_enabled", "").lower() in _TRUE,
            allows_transaction_override=ending.endswith("allow-override"),
            rolls_back=ending.startswith("rollback"),
            requires_filters=stored.get("safeupdate.enabled", "on").lower() in _TRUE,
            pre_request=tuple(filter(None, stored.get("db_pre_request", "").split("."))),
        )


def _names(listed: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (listed or "").split(",") if name.strip())


def api_settings(config: StackConfig) -> Settings:
    return Settings(
        schemas=tuple(config.setting("api.schemas", ["public", "graphql_public"])),
        extra_search_path=tuple(config.setting("api.extra_search_path", ["public", "extensions"])),
        max_rows=config.setting("api.max_rows", 1000),
    )
