"""What the original's pages read is there, in a new project and in the original's own."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.errors import ForeignKeyViolation, InsufficientPrivilege
from romashka_local.postgres import Cluster

from tests.adoption.originals import Adopted, read_rows
from tests.adoption.pages import BEFORE, add_pages, pages_over
from tests.adoption.test_access import _THEIRS
from tests.database.inbox import Inbox
from tests.database.test_catalog import RULES
from tests.support import databases

# Everything that running the file a second time could change, and its rows' versions.
_CATALOG = """
select 'column' as kind, table_name || '.' || column_name as name,
  concat(data_type, is_nullable, column_default) as value
from information_schema.columns where table_schema = 'public'
union all select 'right', object || coalesce('.' || column_name, ''), grantee || privilege
from jsonb_to_recordset(public.get_romashka_grants())
  as rights (grantee text, privilege text, object text, column_name text)
union all select 'policy', tablename || policyname, concat(cmd, roles, qual, with_check)
from pg_policies where schemaname = 'public'
union all select 'trigger', concat(tgrelid::regclass, tgname), pg_get_triggerdef(oid)
from pg_trigger where not tgisinternal
union all select 'key', conrelid::regclass::text || conname, pg_get_constraintdef(oid)
from pg_constraint where connamespace = 'public'::regnamespace
union all select 'index', indexname, indexdef from pg_indexes where schemaname = 'public'
union all select 'published', tablename, '' from pg_publication_tables
order by 1, 2, 3
"""
_PAGE = Path(__file__).parents[2] / "docs" / "adoption.md"
_NEW = {
    "typing_indicators",
    "conversation_metrics",
    "knowledge_categories",
    "knowledge_versions",
    "knowledge_analytics",
    "agent_availability",
    "daily_metrics",
}
# What may be another value than before, of tables that ours or this file's are.
_FILLED = {
    ("conversations", "user_name"),
    ("conversations", "user_email"),
    ("conversations", "last_message"),
    ("profiles", "onboarding_completed"),
}


@pytest.fixture(scope="module", params=["nothing", "full product with pages"])
def pages(cluster: Cluster, request: pytest.FixtureRequest) -> Adopted:
    return pages_over(cluster, request.param)


@pytest.fixture
def inbox(cluster: Cluster, pages: Adopted) -> Iterator[Inbox]:
    """A copy of that database."""
    with databases.clone(cluster, pages.template) as url, Inbox(url) as opened:
        yield opened


@pytest.fixture
def fresh(cluster: Cluster) -> Iterator[Inbox]:
    """A new project with the pages."""
    template = pages_over(cluster, "nothing").template
    with databases.clone(cluster, template) as url, Inbox(url) as opened:
        yield opened


@pytest.fixture
def grown(cluster: Cluster) -> Iterator[Inbox]:
    """An original that had tables of these names."""
    template = pages_over(cluster, "full product with pages").template
    with databases.clone(cluster, template) as url, Inbox(url) as opened:
        yield opened


@pytest.mark.parametrize("before", BEFORE)
def test_the_rules_hold(cluster: Cluster, before: str) -> None:
    """These tables are as closed as the core's, whatever there was before."""
    with psycopg.connect(cluster.url("postgres", pages_over(cluster, before).template)) as database:
        broken = {
            (rule, name)
            for rule, query in RULES.items()
            for (name,) in database.execute(query)  # type: ignore[call-overload]  # constants of ours
            if name not in _THEIRS
        }

    assert broken == set()


def test_the_page_of_the_manual_names_what_there_is(fresh: Inbox) -> None:
    """Who asks whether a screen of theirs will work reads docs/adoption.md."""
    there: dict[str, set[str]] = {}
    for row in fresh.run(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'public'"
    ):
        there.setdefault(row["table_name"], set()).add(row["column_name"])
    section = _PAGE.read_text("utf-8").partition("## The original's pages\n")[2]
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|", section.partition("\n## ")[0], re.MULTILINE)
    named = {table: set(columns.split(", ")) for table, columns in rows}

    assert set(named) == _NEW | {"profiles", "knowledge_items", "conversation_notes"}
    for table, columns in named.items():
        assert (columns == there[table]) if table in _NEW else (columns <= there[table]), table


