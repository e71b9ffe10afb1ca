"""The original's whole database is installed over, or left alone; its triggers go on working, and
its other tables are closed to visitors.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row
from romashka._installation import install
from romashka._migration_files import product_folder
from romashka._migrations import MigrationError
from romashka_local.postgres import Cluster

from tests.adoption.originals import Adopted, adopt, install_original, notices_of
from tests.adoption.snapshot import differences, take_snapshot
from tests.database.inbox import Inbox, Row
from tests.database.test_catalog import RULES
from tests.support import databases
from tests.support.stacks import ROMASHKA

_ORIGINAL = "whole product"
_AGENT = "a0000000-0000-4000-8000-000000000001"
_OLD = UUID("e0000000-0000-4000-8000-000000000001")
_TEMPLATE = "40000000-0000-4000-8000-000000000001"

# Ours now, each with policies of ours.
_OURS = {
    "profiles", "customer_profiles", "conversations", "messages", "ai_response_queue",
    "realtime_metrics", "knowledge_items", "communication_channels", "conversation_analytics",
    "conversation_notes", "webhook_events",
}  # fmt: skip
# Read by whoever has the anon key, by policies that say so, or without any.
_OPEN_TO_ALL = {
    "typing_indicators", "conversation_metrics", "workflow_executions", "escalation_reasons",
    "ab_tests", "website_scans", "system_settings", "synced_contacts", "synced_deals",
    "synced_orders", "synced_products",
}  # fmt: skip
_OPEN_TO_NOBODY = {"chat_widget_configs", "api_keys", "encryption_keys", "security_audit_logs"}


class People(Inbox):
    """An inbox whose visitors have signed in anonymously, as their tokens say."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.visitors: set[str] = set()

    def run(self, statement: str, *values: Any, by: str | None = None) -> list[Row]:
        with self.connection.transaction():
            databases.as_user(
                self.connection, by, **({"is_anonymous": True} if by in self.visitors else {})
            )
            cursor = self.connection.execute(statement, values)  # type: ignore[arg-type]  # tests compose SQL
            return cursor.fetchall() if cursor.description else []

    def visitor(self) -> str:
        """Sign somebody in anonymously; return their id."""
        user_id = str(uuid4())
        self.run("insert into auth.users (id, is_anonymous) values (%s, true)", user_id)
        self.visitors.add(user_id)
        return user_id

    def count(self, table: str, *, by: str | None = None) -> int:
        """Return how many rows of a table somebody sees; none where they may not look."""
        try:
            return int(self.one(f"select count(*) from public.{table}", by=by)["count"])
        except psycopg.errors.InsufficientPrivilege:
            return 0

    def failures(self, trigger: str) -> str:
        """Return what operators are told of a trigger that was put aside."""
        [row] = self.run("select public.get_romashka_installation() as it", by="service_role")
        told = row["it"]["trigger_failures"]
        entries = told.items() if isinstance(told, dict) else told
        return "\n".join(text for text in map(json.dumps, entries) if trigger in text)


@pytest.fixture
def original(cluster: Cluster, whole_original: str) -> Iterator[People]:
    """A copy of the database before adoption."""
    with databases.clone(cluster, whole_original) as url, People(url) as opened:
        yield opened


@pytest.fixture(scope="module")
def whole_original(cluster: Cluster) -> str:
    """The name of a database as the original makes it, made once."""
    name = databases.make_template(cluster, "whole_original", exposes_new_tables=True)
    install_original(cluster.url("postgres", name), _ORIGINAL)
    return name


@pytest.fixture
def original_url(cluster: Cluster, whole_original: str) -> Iterator[str]:
    with databases.clone(cluster, whole_original) as url:
        yield url


@pytest.fixture(scope="module")
def whole(cluster: Cluster) -> Adopted:
    """The database with Romashka's migrations, made once."""
    return adopt(cluster, _ORIGINAL)


