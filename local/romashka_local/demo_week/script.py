"""What happens in the week of the demo, read from its files: who does what, and when."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from typing import Any

_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_CHANNELS = {"website", "whatsapp", "instagram", "email"}


@dataclass(frozen=True, slots=True)
class Person:
    """A customer, and where they write."""

    name: str
    language: str
    channel: str
    email: str | None
    number: int
    """Of those who come by a channel: each has an id there."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation of the week."""

    key: int
    person: Person
    topic: str | None
    sentiment: str
    priority: str
    tags: Sequence[str]
    subject: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """Somebody does something, so long before the moment at which the week is loaded."""

    before: timedelta
    conversation: Conversation
    who: str
    seconds: float
    """Since what happened before it in its conversation."""
    what: Sequence[Any]


def read_knowledge() -> list[dict[str, Any]]:
    """Return what the shop knows."""
    items: list[dict[str, Any]] = _read("knowledge.toml")["items"]
    return items


def read_events() -> list[Event]:
    """Return all that happens, in its order."""
    script = _read("conversations.toml")
    told = [*script["conversations"], *map(_as_conversation, script["questions"])]
    people: dict[str, int] = {}
    events = [
        event
        for key, one in enumerate(told)
        for event in _events(_conversation(key, one, people), one)
    ]
    return sorted(events, key=lambda event: event.before, reverse=True)


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath(name).read_text("utf-8"))


def _conversation(key: int, told: Mapping[str, Any], people: dict[str, int]) -> Conversation:
    channel = told.get("channel", "website")
    if channel not in _CHANNELS:
        raise ValueError(f"conversations.toml: there is no channel {channel}")
    number = people.setdefault(told["customer"], len(people) + 1)
    person = Person(told["customer"], told["language"], channel, told.get("email"), number)
    return Conversation(
        key,
        person,
        told.get("topic"),
        told.get("sentiment", "neutral"),
        told.get("priority", "normal"),
        told.get("tags", ()),
        told.get("subject"),
    )


def _events(conversation: Conversation, told: Mapping[str, Any]) -> Iterator[Event]:
    before = _parse(told["ago"])
    for who, seconds, *what in told["steps"]:
        before -= timedelta(seconds=seconds)
        yield Event(before, conversation, who, seconds, what)


def _as_conversation(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return a question and its answer as a conversation of its own."""
    sure = 0.85 + len(question["asked"]) % 13 / 100
    seconds = 1.2 + len(question["answer"]) % 17 / 10
    steps: list[list[Any]] = [
        ["customer", 0, question["asked"]],
        ["ai", seconds, question["answer"], question["article"], sure],
    ]
    if "rated" in question:
        steps.append(["rate", 60, question["rated"]])
    return {**question, "topic": question["article"].replace("-", "_"), "steps": steps}


def _parse(ago: str) -> timedelta:
    parts = {_UNITS[part[-1]]: float(part[:-1]) for part in ago.split()}
    return timedelta(**parts)