def test_a_second_run_changes_nothing_and_says_nothing(inbox: Inbox) -> None:
    """It is run again at each migrate; only what an owner has still to mend is said again."""
    inbox.open(inbox.user(), "Hello")
    before = inbox.run(_CATALOG), _versions(inbox)
    said = add_pages(_url(inbox))

    assert (inbox.run(_CATALOG), _versions(inbox)) == before
    assert [line for line in said if "with the same agent_id" not in line] == []


def test_every_row_is_there_with_what_it_had(cluster: Cluster, grown: Inbox) -> None:
    """Categories, metrics and figures are the team's; who typed last year is nobody's."""
    adopted = pages_over(cluster, "full product with pages")
    after = read_rows(_url(grown))
    theirs = ("typing_indicators", "conversation_metrics", "daily_metrics", "agent_availability")
    lost = {
        row_id
        for table, rows in adopted.before.items()
        for row_id in rows
        if row_id not in after[table]
    }
    changed = {
        (table, column)
        for table in adopted.before
        if table.startswith("knowledge_") or table in (*theirs, "conversations", "profiles")
        for row_id, row in adopted.before[table].items()
        for column, value in row.items()
        if row_id not in lost and value is not None and after[table][row_id][column] != value
    }

    assert lost == {"10000000-0000-4000-8000-000000000002"}
    assert changed - {("conversations", "message_count")} <= _FILLED


def test_what_goes_is_said(cluster: Cluster) -> None:
    """An operator learns which policies went, and which rows contradict a key."""
    said = "\n".join(pages_over(cluster, "full product with pages").notices)
    expected = [
        'dropped policy "Public can view typing indicators" on typing_indicators',
        'dropped policy "Users can view conversation metrics" on conversation_metrics',
        'dropped policy "Allow authenticated access" on daily_metrics',
        "row-level security of conversation_metrics was off and is on now",
        "row-level security of knowledge_versions was off and is on now",
        "agent_availability keeps its rows",
        "agent_availability has rows with the same agent_id",
        "rows of knowledge_items have a category_id that is not in knowledge_categories",
    ]

    assert [line for line in expected if line not in said] == []
    assert pages_over(cluster, "nothing").notices == []


def test_a_lost_category_stays_and_no_new_one_comes(grown: Inbox) -> None:
    """Rows that the key refuses stop no migration, and their article can be edited."""
    agent = grown.user("agent")
    grown.run("update public.knowledge_items set title = 'Found' where title = 'Lost'", by=agent)
    with pytest.raises(ForeignKeyViolation):
        grown.run("update public.knowledge_items set category_id = gen_random_uuid()", by=agent)

    assert grown.run("select 1 from public.knowledge_items where title = 'Found'")


def test_staff_have_nothing_to_fill_in(inbox: Inbox) -> None:
    """The original's pages send whoever has not completed it to the onboarding, from every page."""
    state = "select onboarding_completed, onboarding_data from public.profiles where id = %s"
    agent, customer = inbox.user("agent"), inbox.user()
    for row in inbox.run("select * from public.profiles"):
        assert row["onboarding_completed"] is (row["role"] != "user")

    assert inbox.one(state, agent, by=agent)["onboarding_completed"] is True
    assert inbox.one(state, customer, by=customer)["onboarding_completed"] is False


def test_no_upsert_of_a_profile_gives_what_is_not_ones_own(inbox: Inbox) -> None:
    """The form that skips the onboarding inserts: it makes no profile, and touches no other."""
    user, other = inbox.user(), inbox.user()
    inbox.run(_UPSERT, user, by=user)
    with pytest.raises(InsufficientPrivilege):
        inbox.run(_UPSERT, other, by=user)
    with pytest.raises(InsufficientPrivilege):
        inbox.run("insert into public.profiles (id, role) values (%s, 'admin')", user, by=user)
    inbox.run("delete from public.profiles where id = %s", other)
    with pytest.raises(InsufficientPrivilege):
        inbox.run(_UPSERT, other, by=other)
    with pytest.raises(InsufficientPrivilege):
        inbox.run("update public.profiles set id = %s", other, by=user)

    profile = inbox.one("select * from public.profiles where id = %s", user)
    assert (profile["onboarding_completed"], profile["role"]) == (True, "user")