@pytest.fixture
def people(cluster: Cluster, whole: Adopted) -> Iterator[People]:
    """A copy of the adopted database."""
    with databases.clone(cluster, whole.template) as url, People(url) as opened:
        yield opened


class TestBefore:
    """The fixture is what the original is: these say nothing of Romashka."""

    def test_every_table_has_rows(self, original: People) -> None:
        """An adoption of empty tables proves little."""
        tables = _tables(original)
        empty = [table for table in tables if not original.count(table)]

        assert 50 <= len(tables) <= 60
        assert empty == []

    def test_every_foreign_trigger_works_or_fails_as_it_did(self, original: People) -> None:
        """Their functions are found while the path is the project's own, and only then."""
        user = original.user()
        opened = original.one(
            "insert into public.conversations (customer_id, channel_type)"
            " values ('c0000000-0000-4000-8000-000000000002', 'whatsapp') returning *",
            by=user,
        )
        message = (
            "insert into public.messages"
            " (conversation_id, sender_type, content, channel_type, metadata)"
            " values (%s, 'agent', '/thanks', 'whatsapp', %s)"
        )
        original.run(message, opened["id"], json.dumps({"template_id": _TEMPLATE}), by=user)

        assert (opened["assigned_agent_id"], opened["department"]) == (UUID(_AGENT), "sales")
        assert original.one(_COUNT, _AGENT)["current_chat_count"] == 2
        assert original.count("message_delivery_tracking") == 2
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            original.run(message, opened["id"], '{"template_id": "x"}', by=user)
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            original.run("insert into public.conversations (channel_type) values ('sms')", by=user)
        with pytest.raises(psycopg.errors.AmbiguousColumn):
            original.run(
                "update public.conversations set status = 'closed' where id = %s",
                opened["id"],
                by=user,
            )

    def test_nobody_can_sign_up(self, cluster: Cluster, original: People) -> None:
        """Auth's own role has another path than the function of its trigger was written for."""
        with pytest.raises(psycopg.errors.UndefinedTable):
            _sign_up(cluster, original, email="new@example.com")

    def test_visitors_read_what_is_open_to_everybody_signed_in(self, original: People) -> None:
        """What is open to the anon key, and what to any token."""
        visitor = str(uuid4())
        original.visitors.add(visitor)
        tables = _tables(original) - _OURS
        by_anon = {table for table in tables if original.count(table, by="anon")}
        by_visitor = {table for table in tables if original.count(table, by=visitor)}

        assert by_anon == _OPEN_TO_ALL
        assert by_visitor == tables - _OPEN_TO_NOBODY


