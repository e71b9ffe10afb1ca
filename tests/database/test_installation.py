"""What a database says about itself, for workers and for `romashka doctor`."""

from collections.abc import Iterator

import psycopg
import pytest
from romashka._edition import read_edition
from romashka._grants import differences, found_grants, read_grants
from romashka._installation import install
from romashka_local.postgres import Cluster
from romashka_worker.schema import SCHEMA_VERSION

from tests.database.inbox import Inbox, Row
from tests.support import databases
from tests.support.security_page import matrix

# What the page says below its tables: staff delete their own notes; who has no session is told so.
_SAID_BELOW = {
    ("conversation_notes", "authenticated"): {"delete"},
    ("create_conversation", "anon"): {"execute"},
}


@pytest.fixture(scope="module", params=[True, False], ids=["old defaults", "today's defaults"])
def grants(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[list[Row]]:
    """Who may do what in a new project, with either form of default privileges."""
    name = databases.make_template(
        cluster, f"exposed_{request.param}".lower(), exposes_new_tables=request.param
    )
    install(cluster.url("postgres", name))
    with psycopg.connect(cluster.url("postgres", name)) as connection:
        row = connection.execute("select public.get_romashka_grants()").fetchone()
        assert row is not None
        yield row[0]


def test_the_database_has_the_version_that_the_worker_needs(inbox: Inbox) -> None:
    """A worker that needs more than its own release installs could never start."""
    told = inbox.one("select public.get_romashka_installation() as told", by="service_role")["told"]

    assert told["schema_version"] == SCHEMA_VERSION


def test_the_database_tells_each_file_as_it_was_applied(inbox: Inbox) -> None:
    """Doctor finds one that was changed since by its digest."""
    told = inbox.one("select public.get_romashka_installation() as told", by="service_role")["told"]
    extensions = told["files"].pop("extensions")

    assert told["files"] == read_edition().records()
    assert all(" in " in extension for extension in extensions.split(", "))


def test_rights_are_those_that_a_file_grants_by_name(grants: list[Row]) -> None:
    """Defaults differ between projects: neither may open anything, nor be needed for anything."""
    assert differences(read_grants(), grants) == ([], [])


def test_the_file_of_grants_names_every_object(grants: list[Row]) -> None:
    """What it forgets keeps what its project's defaults gave it."""
    objects, _ = found_grants(grants)

    assert objects - read_grants().objects == set()


@pytest.mark.parametrize("heading", ["Tables", "Functions"])
def test_the_file_grants_what_the_page_of_security_allows(grants: list[Row], heading: str) -> None:
    """An operator reads the page; the database reads the file."""
    _, granted = found_grants(grants)
    for name, cells in matrix(heading).items():
        signed_in = cells["customer"] | cells["agent"] | cells["admin"]
        allowed = {
            "anon": cells["anon"],
            "authenticated": signed_in,
            "service_role": cells["service role"],
        }
        for role, verbs in allowed.items():
            found = {
                grant.privilege
                for grant in granted
                if grant.role == role and grant.object == f"public.{name}"
            }
            wanted = {"execute"} if heading == "Functions" and verbs else set(verbs)

            wanted |= _SAID_BELOW.get((name, role), set())

            assert (name, role, found) == (name, role, wanted)
