"""Databases with what the original's pages read, as `--with original` makes it."""

from functools import cache
from pathlib import Path

import psycopg
from romashka._installation import install
from romashka_local.postgres import Cluster

from tests.adoption.originals import Adopted, install_original, notices_of, read_rows
from tests.support import databases

BEFORE = ["nothing", "full product", "full product with pages", "chat widget"]
"""What there was before Romashka."""


def add_pages(url: str) -> list[str]:
    """Run `romashka migrate --with original`, and return what it said."""
    with notices_of("romashka.migrations") as notices:
        install(url, extras=["original"])
    return notices


@cache
def pages_over(cluster: Cluster, before: str) -> Adopted:
    """Make a database with Romashka and the pages over what was there before; once a cluster."""
    name = "pages_over_" + before.replace(" ", "_")
    databases.make_template(cluster, name, exposes_new_tables=True)
    url = cluster.url("postgres", name)
    if before != "nothing":
        install_original(url, before.removesuffix(" with pages"))
    if before.endswith(" with pages"):
        with psycopg.connect(url) as connection:
            connection.execute(Path(__file__).with_suffix(".sql").read_bytes())
    rows = read_rows(url)
    install(url)
    return Adopted(name, rows, add_pages(url))