class TestInstalling:
    """All of it is one decision."""

    def test_every_row_is_still_there(self, cluster: Cluster, whole: Adopted) -> None:
        """A team's tokens, notes and webhooks are theirs."""
        with People(cluster.url("postgres", whole.template)) as people:
            missing = {
                table: lost
                for table, rows in whole.before.items()
                if table not in ("conversation_notes", "webhook_events")
                if (lost := rows.keys() - _ids(people, f"public.{table}"))
            }

        assert missing == {}

    def test_notes_are_read_as_romashkas(self, people: People, whole: Adopted) -> None:
        """A note that nobody finds any more is lost."""
        agent = people.user("agent")
        read = "select id, content, author_id, conversation_id from public.conversation_notes"
        notes = {str(row["id"]): row for row in people.run(read, by=agent)}
        kept = {note_id: row for note_id, row in whole.before["conversation_notes"].items()
                if row["note"] and row["conversation_id"]}  # fmt: skip
        everywhere = set().union(
            *(_ids(people, name) for name in _tables_like(people, "conversation_notes%"))
        )

        assert kept
        for note_id, before in kept.items():
            now = notes[note_id]
            assert now["content"] == before["note"]
            assert str(now["author_id"]) == before["agent_id"]
            assert str(now["conversation_id"]) == before["conversation_id"]
        # An empty one and one of no conversation are kept too, there or aside.
        assert everywhere >= whole.before["conversation_notes"].keys()

    def test_webhooks_of_before_are_aside(self, people: People, whole: Adopted) -> None:
        """Ours has the name; what came before says what a customer wrote and why it failed."""
        [aside] = _tables_like(people, "webhook_events\\_%")
        rows = people.run(f"select to_jsonb(t) as row from {aside} as t")

        assert {row["row"]["id"]: row["row"] for row in rows} == whole.before["webhook_events"]
        assert [line for line in whole.notices if aside.partition(".")[2] in line]
        for who in ("anon", people.visitor(), people.user()):
            assert people.count(aside.partition(".")[2], by=who) == 0

    def test_a_second_run_has_nothing_to_do(self, cluster: Cluster, whole: Adopted) -> None:
        """What was made of foreign triggers and tables must not look like a change each time."""
        with databases.clone(cluster, whole.template) as url:
            assert install(url) == []

    def test_the_rules_hold_for_what_is_romashkas(
        self, people: People, db: psycopg.Connection[Any]
    ) -> None:
        """An adopted database must be as closed as a new one."""
        in_new = {
            name
            for query in (
                "select oid::regclass::text from pg_class where relkind = 'r'",
                "select oid::regprocedure::text from pg_proc",
            )
            for (name,) in db.execute(query)
        }
        broken = {
            (rule, name)
            for rule, query in RULES.items()
            for row in people.run(query)
            if (name := next(iter(row.values()))) in in_new
        }

        assert broken == set()

    def test_a_run_that_fails_changes_nothing(self, original_url: str, tmp_path: Path) -> None:
        """Half a schema is a project where nobody reads or writes."""
        folder = tmp_path / "supabase"
        shutil.copytree(product_folder(), folder)
        (folder / "migrations" / "20991231000000_fails.sql").write_text("select 1 / 0;\n")
        before = take_snapshot(original_url)
        with pytest.raises(MigrationError):
            install(original_url, folder)

        assert differences(before, take_snapshot(original_url)) == []

    @pytest.mark.parametrize(
        ("name", "conflict"),
        [
            ("channel_deliveries", "create table public.channel_deliveries (id uuid primary key)"),
            ("ai_settings", "create table public.ai_settings (id uuid primary key, model text)"),
            ("channel_deliveries", "create view public.channel_deliveries as select 1 as one"),
            (
                "conversations",
                "alter table public.conversations add headline text not null default '';"
                " alter table public.conversations alter headline drop default",
            ),
            (
                "priority",
                "create type public.level as enum ('low', 'normal', 'high', 'urgent');"
                " alter table public.conversations alter priority drop default,"
                " alter priority type public.level using priority::public.level",
            ),
            (
                "take_over_conversation",
                "create function public.take_over_conversation(id text) returns text"
                " language sql as 'select id'",
            ),
        ],
    )
    def test_what_is_nobody_s_is_named_before_anything_changes(
        self, original_url: str, name: str, conflict: str
    ) -> None:
        """A table of the project's own is neither replaced nor taken for Romashka's."""
        with psycopg.connect(original_url) as connection:
            connection.execute(conflict.encode())
        before = take_snapshot(original_url)
        with (
            notices_of("romashka.migrations") as notices,
            pytest.raises(MigrationError, match=name),
        ):
            install(original_url)

        assert [line for line in notices if "dropped" in line] == []
        assert differences(before, take_snapshot(original_url)) == []

    def test_a_dry_run_lists_what_will_be_done(self, original_url: str) -> None:
        """An owner decides before, not after."""
        before = take_snapshot(original_url)
        command = [str(ROMASHKA), "migrate", "--check", "--db-url", original_url]
        said = subprocess.run(command, check=True, capture_output=True, text=True)
        text = said.stdout + said.stderr

        expected = ["conversation_notes", "webhook_events", "update_agent_chat_count_trigger",
                    "on_auth_user_created", "oauth_tokens", "knowledge_categories"]  # fmt: skip
        assert [name for name in expected if name not in text] == []
        assert differences(before, take_snapshot(original_url)) == []


