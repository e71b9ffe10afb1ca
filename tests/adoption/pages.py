"""Databases with what the original's pages read, as `--with original` makes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
from romashka._installation import install
from romashka_local.postgres import Cluster

from tests.adoption.originals import Adopted, install_original, notices_of, read_rows
from tests.end_to_end.cast import Cast, cast_on
from tests.support import databases
from tests.support.stacks import RunningStack
from tests.support.waiting import eventually

BEFORE = ["nothing", "full product", "full product with pages", "chat widget"]
"""What there was before Romashka."""

_ROWS = """
with category as (
  insert into public.knowledge_categories (name) values ('General') returning id
), item as (
  insert into public.knowledge_items (title, content, category_id)
  select 'Hours', 'Nine to five.', id from category returning id
), version as (
  insert into public.knowledge_versions (knowledge_item_id, version, content)
  select id, 1, 'Ten.' from item
)
insert into public.knowledge_analytics (knowledge_item_id, conversation_id)
select id, %s from item
"""


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


@contextmanager
def cast_of_pages(stack: RunningStack) -> Iterator[Cast]:
    """Give the people of a stack that has the pages, and make rows for each page."""
    with cast_on(stack) as cast:
        cast.run(_ROWS, [cast.people["guest"].conversation])
        # REST has read the new schema.
        page = "/rest/v1/typing_indicators"
        eventually(lambda: cast.http.get(page, headers=cast.headers("agent")).is_success)
        yield cast
