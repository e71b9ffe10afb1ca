"""The files of a Supabase project's migrations and seed, in the order in which they are applied."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

_FILE_NAME = re.compile(r"([0-9]+)_(.*)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `migrations/`: applied once, never edited after that."""

    path: Path
    version: str
    name: str


def product_folder() -> Path:
    """Return Romashka's own `supabase` folder: the checkout's, or the one inside the wheel."""
    here = Path(__file__).resolve().parent
    checkout = here.parents[2] / "supabase"
    return checkout if (checkout / "migrations").is_dir() else here / "supabase"


def find_migrations(project: Path) -> list[Migration]:
    """Return the migrations of `project` in the order of their versions."""
    found = [
        Migration(path, match[1], match[2])
        for path in (project / "migrations").glob("*.sql")
        if (match := _FILE_NAME.fullmatch(path.name))
    ]
    return sorted(found, key=lambda migration: migration.version)


def read_sql(path: Path) -> str:
    """Return the text of a file, without a byte order mark and with plain line ends."""
    return path.read_text(encoding="utf-8-sig")


def find_seeds(project: Path) -> list[Path]:
    """Return the seed files that `config.toml` names, by default `seed.sql`."""
    config = project / "config.toml"
    settings = tomllib.loads(config.read_text(encoding="utf-8")) if config.exists() else {}
    seed = settings.get("db", {}).get("seed", {})
    if not seed.get("enabled", True):
        return []
    patterns = seed.get("sql_paths", ["./seed.sql"])
    return [
        path for pattern in patterns for path in sorted(project.glob(pattern.removeprefix("./")))
    ]
