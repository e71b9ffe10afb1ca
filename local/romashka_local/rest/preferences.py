"""The `Prefer` header (RFC 7240): what a client asks for beyond the request itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from romashka_local.rest.errors import RestError

_VALUES = {
    "resolution": ("merge-duplicates", "ignore-duplicates"),
    "missing": ("default", "null"),
    "return": ("representation", "minimal", "headers-only"),
    "count": ("exact", "planned", "estimated"),
    "tx": ("commit", "rollback"),
    "handling": ("strict", "lenient"),
}
"""Also the order in which `Preference-Applied` lists them."""


@dataclass(frozen=True, slots=True)
class Preferences:
    resolution: str | None = None
    missing: str | None = None
    returns: str | None = None
    count: str | None = None
    transaction: str | None = None
    handling: str | None = None
    timezone: str | None = None
    max_affected: int | None = None

    @property
    def wants_representation(self) -> bool:
        return self.returns == "representation"

    @property
    def counts_rows(self) -> bool:
        """Whether the total is counted; `planned` only asks the planner."""
        return self.count in ("exact", "estimated")

    @property
    def limit_of_affected(self) -> int | None:
        return self.max_affected if self.handling == "strict" else None

    def applied(self, *kinds: Literal["resolution", "missing", "return", "max-affected"]) -> str:
        """Return `Preference-Applied` for a request where only these `kinds` are optional."""
        listed = [
            ("resolution", self.resolution if "resolution" in kinds else None),
            ("missing", self.missing if "missing" in kinds else None),
            ("return", self.returns if "return" in kinds else None),
            ("count", self.count),
            ("tx", self.transaction),
            ("handling", self.handling),
            ("timezone", self.timezone),
            ("max-affected", self.limit_of_affected if "max-affected" in kinds else None),
        ]
        return ", ".join(f"{name}={value}" for name, value in listed if value is not None)


def parse_preferences(headers: Iterable[str], *, allow_transaction: bool) -> Preferences:
    """Parse every `Prefer` header of a request; the first preference of a kind wins.

    Raises:
        RestError: PGRST122, an unknown preference with `handling=strict`.
    """
    found: dict[str, str] = {}
    unknown = []
    for preference in (part.strip() for header in headers for part in header.split(",")):
        name, _, value = preference.partition("=")
        if name in ("timezone", "max-affected") or value in _VALUES.get(name, ()):
            found.setdefault(name, value)
        elif preference:
            unknown.append(preference)
    if unknown and found.get("handling") == "strict":
        raise RestError(
            400,
            "PGRST122",
            "Invalid preferences given with handling=strict",
            f"Invalid preferences: {', '.join(unknown)}",
        )
    limit = found.get("max-affected", "")
    is_number = limit.isascii() and limit.isdigit() and len(limit) < 19
    return Preferences(
        resolution=found.get("resolution"),
        missing=found.get("missing"),
        returns=found.get("return"),
        count=found.get("count"),
        transaction=found.get("tx") if allow_transaction else None,
        handling=found.get("handling"),
        timezone=found.get("timezone"),
        max_affected=int(limit) if is_number else None,
    )
