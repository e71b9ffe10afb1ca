"""One line of a diagnosis."""

from dataclasses import dataclass
from typing import Literal, Self

from romashka._secrets import hide_secrets


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and the command that mends it."""

    name: str
    state: Literal["ok", "warning", "problem"]
    says: str
    fix: str | None = None

    def __post_init__(self) -> None:
        """Hide secrets: what is found wrong often quotes a setting or a server."""
        object.__setattr__(self, "says", hide_secrets(self.says))
        object.__setattr__(self, "fix", self.fix and hide_secrets(self.fix))

    @classmethod
    def ok(cls, name: str, says: str) -> Self:
        """All is well."""
        return cls(name, "ok", says)

    @classmethod
    def warning(cls, name: str, says: str, fix: str) -> Self:
        """It works, and could work better."""
        return cls(name, "warning", says, fix)

    @classmethod
    def problem(cls, name: str, says: str, fix: str) -> Self:
        """It cannot work like this."""
        return cls(name, "problem", says, fix)