def test_no_conversation_has_a_null_that_ends_the_page(inbox: Inbox) -> None:
    """One null in any of three columns, and no agent sees any conversation."""
    customer = inbox.user()
    conversation = inbox.open(customer)
    inbox.run(
        "update public.customer_profiles set name = 'Jo', email = 'jo@example.com'"
        " where user_id = %s",
        customer,
    )
    inbox.run(
        "insert into public.conversations (customer_id, channel_type)"
        " select id, 'email' from public.customer_profiles where user_id = %s",
        customer,
        by=customer,
    )
    inbox.run("update public.conversations set user_email = null where id = %s", conversation)
    names = "select user_name, user_email, last_message from public.conversations"
    rows = inbox.run(names)

    assert [row for row in rows if None in row.values()] == []
    assert inbox.one(f"{names} where id = %s", conversation) == dict.fromkeys(rows[0], "")
    assert inbox.one(f"{names} where user_email = 'jo@example.com'") == {
        "user_name": "Jo",
        "user_email": "jo@example.com",
        "last_message": "",
    }


def test_what_staff_hide_of_a_customer_no_new_conversation_tells(fresh: Inbox) -> None:
    """A customer with notes does not read their own row, nor what staff put into it."""
    customer = fresh.user()
    fresh.open(customer)
    fresh.run("update public.customer_profiles set email = 'jo@example.com', notes = 'Rude.'")
    fresh.run(
        "insert into public.conversations (customer_id) select private.current_customer_id()",
        by=customer,
    )

    rows = fresh.run("select user_email from public.conversations", by=customer)
    assert [row["user_email"] for row in rows] == ["", ""]


def test_a_note_is_read_by_either_name(inbox: Inbox) -> None:
    """The original's page and ours show the same notes, whoever wrote them."""
    agent, other = inbox.user("agent"), inbox.user("agent")
    conversation = inbox.open(inbox.user())
    insert = "insert into public.conversation_notes (conversation_id, {}) values (%s, {})"
    inbox.run(insert.format("content", "'ours'"), conversation, by=agent)
    theirs = insert.format("note, is_internal, agent_id", "'theirs', true, %s")
    inbox.run(theirs, conversation, agent, by=agent)
    with pytest.raises(InsufficientPrivilege):
        inbox.run(theirs, conversation, other, by=agent)
    with pytest.raises(InsufficientPrivilege):
        inbox.run(theirs, conversation, inbox.user(), by=inbox.user())
    rows = inbox.run("select * from public.conversation_notes order by created_at")

    assert [(row["content"], row["note"]) for row in rows] == [("ours", "ours"), ("theirs",) * 2]
    assert {str(row[name]) for row in rows for name in ("author_id", "agent_id")} == {agent}
    for change in ("note = 'new'", "content = 'new'"):
        inbox.run(f"update public.conversation_notes set {change}")
        rows = inbox.run("select note, content from public.conversation_notes")
        assert {tuple(row.values()) for row in rows} == {("new", "new")}
    inbox.run("delete from auth.users where id = %s", agent)
    rows = inbox.run("select author_id, agent_id from public.conversation_notes")
    assert {tuple(row.values()) for row in rows} == {(None, None)}


def test_notes_from_before_have_both_names(cluster: Cluster, template_db: str) -> None:
    """A project that adds the pages later has notes already."""
    with databases.clone(cluster, template_db) as url, Inbox(url) as inbox:
        agent = inbox.user("agent")
        insert = "insert into public.conversation_notes (conversation_id, content) values (%s, 'n')"
        inbox.run(insert, inbox.open(inbox.user()), by=agent)
        add_pages(url)
        note = inbox.one("select note, agent_id::text from public.conversation_notes")

    assert note == {"note": "n", "agent_id": agent}


def test_notes_that_no_page_of_ours_would_store_have_both_names(cluster: Cluster) -> None:
    """The whole original has an empty one: one such row, and nobody could add the pages."""
    template = pages_over(cluster, "whole product").template
    with databases.clone(cluster, template) as url, Inbox(url) as inbox:
        notes = inbox.run("select note, content from public.conversation_notes")

    assert "" in {note["content"] for note in notes}
    assert [note for note in notes if note["note"] != note["content"]] == []