class TestForeignTriggers:
    """They go on working, for everybody, and stop nothing."""

    def test_a_turn_works_for_a_visitor(self, people: People) -> None:
        """From the first message to the rating, with every trigger of the original in place."""
        visitor, agent = people.visitor(), people.user("agent")
        conversation = people.open(visitor, "Hello?")
        [job] = [it for it in people.claim() if it["conversation_id"] == conversation]
        settled = people.settle(job, "Hello!")
        people.say(conversation, "A human, please.", by=visitor)
        people.run("select public.take_over_conversation(%s)", conversation, by=agent)
        people.say(conversation, "I am here.", by=agent, sender="agent")
        people.run("select public.resolve_conversation(%s)", conversation, by=agent)
        people.run("select public.rate_conversation(%s, 5)", conversation, by=visitor)

        assert settled["outcome"] == "replied"
        assert [row["sender_type"] for row in people.messages(conversation)] == [
            "user", "ai", "user", "agent",
        ]  # fmt: skip
        after = people.conversation(conversation)
        assert (after["status"], after["message_count"]) == ("resolved", 4)
        assert after["satisfaction_rating"] == 5

    def test_the_triggers_of_before_are_still_there(self, people: People) -> None:
        """By their names, on their tables, enabled."""
        kept = {
            row["tgname"]
            for row in people.run(
                "select tgname from pg_trigger where not tgisinternal and tgenabled = 'O'"
            )
        }

        assert kept >= {
            "on_auth_user_created", "aa_route_conversation", "trigger_auto_assign_conversation",
            "update_agent_chat_count_trigger", "trigger_update_customer_stats",
            "trigger_finalize_conversation_analytics", "create_message_delivery_tracking_trigger",
            "update_canned_response_usage_trigger", "update_template_usage_trigger",
            "trigger_create_knowledge_version", "aa_record_change", "zz_record_change",
        }  # fmt: skip

    def test_a_new_conversation_is_assigned_and_counted(self, people: People) -> None:
        """The trigger reads and writes a table that is closed to the visitor who sets it off."""
        conversation = people.open(people.visitor(), "Hello?")
        opened = people.one(_COUNT, _AGENT)["current_chat_count"]
        people.run("select public.resolve_conversation(%s)", conversation, by=people.user("agent"))

        assert people.conversation(conversation)["assigned_agent_id"] == UUID(_AGENT)
        assert opened == 2
        assert people.one(_COUNT, _AGENT)["current_chat_count"] == 1

    def test_a_customer_s_numbers_are_kept(self, people: People) -> None:
        """As the customer, who may not update customers."""
        visitor = people.visitor()
        conversation = people.open(visitor, "Hello?")
        people.run("select public.rate_conversation(%s, 4)", conversation, by=visitor)
        customer = people.one("select * from public.customer_profiles where user_id = %s", visitor)

        assert customer["total_conversations"] == 1
        assert customer["last_interaction"] is not None
        assert customer["avg_satisfaction"] == 4

    def test_deliveries_templates_and_texts_are_tracked(self, people: People) -> None:
        """After each message that a visitor writes, or an agent, or the AI."""
        visitor, agent = people.visitor(), people.user("agent")
        conversation = people.one(
            "select public.create_conversation('', 'whatsapp', '/thanks') as id", by=visitor
        )["id"]
        people.run(
            "insert into public.messages"
            " (conversation_id, sender_type, content, channel_type, metadata)"
            " values (%s, 'agent', '/thanks', 'whatsapp', %s)",
            conversation,
            json.dumps({"template_id": _TEMPLATE}),
            by=agent,
        )
        tracked = people.run(
            "select tracking.channel_type from public.message_delivery_tracking as tracking"
            " join public.messages as messages on messages.id = tracking.message_id"
            " where messages.conversation_id = %s",
            conversation,
        )

        assert people.conversation(conversation)["department"] == "sales"
        assert [row["channel_type"] for row in tracked] == ["whatsapp", "whatsapp"]
        assert people.one("select usage_count from public.canned_responses")["usage_count"] == 2
        assert people.one("select usage_count from public.message_templates")["usage_count"] == 1

    def test_an_article_keeps_its_versions(self, people: People) -> None:
        """Staff edit it; the old editor lists them."""
        people.run(
            "update public.knowledge_items set content = 'From ten to six.'"
            " where title = 'Opening hours'",
            by=people.user("agent"),
        )
        versions = people.run("select changes_description from public.knowledge_versions")

        assert [row["changes_description"] for row in versions].count("edited") == 1

    @pytest.mark.parametrize("trigger", ["aa_record_change", "zz_record_change"])
    def test_a_team_s_audit_goes_on_on_every_table(self, people: People, trigger: str) -> None:
        """First or last among all triggers of a table, whoever writes."""
        visitor = people.visitor()
        conversation = people.open(visitor, "Hello?")
        people.settle(people.claim()[0], "Hello!")
        people.run(
            "insert into public.conversation_notes (conversation_id, content)"
            " values (%s, 'Call back.')",
            conversation,
            by=people.user("agent"),
        )
        audited = people.run(
            "select distinct entity_type from public.audit_logs where action = %s",
            f"insert {trigger}",
        )

        assert {row["entity_type"] for row in audited} >= {
            "profiles", "customer_profiles", "conversations", "messages", "ai_response_queue",
            "conversation_notes",
        }  # fmt: skip

    def test_a_visitor_s_message_that_a_trigger_fails_on_is_stored(self, people: People) -> None:
        """What a visitor may write decides whether their message is kept, not foreign code."""
        visitor = people.visitor()
        conversation = people.open(visitor)
        people.run(
            "insert into public.messages (conversation_id, sender_type, content, metadata)"
            """ values (%s, 'user', 'Hello?', '{"template_id": "x"}')""",
            conversation,
            by=visitor,
        )
        told = people.failures("update_template_usage_trigger")

        assert [row["content"] for row in people.messages(conversation)] == ["Hello?"]
        assert len(people.jobs(conversation)) == 1
        assert "22P02" in told

    def test_a_conversation_that_a_trigger_fails_on_is_opened(self, people: People) -> None:
        """Before the insert: the row is stored as it was given."""
        visitor = people.visitor()
        conversation = people.one(
            "select public.create_conversation('', 'sms', 'Hello?') as id", by=visitor
        )["id"]
        told = people.failures("aa_route_conversation")

        assert people.conversation(conversation)["department"] == "general"
        assert "22P02" in told

    def test_a_conversation_that_a_trigger_fails_on_is_resolved(self, people: People) -> None:
        """After the update, each time; the others' effects stay."""
        people.run("select public.resolve_conversation(%s)", _OLD, by=people.user("agent"))
        told = people.failures("trigger_finalize_conversation_analytics")

        assert people.conversation(_OLD)["status"] == "resolved"
        assert people.one(_COUNT, _AGENT)["current_chat_count"] == 0
        assert "42702" in told

    def test_only_the_service_role_is_told(self, people: People) -> None:
        """It names what a project is made of."""
        for who in ("anon", people.visitor(), people.user("agent")):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                people.run("select public.get_romashka_installation()", by=who)

    @pytest.mark.parametrize("email", ["new@example.com", None])
    def test_users_sign_up(self, cluster: Cluster, people: People, email: str | None) -> None:
        """As Auth inserts them: under its own role, whose path is `auth`."""
        user_id = _sign_up(cluster, people, email=email)
        profile = people.one("select * from public.profiles where id = %s", user_id)

        assert (profile["email"], profile["role"]) == (email, "user")
        assert profile["full_name"] == (email and "New")


