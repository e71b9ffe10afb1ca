"""The demo's week: what the real functions make of it, with the times of a real one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from romashka_local.demo_week import TEAM, load_demo_week
from romashka_local.demo_week.script import read_events, read_knowledge
from romashka_local.errors import StackError
from romashka_local.postgres import Cluster

from tests.support import databases

_TIMES = """
select format('select %L, max(%I), min(%I) from %I.%I', attname || ' of ' || relname, attname,
  attname, nspname, relname)
from pg_catalog.pg_attribute as columns
join pg_catalog.pg_class as tables on tables.oid = columns.attrelid and tables.relkind = 'r'
join pg_catalog.pg_namespace as schemas on schemas.oid = tables.relnamespace
where nspname in ('public', 'private') and atttypid = 'timestamptz'::regtype and attnum > 0
  and not attisdropped and relname in ('messages', 'conversations', 'conversation_notes',
    'customer_profiles', 'ai_response_queue', 'realtime_metrics', 'channel_deliveries')
"""
_AHEAD = {
    "expires_at of realtime_metrics",
    "expires_at of channel_deliveries",
}
_CONTENT = """
select customers.name, conversations.channel_type, conversations.status, messages.position,
  messages.sender_type, messages.content, messages.delivery_status, messages.metadata ->> 'reason'
from public.messages as messages
join public.conversations as conversations on conversations.id = messages.conversation_id
join public.customer_profiles as customers on customers.id = conversations.customer_id
order by customers.name, conversations.created_at, messages.position
"""


class Shop:
    """A database with the week, and a connection to it as its superuser."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = psycopg.connect(url, autocommit=True)
        for email in TEAM:
            self.connection.execute(
                "insert into auth.users (id, email) values (gen_random_uuid(), %s)", [email]
            )
        self.connection.execute("update public.profiles set role = 'agent'")
        self.data = Path(self.one("show data_directory")).parent

    def load(self) -> str | None:
        return load_demo_week(self.url, self.data)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode()).fetchall()

    def one(self, query: str) -> Any:
        ((value,),) = self.rows(query)
        return value


@pytest.fixture(scope="module")
def shop(cluster: Cluster, template_db: str) -> Iterator[Shop]:
    with databases.clone(cluster, template_db) as url:
        opened = Shop(url.replace("//postgres:", "//supabase_admin:"))
        assert opened.load()
        yield opened
        opened.connection.close()


def test_it_is_a_week_of_the_past(shop: Shop) -> None:
    """No time is of the moment when it was loaded, but for what lies ahead."""
    now = shop.one("select clock_timestamp() - interval '1 minute'")
    spans = {row[0]: row[1:] for (query,) in shop.rows(_TIMES) for row in shop.rows(query)}
    late = {name: span for name, span in spans.items() if span[0] and span[0] > now}
    old = shop.one("select clock_timestamp() - interval '8 days'")

    assert len(spans) > 20
    assert late.keys() == _AHEAD & late.keys()
    assert all(span[1] > old for span in spans.values() if span[1])
    assert all(event.before.total_seconds() > 60 for event in read_events())


def test_it_holds_what_the_product_promises(shop: Shop) -> None:
    """Every turn ended in time, and every place is gapless: nothing of it is impossible."""
    turns = shop.rows(
        "select outcome, extract(epoch from completed_at - turn_started_at), deadline -"
        " turn_started_at from public.ai_response_queue"
    )
    gaps = shop.rows(
        "select conversation_id from public.messages group by 1"
        " having max(position) <> count(*) or min(position) <> 1"
    )
    disorder = shop.rows(
        "select from public.messages as one join public.messages as other"
        " on one.conversation_id = other.conversation_id and one.position < other.position"
        " and one.created_at > other.created_at"
    )
    slo = shop.rows("select * from public.get_messaging_slo(20000) where channel_type = 'all'")

    assert {outcome for outcome, _, _ in turns} == {"replied", "escalated", "not_needed"}
    assert max(seconds for _, seconds, _ in turns) < 6
    assert {length.total_seconds() for _, _, length in turns} == {5.5}
    assert gaps == disorder == []
    assert slo[0][0] == "all"


