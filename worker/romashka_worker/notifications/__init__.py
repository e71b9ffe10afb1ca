"""Whom of the team, or which program, a worker tells of what (docs/notifications.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import SecretStr

SEND_SECONDS = 20.0
"""No notification takes longer: it is cancelled, well before the lease runs out."""

Outcome = Literal["sent", "retry", "failed", "released"]


@dataclass(frozen=True, slots=True)
class Notification:
    """Something that somebody is to be told, held under a lease by one attempt."""

    id: str
    attempt: int
    rule_id: str
    kind: str
    target: SecretStr
    """An address, or a URL: Slack's is a secret."""
    secret: SecretStr | None
    """What signs a webhook: `whsec_` and base64."""
    body: Mapping[str, Any]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Parse a row of a claim."""
        return cls(
            id=row["delivery_id"],
            attempt=row["attempt"],
            rule_id=row["rule_id"],
            kind=row["kind"],
            target=SecretStr(row["target"]),
            secret=SecretStr(row["secret"]) if row["secret"] else None,
            body=row["body"],
        )


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a notification. Admins are shown the error: it names no text and no secret."""

    outcome: Outcome
    error_code: str | None = None
    error: str | None = None
    retry_after_seconds: float | None = None