class TestVisitors:
    """Everybody is signed in now; not everybody was meant."""

    def test_they_read_nothing_that_was_open_to_everybody_signed_in(self, people: People) -> None:
        """Tokens of other services, files and notes were read by a stranger."""
        visitor = people.visitor()
        read = {table for table in _tables(people) - _OURS if people.count(table, by=visitor)}

        assert read - _OPEN_TO_ALL == set()

    def test_they_write_nothing_there(self, people: People, whole: Adopted) -> None:
        """A policy for all commands let them delete, too."""
        visitor = people.visitor()
        for table in sorted(whole.before.keys() - _OURS - _OPEN_TO_ALL - _OPEN_TO_NOBODY):
            before = people.count(table)
            row = json.dumps(next(iter(whole.before[table].values())))
            # Refused, or done to none of its rows.
            with suppress(psycopg.errors.InsufficientPrivilege):
                people.run(f"delete from public.{table}", by=visitor)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                people.run(
                    f"insert into public.{table}"
                    f" select * from jsonb_populate_record(null::public.{table}, %s)",
                    row,
                    by=visitor,
                )
            assert people.count(table) == before, table

    @pytest.mark.parametrize("role", ["user", "agent"])
    def test_people_with_an_account_read_on(
        self, people: People, whole: Adopted, role: str
    ) -> None:
        """The team's screens need these tables, and who may read them is the team's decision."""
        person = people.user(role)
        expected = whole.before.keys() - _OURS - _OPEN_TO_NOBODY
        read = {table for table in expected if people.count(table, by=person)}

        assert read == expected

    def test_what_was_open_to_all_stays_as_it_was(self, people: People) -> None:
        """The widget writes there, with a session or without."""
        visitor = people.visitor()
        for who in ("anon", visitor):
            assert {table for table in _OPEN_TO_ALL if people.count(table, by=who)} == _OPEN_TO_ALL
            people.run(
                "insert into public.typing_indicators (user_id, conversation_id) values (%s, %s)",
                who,
                _OLD,
                by=who,
            )
            people.run(
                "insert into public.conversation_metrics (conversation_id) values (%s)", who, by=who
            )

    def test_each_their_own_stays_as_it_was(self, people: People) -> None:
        """A policy that asks whose the row is closes nothing and opens nothing."""
        visitor = people.visitor()
        for table in ("chat_widget_configs", "api_keys"):
            people.run(f"insert into public.{table} (user_id) values (%s)", visitor, by=visitor)
            assert people.count(table, by=visitor) == 1
            assert people.count(table, by=_AGENT) == 1

    def test_each_table_that_is_closed_is_named(self, whole: Adopted) -> None:
        """An owner who wanted one open learns of it."""
        said = "\n".join(whole.notices)
        closed = whole.before.keys() - _OURS - _OPEN_TO_ALL - _OPEN_TO_NOBODY

        assert [table for table in sorted(closed) if table not in said] == []


