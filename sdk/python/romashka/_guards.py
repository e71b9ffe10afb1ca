"""What guards the rows (row security, policies, triggers), beside what a database has of it.

A trigger that is off, a policy that is gone: nothing fails, and nothing is answered, or everybody
reads everything.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from romashka._edition import read_edition
from romashka._grants import read_grants

_POLICY = re.compile(r'create policy "([^"]+)" on (\w+\.\w+)')
_TRIGGER = re.compile(r"create or replace trigger (\w+) (?:before|after)\b[^;]*? on (\w+\.\w+)")
_PUBLISHED = ("public.messages", "public.conversations")
_OF_VECTORS = {"knowledge_items_drop_embeddings": "private.knowledge_embeddings"}
"""What is there with pgvector alone, by the table that is there with it."""


@dataclass(frozen=True, slots=True)
class Guards:
    """What the files of an edition put before its rows."""

    tables: frozenset[str]
    policies: frozenset[tuple[str, str]]
    """Each as its table and its name; so are triggers."""
    triggers: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Lacks:
    """What a database does not have of that."""

    row_security: list[str] = field(default_factory=list)
    """The tables of which everybody with a right reads every row."""
    policies: list[str] = field(default_factory=list)
    triggers: list[str] = field(default_factory=list)
    publication: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.row_security or self.policies or self.triggers or self.publication)


def read_guards(folder: Path | None = None, extras: Iterable[str] = ()) -> Guards:
    """Read the guards of the edition in a `supabase` folder, by default this package's.

    `extras` are texts of its files of `compatibility/` that a database has, too.
    """
    extras = [*extras]
    texts = [file.text for file in read_edition(folder).repeatables] + extras
    text = re.sub(r"--[^\n]*", "", "\n".join(texts))
    return Guards(
        read_grants(folder, extras).objects,
        frozenset((table, name) for name, table in _POLICY.findall(text)),
        frozenset((table, name) for name, table in _TRIGGER.findall(text)),
    )


def missing_guards(wanted: Guards, told: Mapping[str, Any]) -> Lacks:
    """Compare with what `get_romashka_guards` told; a table that is not there lacks nothing."""
    tables: Mapping[str, bool] = told["row_security"]
    policies = {(table, name) for table, name in told["policies"]}
    triggers = {(table, name): is_on for table, name, is_on in told["triggers"]}
    return Lacks(
        sorted(table for table in wanted.tables & tables.keys() if not tables[table]),
        sorted(
            f'"{name}" on {table}' for table, name in wanted.policies - policies if table in tables
        ),
        sorted(
            f"{name} on {table} is {'off' if (table, name) in triggers else 'missing'}"
            for table, name in wanted.triggers
            if table in tables
            and _OF_VECTORS.get(name, table) in tables
            and not triggers.get((table, name))
        ),
        [table for table in _PUBLISHED if table in tables and table not in told["published"]],
    )
