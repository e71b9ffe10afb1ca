"""What tests of adoption start from."""

from collections.abc import Iterator

import pytest
from romashka_local.postgres import Cluster

from tests.adoption.originals import ORIGINALS, Adopted, adopt
from tests.adoption.pages import add_pages
from tests.database.inbox import Inbox
from tests.end_to_end.cast import Cast, cast_on
from tests.support import databases
from tests.support.stacks import run_stack
from tests.support.waiting import eventually

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


@pytest.fixture(scope="session", params=ORIGINALS)
def adopted(cluster: Cluster, request: pytest.FixtureRequest) -> Adopted:
    """One of the original's databases with Romashka's migrations, made once."""
    return adopt(cluster, request.param)


@pytest.fixture
def inbox(cluster: Cluster, adopted: Adopted) -> Iterator[Inbox]:
    """A copy of the adopted database."""
    with databases.clone(cluster, adopted.template) as url, Inbox(url) as opened:
        yield opened


@pytest.fixture(scope="session")
def pages_cast() -> Iterator[Cast]:
    """The people of a stack with the original's pages, and rows for each page."""
    with run_stack("--ephemeral") as stack, cast_on(stack) as cast:
        add_pages(stack.db_url)
        cast.run(_ROWS, [cast.people["guest"].conversation])
        # REST has read the new schema.
        page = "/rest/v1/typing_indicators"
        eventually(lambda: cast.http.get(page, headers=cast.headers("agent")).is_success)
        yield cast
