"""The TypeScript SDK's types of the database are those of the migrations."""

from romashka_local.postgres import Cluster

from tests.support.database_types import FILE, generate_types


def test_the_committed_types_are_those_of_the_migrations(
    cluster: Cluster, template_db: str
) -> None:
    """A changed column must break the SDK's build, not its users' pages: run `make types`."""
    assert FILE.read_text() == generate_types(cluster.url("postgres", template_db))
