"""Where the project is that a command was called in, found as the Supabase CLI finds it."""

from dataclasses import dataclass
from pathlib import Path

from romashka._migration_files import product_folder


@dataclass(frozen=True, slots=True)
class Project:
    """A project's `supabase` folder, and where its local stack keeps its data."""

    supabase: Path
    data: Path


def find_project() -> Project:
    """Return the project here or above; Romashka's own migrations where there is none."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        supabase = folder / "supabase"
        if (supabase / "config.toml").exists() or (supabase / "migrations").is_dir():
            return Project(supabase, folder / ".romashka")
    return Project(product_folder(), here / ".romashka")
