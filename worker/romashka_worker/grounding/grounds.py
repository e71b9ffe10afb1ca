"""What a reply may say: everything that its author was given, and what was written before."""

import unicodedata
from collections.abc import Iterable, Mapping
from functools import cached_property

from romashka_worker.grounding.dates import Key, closed_days
from romashka_worker.grounding.facts import Fact, find_facts
from romashka_worker.grounding.names import KnownNames
from romashka_worker.grounding.promises import KnownPromises
from romashka_worker.job import Job
from romashka_worker.language import base_language, is_same_language
from romashka_worker.responders import Draft

_MAX_CHARS = 20_000
"""Of one text: a customer's may be endless."""
_SIGNS = str.maketrans({"٪": "%", "٫": ".", "٬": ",", "‑": "-", "−": "-", "’": "'", "‘": "'"})  # noqa: RUF001 -- of many scripts


class Grounds:
    """What a reply may say."""

    def __init__(
        self,
        *,
        by_team: Iterable[str],
        by_agents: Iterable[str] = (),
        by_others: Iterable[str] = (),
        language: str | None,
        is_told: bool,
    ) -> None:
        """Collect what is known.

        Args:
            by_team: items and settings.
            by_agents: what the team's people wrote to this customer.
            by_others: what the customer, and the AI, wrote, and the profile: facts, no promises.
            language: the reply's.
            is_told: are the items that it is taken from in this language?
        """
        self._by_team, self._by_agents, by_others = (
            [_normalised(_shortened(text)) for text in texts]
            for texts in (by_team, by_agents, by_others)
        )
        self._texts = [*self._by_team, *self._by_agents, *by_others]
        self._language = base_language(language or "und")
        self._is_told = is_told

    def missing_from(self, sentence: str) -> tuple[Fact, ...]:
        """Return what a sentence states and nothing supports."""
        text, given = _normalised(sentence), self._given
        given |= closed_days(text, given, self._language)
        stated = [
            fact
            for fact in find_facts(text, self._language)
            if fact.needs and not fact.needs & given
        ]
        names = self._names.unknown_in(text, self._language, is_told=self._is_told)
        promised = self._promises.unknown_in(text)
        return (
            *stated,
            *(Fact("name", name) for name in names),
            *(Fact("promise", promise) for promise in promised),
        )

    @cached_property
    def _given(self) -> frozenset[Key]:
        facts = (fact for text in self._texts for fact in find_facts(text))
        return frozenset(key for fact in facts for key in fact.gives)

    @cached_property
    def _names(self) -> KnownNames:
        return KnownNames(self._texts)

    @cached_property
    def _promises(self) -> KnownPromises:
        return KnownPromises(self._by_team, self._by_agents)


def grounds_of(job: Job, draft: Draft) -> Grounds:
    """Return what a reply to a job may say.

    All items that its author was given count, cited or not: of two that say the same, models name
    one, and of what they take a price from, sometimes none.
    """
    items, cited = draft.written_from or (), draft.analysis.knowledge_sources
    language = draft.analysis.language
    said = job.context.get("recent_messages") or ()
    named = [item for item in items if item.id in cited]
    customer = (job.customer.get(name) for name in ("name", "preferences"))
    return Grounds(
        by_team=[
            *(f"{item.title}\n{item.content}" for item in items),
            str(job.settings.get("persona") or ""),
        ],
        by_agents=[row["content"] for row in said if row["sender_type"] not in ("user", "ai")],
        by_others=[
            job.user_message,
            *(row["content"] for row in said),
            *(_spelled(value) for value in customer if value),
        ],
        language=language,
        is_told=bool(named) and all(is_same_language(item.language, language) for item in named),
    )


def _spelled(value: object) -> str:
    """Return what a profile says, with the names of what it says."""
    if isinstance(value, Mapping):
        return "\n".join(f"{key}: {_spelled(told)}" for key, told in value.items())
    if isinstance(value, list):
        return "\n".join(map(_spelled, value))
    return str(value)


def _shortened(text: str) -> str:
    """Return a text without its middle if it is endless, as models are given it."""
    half = _MAX_CHARS // 2
    return text if len(text) <= _MAX_CHARS else f"{text[:half]}\n{text[-half:]}"


def _normalised(text: str) -> str:
    """Return a text with one spelling of each letter, figure and sign."""
    text = unicodedata.normalize("NFKC", text).translate(_SIGNS)
    return "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter
        for letter in text
        if unicodedata.category(letter) != "Cf"  # marks of direction, spaces of no width
    )