def test_the_days_are_counted_over_the_conversations(fresh: Inbox) -> None:
    """Analytics reads a table that a nightly job filled; here it is always right."""
    agent, customer = fresh.user("agent"), fresh.user()
    by_ai = fresh.open(customer, "Hello")
    [job] = fresh.claim()
    fresh.settle(job, "Hello!")
    fresh.run("select public.rate_conversation(%s, 4)", by_ai, by=customer)
    fresh.run("select public.resolve_conversation(%s)", by_ai, by=agent)
    by_human = fresh.open(customer, "Hello again")
    fresh.run("select public.take_over_conversation(%s)", by_human, by=agent)
    fresh.run("select public.resolve_conversation(%s)", by_human, by=agent)
    fresh.open(customer, "And again")
    fresh.run("update public.conversations set assigned_agent_id = null")
    days = "select * from public.daily_metrics where date >= %s"
    day = fresh.one(days, datetime.now(UTC).date(), by=agent)

    wanted = {
        "channel_type": "website", "total_conversations": 3, "ai_resolved_conversations": 1,
        "human_resolved_conversations": 1, "abandoned_conversations": 0, "total_ratings": 1,
        "avg_satisfaction_score": 4, "ai_accuracy_rate": 0.5, "avg_first_response_time_seconds": 0,
    }  # fmt: skip
    assert {name: day[name] for name in wanted} == wanted
    assert float(day["handoff_rate"]) == pytest.approx(0.33)
    assert fresh.run("select * from public.daily_metrics", by=customer) == []
    with pytest.raises(InsufficientPrivilege):
        fresh.run("select * from public.daily_metrics", by="anon")


def test_who_typed_yesterday_is_gone(inbox: Inbox) -> None:
    """A row for each visit would stay for ever."""
    old, new = inbox.user(), inbox.user()
    for user in (old, new):
        conversation = inbox.open(user)
        insert = "insert into public.typing_indicators (user_id, conversation_id) values (%s, %s)"
        inbox.run(insert, user, conversation, by=user)
        inbox.run("alter table public.typing_indicators disable trigger typing_indicators_touch")
        inbox.run("update public.typing_indicators set updated_at = now() - interval '25 hours'")
        inbox.run("alter table public.typing_indicators enable trigger typing_indicators_touch")
    rows = inbox.run("select user_id from public.typing_indicators")

    assert [row["user_id"] for row in rows] == [new]


def test_metrics_go_with_their_conversation(inbox: Inbox) -> None:
    """Their key is a text, so nothing else would remove them."""
    customer = inbox.user()
    conversation = inbox.open(customer)
    insert = "insert into public.conversation_metrics (conversation_id) values (%s)"
    inbox.run(insert, str(conversation), by=customer)
    others = inbox.run(
        "select id from public.conversation_metrics where conversation_id <> %s", str(conversation)
    )
    inbox.run("delete from public.customer_profiles where user_id = %s", customer)

    assert inbox.run("select id from public.conversation_metrics") == others


def test_staff_are_there_as_they_say(inbox: Inbox) -> None:
    """An agent's page updates a row that must be there; who is no longer staff is away."""
    agent, other = inbox.user("agent"), inbox.user("admin")
    online = "update public.agent_availability set is_online = true where agent_id = %s returning 1"
    seen = "select is_online from public.agent_availability where agent_id = %s"
    assert inbox.run(online, agent, by=agent)
    assert inbox.run(online, agent, by=other) == []
    assert inbox.one(seen, agent, by=other)["is_online"] is True

    inbox.run("update public.profiles set role = 'user' where id = %s", agent)
    assert inbox.run(online, agent, by=agent) == []
    assert inbox.run(seen, agent, by=agent) == []
    assert inbox.one(seen, agent)["is_online"] is False


_UPSERT = """
insert into public.profiles (id, onboarding_completed, updated_at) values (%s, true, now())
on conflict (id) do update set id = excluded.id,
  onboarding_completed = excluded.onboarding_completed, updated_at = excluded.updated_at
"""


def _url(inbox: Inbox) -> str:
    info = inbox.connection.info
    return f"postgresql://{info.user}:{info.password}@{info.host}:{info.port}/{info.dbname}"


def _versions(inbox: Inbox) -> list[Any]:
    """Return which version of each row there is: an update that changes no value is seen, too."""
    tables = inbox.run(
        "select oid::regclass::text as name from pg_class"
        " where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1"
    )
    return [
        inbox.run(f"select '{row['name']}', id, xmin::text from {row['name']} order by id")
        for row in tables
    ]
