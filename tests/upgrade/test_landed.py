"""A versioned file that has landed stays as it was: a database applies it once."""

import hashlib
from pathlib import Path

from romashka._migration_files import find_migrations, product_folder, read_sql

_LANDED = Path(__file__).parent / "landed.txt"
"""Their digests, in the format of sha256sum: a new file's line is added with it."""


def test_each_versioned_file_is_as_it_landed() -> None:
    """A change belongs into a new file; an edited one would reach new projects alone."""
    found = {
        migration.path.name: hashlib.sha256(read_sql(migration.path).encode()).hexdigest()
        for migration in find_migrations(product_folder())
    }
    landed = {
        name: digest
        for digest, name in (line.split("  ") for line in _LANDED.read_text().splitlines())
    }

    assert found == landed
