"""What `repeatable/*_grants.sql` grants by name, beside what a database has."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from romashka._migration_files import product_folder, read_sql

_STATEMENT = re.compile(
    r"(grant|revoke)\s+(.+?)\s+on\s+(function|schema)?\s*([\w.,\s]+?)\s+(?:to|from)\s+([\w,\s]+?);",
    re.DOTALL,
)
_PRIVILEGE = re.compile(r"(\w+)(?:\s+\(([^)]*)\))?")
_ROLES = frozenset({"public", "anon", "authenticated", "service_role"})


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """A right of a role on an object, or on one column of a table."""

    role: str
    privilege: str
    object: str
    """`public.messages`, `public.create_conversation`, `private`"""
    column: str | None = None

    def __str__(self) -> str:
        column = f" ({self.column})" if self.column else ""
        return f"{self.role}: {self.privilege}{column} on {self.object}"


@dataclass(frozen=True, slots=True)
class Grants:
    """The objects that a file closes to everybody, and what it opens again."""

    objects: frozenset[str]
    granted: frozenset[Grant]


def read_grants(folder: Path | None = None, extras: Iterable[str] = ()) -> Grants:
    """Read the grants of the edition in a `supabase` folder, by default this package's.

    `extras` are texts of its files of `compatibility/` that a database has, too.
    """
    [path] = (folder or product_folder()).glob("repeatable/*_grants.sql")
    text = re.sub(r"--[^\n]*", "", "\n".join([read_sql(path), *extras]))
    objects: set[str] = set()
    granted: set[Grant] = set()
    for verb, privileges, _kind, names, roles in _STATEMENT.findall(text):
        if verb == "revoke":
            objects.update(_words(names))
        else:
            granted.update(
                Grant(role, privilege, name, column)
                for role in _words(roles)
                for name in _words(names)
                for privilege, column in _privileges(privileges)
            )
    return Grants(frozenset(objects), frozenset(granted))


def found_grants(rows: Iterable[Mapping[str, str | None]]) -> tuple[set[str], set[Grant]]:
    """Turn the rows of `get_romashka_grants` into the objects there are, and the rights on them."""
    objects: set[str] = set()
    granted: set[Grant] = set()
    for row in rows:
        objects.add(str(row["object"]))
        if row["grantee"] in _ROLES:
            granted.add(
                Grant(
                    str(row["grantee"]),
                    str(row["privilege"]),
                    str(row["object"]),
                    row["column_name"],
                )
            )
    return objects, granted


def differences(
    wanted: Grants, rows: Iterable[Mapping[str, str | None]]
) -> tuple[list[Grant], list[Grant]]:
    """Return which rights a database lacks, and which it has on our objects that no file grants.

    An object that is not there is neither: an optional extension brings some.
    """
    objects, granted = found_grants(rows)
    missing = {grant for grant in wanted.granted if grant.object in objects} - granted
    surplus = {grant for grant in granted if grant.object in wanted.objects} - wanted.granted
    return sorted(missing, key=str), sorted(surplus, key=str)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def _privileges(text: str) -> Iterator[tuple[str, str | None]]:
    for privilege, columns in _PRIVILEGE.findall(text):
        for column in _words(columns):
            yield privilege, column or None
