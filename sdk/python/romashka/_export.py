"""Copies Romashka's migrations into the folder of a project that has migrations of its own."""

from datetime import UTC, datetime
from pathlib import Path

from romashka._edition import EXTENSIONS, Edition, read_edition
from romashka._migration_files import read_sql

_REPEATABLES = "romashka_repeatable"
_HEAD = """\
-- Romashka's functions, triggers, policies and grants, as `romashka migrations export` wrote them.
-- Do not edit: a newer edition comes as another file of this name.

"""


class ExportError(Exception):
    """Nothing was copied; the message says what is in the way."""


def export_migrations(folder: Path, product: Path | None = None) -> tuple[list[str], int]:
    """Copy what `folder` lacks; return the names of those files, and how many it had.

    What is repeatable becomes one file, and another one whenever it has changed: the Supabase CLI
    applies a version once. `product` is Romashka's `supabase` folder, by default this package's.

    Raises:
        ExportError: there is no such folder, or it holds another file of the same version.
    """
    if not folder.is_dir():
        raise ExportError(f"there is no folder {folder}; name the project's supabase/migrations")
    edition = read_edition(product)
    ours = [migration.path for migration in edition.migrations]
    theirs = {path.name.partition("_")[0]: path for path in folder.glob("*.sql")}
    missing = {}
    for path in ours:
        found = theirs.get(path.name.partition("_")[0])
        if found is None:
            missing[path.name] = read_sql(path)
        elif found.name != path.name or read_sql(found) != read_sql(path):
            raise ExportError(f"{found} is in the way of {path.name}; move it, or delete it")
    latest = max(folder.glob(f"*_{_REPEATABLES}.sql"), default=None)
    repeatables = _as_one(edition)
    if latest is None or read_sql(latest) != repeatables:
        missing[f"{_next_version(folder, ours)}_{_REPEATABLES}.sql"] = repeatables
    for name, text in missing.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return list(missing), len(ours) + 1 - len(missing)


def _as_one(edition: Edition) -> str:
    """Return one file that applies what is repeatable, and records it for `romashka migrate`."""
    records = ",\n".join(f"  ('{name}', '{digest}')" for name, digest in edition.records().items())
    return (
        _HEAD
        + "\n".join(file.text for file in edition.repeatables)
        + "\ndelete from private.applied_files;\n"
        + f"insert into private.applied_files (name, digest) values\n{records},\n"
        + f"  ('extensions', ({EXTENSIONS}));\n"
    )


def _next_version(folder: Path, ours: list[Path]) -> str:
    """Return the time as a version, later than that of every file that this one builds on."""
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
    files = [*ours, *folder.glob(f"*_{_REPEATABLES}.sql")]
    newest = max(int(path.name.partition("_")[0]) for path in files)
    return str(max(int(now), newest + 1))
