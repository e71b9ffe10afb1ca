"""Copies Romashka's migrations into the folder of a project that has migrations of its own."""

from pathlib import Path

from romashka._migration_files import find_migrations, product_folder


class ExportError(Exception):
    """Nothing was copied; the message says what is in the way."""


def export_migrations(folder: Path) -> tuple[list[str], int]:
    """Copy what `folder` lacks; return the names of those files, and how many it had.

    Raises:
        ExportError: there is no such folder, or it holds another file of the same version.
    """
    if not folder.is_dir():
        raise ExportError(f"there is no folder {folder}; name the project's supabase/migrations")
    ours = [migration.path for migration in find_migrations(product_folder())]
    theirs = {path.name.partition("_")[0]: path for path in folder.glob("*.sql")}
    missing = []
    for path in ours:
        found = theirs.get(path.name.partition("_")[0])
        if found is None:
            missing.append(path)
        elif found.name != path.name or found.read_bytes() != path.read_bytes():
            raise ExportError(f"{found} is in the way of {path.name}; move it, or delete it")
    for path in missing:
        (folder / path.name).write_bytes(path.read_bytes())
    return [path.name for path in missing], len(ours) - len(missing)
