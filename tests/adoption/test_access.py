"""What was open in the original is closed, and each change is said."""

import psycopg
import pytest

from tests.adoption.originals import Adopted
from tests.database.inbox import Inbox
from tests.database.test_catalog import RULES

# Functions of the original's own stay, undocumented, with the search path that they expect.
_THEIRS = (
    "aggregate_daily_metrics(date)",
    "audit_message()",
    "cleanup_expired_realtime_metrics()",
    "create_conversation_analytics()",
    "update_conversation_analytics()",
    "update_conversation_analytics_on_message()",
    "update_conversation_analytics_on_resolution()",
    "update_conversation_message_count()",
    "update_updated_at_column()",
)
_TABLES = (
    "profiles",
    "customer_profiles",
    "conversations",
    "messages",
    "ai_response_queue",
    "realtime_metrics",
    "knowledge_items",
    "communication_channels",
    "conversation_analytics",
)


# Most of the whole product is the project's own: test_whole.py tries the rules on ours.
@pytest.mark.not_for("whole product")
def test_the_rules_hold_here_too(inbox: Inbox) -> None:
    """An adopted database must be as closed as a new one."""
    broken = {
        (rule, name)
        for rule, query in RULES.items()
        for row in inbox.run(query)
        if (name := next(iter(row.values()))) not in _THEIRS
        and not name.startswith("private.guarded_")  # copies of theirs
    }

    assert broken == set()


def test_a_stranger_reads_and_changes_nothing(inbox: Inbox, adopted: Adopted) -> None:
    """Any signed-in user could read every conversation; in some installs anybody could."""
    stranger = inbox.user()
    tables = [table for table in _TABLES if table in adopted.before]
    seen = {
        table: inbox.run(f"select 1 from public.{table}", by=stranger)
        for table in tables
        if table != "profiles"
    }

    assert all(rows == [] for rows in seen.values()), seen
    for table in tables:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            inbox.run(f"select from public.{table}", by="anon")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            inbox.run(f"delete from public.{table}", by="anon")
    assert inbox.run("select public.get_next_ai_response_job()", by="anon") == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        inbox.run("select public.cleanup_ai_response_queue(0)", by="anon")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        inbox.run("update public.profiles set role = 'admin' where id = %s", stranger, by=stranger)


def test_staff_read_all_of_it(inbox: Inbox, adopted: Adopted) -> None:
    """The inbox opens with the history."""
    agent = inbox.user("agent")
    for table in {"conversations", "messages", "conversation_analytics"} & adopted.before.keys():
        rows = inbox.run(f"select 1 from public.{table}", by=agent)
        assert len(rows) == len(adopted.before[table])


def test_what_goes_is_said(adopted: Adopted) -> None:
    """An operator who had a policy or a trigger of their own there must learn that it is gone."""
    said = "\n".join(adopted.notices)
    expected = {'dropped policy "Allow'}
    if "profiles" in adopted.before:
        expected |= {
            "row-level security of communication_channels was off and is on now",
            "dropped trigger trigger_update_conversation_message_count on messages",
            "dropped trigger create_conversation_analytics_trigger on conversations",
            "dropped function get_next_ai_response_job()",
            "had the phone of an older one",
            "settled 3 old open jobs as superseded, without a message",
            "the secrets of 1 channels",
        }
    else:
        expected |= {
            "row-level security of messages was off and is on now",
            "dropped constraint conversations_status_check on conversations",
            "dropped constraint messages_sender_type_check on messages",
        }

    assert [line for line in expected if line not in said] == []


def test_what_is_not_the_original_s_stays(inbox: Inbox, adopted: Adopted) -> None:
    """A team that wrote a trigger of its own still wants it, and learns that it still runs."""
    [kept] = inbox.run("select count(*) from pg_trigger where tgname = 'audit'")
    said = "trigger audit on messages is not the original's and stays"

    assert kept["count"] == sum(said in line for line in adopted.notices)
    assert kept["count"] == ("wide_open" in adopted.template)


def test_a_policy_that_allows_everything_opens_no_private_topic(inbox: Inbox) -> None:
    """Projects copy "authenticated users receive broadcasts" from the manual: that is everybody."""
    stranger = inbox.user()
    inbox.run(
        "create policy everything on realtime.messages"
        " for all to anon, authenticated using (true) with check (true)"
    )
    conversation = inbox.one("select id from public.conversations limit 1")["id"]
    inbox.run(
        "select realtime.send('{}', 'e', topic) from (values ('theirs'), ('inbox')) as t (topic)"
    )
    read = "select 1 from realtime.messages where topic = realtime.topic()"
    seen = {}
    for who in (stranger, "anon"):
        for topic in ("theirs", "inbox", "ai-jobs", f"conversation:{conversation}"):
            with inbox.connection.transaction():
                inbox.run("select set_config('realtime.topic', %s, true)", topic)
                seen[who, topic] = bool(inbox.run(read, by=who))

    assert {key for key, is_seen in seen.items() if is_seen} == {
        (stranger, "theirs"),
        ("anon", "theirs"),
    }
