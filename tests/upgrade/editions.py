"""The editions of the schema that landed before this one, from the history."""

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from romashka._installation import install
from romashka._migrations import apply_migrations

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class OldEdition:
    """What a project installed with the commit that landed it."""

    name: str
    commit: str


EDITIONS = (
    OldEdition("0.1, before channels", "c25114f"),
    OldEdition("0.1", "ee8f3a5"),
    OldEdition("0.2, before workers had numbers", "1617843"),
    OldEdition("0.2, before views were counted", "5ced04d"),
    OldEdition("0.2, before the widget", "f01f302"),
)
"""Those that can be upgraded. The migrations of 0.1 were still edited in place."""

TOO_OLD = OldEdition("before 0.1", "4db92e0")


def extract(commit: str, folder: Path, *paths: str) -> Path:
    """Put files of a commit into a folder, and return it.

    Raises:
        subprocess.CalledProcessError: the checkout is shallow; `git fetch --unshallow`.
    """
    command = ["git", "archive", "--format=tar", commit, *paths]
    archive = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


def install_old(url: str, edition: OldEdition, folder: Path) -> None:
    """Install an old edition in a bare database, as it did that itself."""
    supabase = extract(edition.commit, folder, "supabase") / "supabase"
    if (supabase / "repeatable").is_dir():
        install(url, supabase)
    else:
        apply_migrations(url, supabase)
