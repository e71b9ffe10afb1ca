"""Attachments need Storage, which not every project has."""

import psycopg
import pytest
from romashka._installation import install


def test_a_project_without_storage_is_migrated_all_the_same(
    bare_db: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Storage can be switched off where one hosts Supabase oneself."""
    admin = bare_db.replace("//postgres@", "//supabase_admin@").replace(
        "//postgres:", "//supabase_admin:"
    )
    with psycopg.connect(admin) as connection:
        connection.execute("drop schema storage cascade")
    with caplog.at_level("INFO"):
        install(bare_db)

    assert "conversations have no attachments" in caplog.text