_COUNT = "select current_chat_count from public.agent_availability where agent_id = %s"


def _tables(people: Inbox) -> set[str]:
    rows = people.run(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
    )
    return {row["relname"] for row in rows}


def _tables_like(people: Inbox, pattern: str) -> list[str]:
    """Return the qualified names of tables by a pattern, in whatever schema they are."""
    rows = people.run(
        "select format('%%I.%%I', nspname, relname) as name from pg_class"
        " join pg_namespace on pg_namespace.oid = relnamespace"
        " where relkind = 'r' and relname like %s order by 1",
        pattern,
    )
    return [row["name"] for row in rows]


def _ids(people: Inbox, table: str) -> set[str]:
    return {str(row["id"]) for row in people.run(f"select id from {table}")}


def _sign_up(cluster: Cluster, people: Inbox, *, email: str | None) -> str:
    """Insert a user as Auth does; without an e-mail, an anonymous one."""
    user_id = str(uuid4())
    url = cluster.url("supabase_auth_admin", people.connection.info.dbname)
    with psycopg.connect(url, row_factory=dict_row) as auth:
        assert auth.execute("show search_path").fetchone() == {"search_path": "auth"}
        auth.execute(
            "insert into users (id, email, is_anonymous, raw_user_meta_data)"
            " values (%s, %s, %s, %s)",
            [user_id, email, email is None, json.dumps({"fullName": "New"} if email else {})],
        )
    return user_id
