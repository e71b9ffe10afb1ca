"""What a customer's first message needs beside a worker: a session, something known, somebody."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from romashka_worker.doctor.auth import look_at_sign_in
from romashka_worker.doctor.finding import Finding
from romashka_worker.settings import Settings


async def look_at_readiness(
    installed: Mapping[str, Any], settings: Settings
) -> AsyncIterator[Finding]:
    """Yield whether anybody can write, anything is known, and anybody answers."""
    yield await look_at_sign_in(settings, has_visitors=bool(installed.get("visitors")))
    if "knowledge" not in installed:  # an older edition: its migrations were named
        return
    yield _knowledge(installed["knowledge"], has_model=settings.has_llm)
    yield _staff(installed["staff"])
    yield _notifications(**installed["notifications"])
    yield _secrets(installed["secrets"])


def _knowledge(count: int, *, has_model: bool) -> Finding:
    fix = "romashka knowledge import FOLDER  # or files: Markdown, HTML, CSV, text"
    if count:
        return Finding.ok("knowledge", f"{count} item{'s' * (count != 1)}")
    if has_model:
        says = "nothing is known: the model answers small talk alone"
        return Finding.warning("knowledge", says, fix)
    says = "nothing is known, and there is no model: every message is handed over"
    return Finding.problem("knowledge", says, fix)


def _staff(count: int) -> Finding:
    if count:
        return Finding.ok("staff", f"{count} see{'s' * (count == 1)} the inbox")
    return Finding.problem(
        "staff",
        "nobody: what is handed over waits for ever",
        "romashka staff add EMAIL --role admin --create",
    )


def _notifications(rules: int, failing: Sequence[Mapping[str, str]]) -> Finding:
    if failing:
        first = failing[0]
        says = f"rule {first['id']} does not get through: {first['error']}"
        return Finding.problem("notifications", says, f"romashka notifications test {first['id']}")
    if rules:
        return Finding.ok("notifications", f"{rules} rule{'s' * (rules != 1)} tell of what happens")
    says = "nobody is told when a customer waits for a human"
    return Finding.warning("notifications", says, "romashka notifications add email EMAIL")


def _secrets(count: int) -> Finding:
    """Say what a backup has, and what none has."""
    if not count:
        return Finding.ok("secrets", "no channel's are in the database, nor in its backups")
    return Finding.ok(
        "secrets",
        f"{count} of channels in the database, and in each of its backups: keep those as keys are"
        " kept; those of functions and workers are in no backup",
    )