def test_it_looks_like_a_teams(shop: Shop) -> None:
    """Every channel, many languages, all states, and what staff do with a conversation."""
    conversations = "from public.conversations"

    def distinct(column: str) -> set[Any]:
        return {value for (value,) in shop.rows(f"select distinct {column} {conversations}")}

    assert distinct("channel_type") == {"website", "whatsapp", "instagram", "email"}
    assert distinct("status") == {"active", "escalated", "resolved"}
    assert distinct("priority") == {"normal", "high", "urgent"}
    assert len(distinct("language")) > 12
    assert len(distinct("escalation_reason")) > 3
    assert len(distinct("assigned_agent_id")) > 3
    assert shop.one(f"select count(*) {conversations} where handed_over_at is not null") >= 5
    assert shop.one(f"select count(*) {conversations} where satisfaction_rating is not null") > 10
    assert shop.one(f"select count(*) {conversations} where tags <> '{{}}'") > 8
    assert shop.one("select count(*) from public.conversation_notes") >= 3
    assert shop.one("select count(*) from public.messages where metadata ? 'choice'") == 1
    assert {*shop.rows("select full_name from public.profiles")} == {
        (name,) for name in TEAM.values()
    }


def test_nothing_of_it_waits_for_a_worker(shop: Shop) -> None:
    """No turn of it is answered again, and nothing of it ever leaves this machine."""
    assert shop.rows("select from public.ai_response_queue where outcome is null") == []
    assert shop.rows("select from public.channel_deliveries where settled_at is null") == []
    assert shop.rows("select from public.notification_deliveries where settled_at is null") == []
    assert shop.rows("select from realtime.messages") == []
    assert {*shop.rows("select status from public.channel_deliveries where kind = 'message'")} == {
        ("sent",),
        ("delivered",),
        ("read",),
        ("failed",),
    }


def test_nobody_in_it_is_real(shop: Shop) -> None:
    """Addresses of example.com, and numbers that are kept for fiction."""
    people = shop.rows("select email, phone from public.customer_profiles")

    assert all(email is None or email.endswith("@example.com") for email, _ in people)
    assert all(phone is None or "202555" in phone for _, phone in people)


def test_what_the_ai_said_it_knew(shop: Shop) -> None:
    """Each reply names an article, and each article is one of the shop's."""
    unknown = shop.rows(
        "select from public.messages as messages"
        " cross join jsonb_array_elements_text(messages.knowledge_sources) as source (id)"
        " where jsonb_typeof(messages.knowledge_sources) = 'array' and not exists ("
        "select from public.knowledge_items as items where items.id::text = source.id)"
    )

    assert unknown == []
    assert len(read_knowledge()) == shop.one(
        "select count(*) from public.knowledge_items where created_at < now() - interval '50 days'"
    )


def test_it_is_loaded_once(shop: Shop) -> None:
    """Where somebody has written already, it stays away."""
    assert shop.load() is None


def test_it_is_the_same_each_time(cluster: Cluster, template_db: str, shop: Shop) -> None:
    """Whoever writes a test or a picture by it can rely on it."""
    with databases.clone(cluster, template_db) as url:
        other = Shop(url.replace("//postgres:", "//supabase_admin:"))
        other.load()
        content = other.rows(_CONTENT)
        other.connection.close()

    assert content == shop.rows(_CONTENT)


def test_it_goes_into_no_other_database(cluster: Cluster, template_db: str) -> None:
    """All of it or nothing, and only into the stack of this very folder."""
    with databases.clone(cluster, template_db) as url:
        other = Shop(url.replace("//postgres:", "//supabase_admin:"))
        other.data = Path("/elsewhere")
        with pytest.raises(StackError, match="for the local stack of this folder alone"):
            other.load()
        other.data = Path(other.one("show data_directory")).parent
        other.connection.execute("delete from public.profiles")  # so that it fails in the middle
        with pytest.raises(KeyError):
            other.load()
        left = other.one("select count(*) from public.conversations")
        other.connection.close()

    assert left == 0
