"""What a database says about itself, for workers and for `romashka doctor`."""

from romashka._migration_files import find_migrations, product_folder
from romashka_worker.schema import SCHEMA_VERSION

from tests.database.inbox import Inbox


def test_the_database_has_the_version_that_the_worker_needs(inbox: Inbox) -> None:
    """A worker that needs more than its own release installs could never start."""
    told = inbox.one("select public.get_romashka_installation() as told", by="service_role")["told"]

    assert told["schema_version"] == SCHEMA_VERSION


def test_the_database_tells_each_migration_as_it_was_applied(inbox: Inbox) -> None:
    """Doctor finds one that was changed since by its digest."""
    told = inbox.one("select public.get_romashka_installation() as told", by="service_role")["told"]
    applied = {row["version"]: row["digest"] for row in told["migrations"]}

    assert applied == {
        migration.version: migration.digest() for migration in find_migrations(product_folder())
    }
