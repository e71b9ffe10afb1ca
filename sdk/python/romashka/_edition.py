"""What one edition of Romashka's schema is made of, and what a database records of it."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from romashka._migration_files import Migration, find_migrations, product_folder, read_sql

EXTENSIONS = """
select coalesce(
  string_agg(extname || ' in ' || extnamespace::regnamespace, ', ' order by extname), 'none')
from pg_catalog.pg_extension where extname in ('vector', 'pg_trgm', 'pg_cron')
"""
"""Which of the optional ones a database has: repeatable files look for them."""


@dataclass(frozen=True, slots=True)
class Repeatable:
    """One file of `repeatable/`: functions, triggers, policies, grants; applied anew if changed."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        folder = self.path.parent.name
        return self.path.name if folder == "repeatable" else f"{folder}/{self.path.name}"

    @property
    def digest(self) -> str:
        """What tells this edition of the file from others, whatever its line ends are."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Edition:
    """Versioned files (tables and data), which are never edited, and the repeatable ones."""

    folder: Path
    migrations: list[Migration]
    repeatables: list[Repeatable]
    extras: list[Repeatable]
    """Files of `compatibility/`: of each a database has what somebody chose."""

    def chosen(self, names: Iterable[str]) -> list[Repeatable]:
        """Return the extras with these names.

        Raises:
            ValueError: there is none of a name; the message says which there are.
        """
        known = {extra.path.stem: extra for extra in self.extras}
        unknown = sorted(set(names) - known.keys())
        if unknown:
            raise ValueError(f"there is no {', '.join(unknown)}; there is {', '.join(known)}")
        return [known[name] for name in sorted(set(names))]

    def recorded_extras(self, recorded: Mapping[str, str]) -> list[Repeatable]:
        """Return the extras that a database has, by what it records."""
        return [extra for extra in self.extras if extra.name in recorded]

    def schema_version(self) -> int:
        """Return what `get_romashka_installation` says of it: higher when workers need more."""
        found = re.findall(
            r"'schema_version', (\d+)", "".join(file.text for file in self.repeatables)
        )
        return int(found[0])

    def records(self) -> dict[str, str]:
        """Return what a database that has this edition records in `private.applied_files`."""
        return {migration.path.name: "once" for migration in self.migrations} | {
            file.name: file.digest for file in self.repeatables
        }


def read_edition(folder: Path | None = None) -> Edition:
    """Read the edition in a `supabase` folder, by default this package's."""
    folder = folder or product_folder()
    return Edition(
        folder,
        find_migrations(folder),
        _read_files(folder / "repeatable"),
        _read_files(folder / "compatibility"),
    )


def _read_files(folder: Path) -> list[Repeatable]:
    return [Repeatable(path, read_sql(path)) for path in sorted(folder.glob("*.sql"))]
