"""The matrix of docs/security.md, as data."""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
ROLES = ("anon", "customer", "another", "agent", "admin", "service role")

Verbs = frozenset[str]


def matrix(heading: str) -> dict[str, dict[str, Verbs]]:
    """Return what each role may do with each object of the table under `heading`."""
    return {
        row[0].replace("`", ""): {
            role: frozenset(re.findall("[a-z]+", cell))
            for role, cell in zip(ROLES, row[1:], strict=True)
        }
        for row in _rows(heading)
    }


def written_columns() -> dict[tuple[str, str], list[str]]:
    """Return the columns that may be written, by table and verb; `["all"]` stands for all."""
    return {
        (table.strip("`"), verb): columns.split(", ")
        for table, verb, columns in _rows("Columns that may be written")
    }


@dataclass(frozen=True, slots=True)
class Limit:
    """A row of the page's limits."""

    name: str
    number: str
    setting: str
    enforced_by: str
    answer: str


def limits() -> dict[str, Limit]:
    """Return the limits of a customer, by their names."""
    return {
        name: Limit(name, *_NUMBER.findall(number)[0], by.strip("`"), answer.replace("`", ""))
        for name, number, by, answer in _rows("Limits")
    }


_NUMBER = re.compile(r"^([^`]*?)(?: `([a-z_]+)`)?$")


def _rows(heading: str) -> list[list[str]]:
    section = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return cells[2:]  # below the head and its rule
