"""How many conversations each view of an inbox holds."""

import json
from typing import Any

import psycopg
import pytest

from tests.database.inbox import Inbox


def _counts(inbox: Inbox, by: str, **views: Any) -> Any:
    statement = "select public.count_conversations(%s) as counts"
    return inbox.one(statement, json.dumps(views), by=by)["counts"]


def test_each_view_is_counted_by_all_its_filters(inbox: Inbox) -> None:
    """A screen that counts what it has loaded says 50 where 300 wait."""
    agent = inbox.user("agent")
    inbox.run(
        "insert into public.conversations"
        " (channel_type, status, priority, assigned_agent_id, requires_human, tags, customer_name)"
        " values ('website', 'active', 'high', null, true, '{vip,order}', 'Ada 100%%'),"
        " ('email', 'escalated', 'normal', %s, true, '{vip}', 'Grace'),"
        " ('email', 'resolved', 'normal', null, false, '{}', 'Adam'),"
        " ('email', 'closed', 'normal', null, false, null, null)",
        agent,
    )
    views: dict[str, tuple[dict[str, Any], int]] = {
        "all": ({}, 4),
        "channel": ({"channel_type": "email"}, 3),
        "statuses": ({"status": ["active", "escalated"]}, 2),
        "no status": ({"status": []}, 0),
        "priority": ({"priority": "high"}, 1),
        "mine": ({"assigned_agent_id": agent}, 1),
        "unassigned": ({"unassigned": True}, 3),
        "somebody's": ({"unassigned": False}, 1),
        "waits": ({"requires_human": True, "unassigned": True}, 1),
        "left to the AI": ({"requires_human": False}, 2),
        "tagged": ({"tags": ["vip"]}, 2),
        "tagged twice": ({"tags": ["vip", "order"]}, 1),
        "no tags asked": ({"tags": []}, 3),
        "found": ({"search": "ada"}, 2),
        "found as it is": ({"search": "100%"}, 1),
        "a sign is no pattern": ({"search": "%a%"}, 0),
    }
    asked = {name: filters for name, (filters, _) in views.items()}

    assert _counts(inbox, agent, **asked) == {name: count for name, (_, count) in views.items()}
    assert _counts(inbox, agent) == {}


def test_everybody_counts_what_they_may_see(inbox: Inbox) -> None:
    """Else a customer learns how busy the team is."""
    agent, customer, other = inbox.user("agent"), inbox.user(), inbox.user()
    inbox.open(customer)
    inbox.open(other)
    seen = [_counts(inbox, who, all={})["all"] for who in (agent, customer, "service_role")]

    assert seen == [2, 1, 2]


@pytest.mark.parametrize(
    "views",
    [
        [],
        None,
        {"waits": []},
        {"waits": None},
        {"waits": {"requiresHuman": True}},
        {"waits": {"requires_human": "true"}},
        {"waits": {"unassigned": None}},
        {"waits": {"status": "active"}},
        {"waits": {"status": ["active", None]}},
        {"waits": {"tags": [["vip"]]}},
        {"waits": {"assigned_agent_id": "me"}},
        {"waits": {"assigned_agent_id": None}},
        {"waits": {"search": 7}},
        {str(number): {} for number in range(51)},
    ],
)
def test_a_filter_that_is_none_is_refused(inbox: Inbox, views: Any) -> None:
    """A misspelt one would count everything."""
    with pytest.raises(psycopg.Error) as refusal:
        inbox.run("select public.count_conversations(%s)", json.dumps(views), by="service_role")

    assert (refusal.value.sqlstate, refusal.value.diag.message_detail) == ("PT400", "bad_views")


def test_a_view_of_few_is_counted_by_its_index(inbox: Inbox) -> None:
    """Of a million conversations those that wait are a hundred."""
    inbox.run(
        "insert into public.conversations (channel_type, requires_human)"
        " select 'website', i <= 5 from generate_series(1, 2000) as i"
    )
    inbox.run("analyze public.conversations")
    inbox.run("select pg_stat_force_next_flush()")  # what the inserts looked up is no part of it
    with inbox.connection.transaction():
        asked = {"waits": {"requires_human": True}}
        inbox.connection.execute("select public.count_conversations(%s)", [json.dumps(asked)])
        used = inbox.connection.execute(
            "select indexrelid::regclass::text as name from pg_index"
            " where indrelid = 'public.conversations'::regclass"
            " and pg_stat_get_xact_numscans(indexrelid) > 0"
        ).fetchall()

    assert [row["name"].split(".")[-1] for row in used] == ["conversations_requires_human_idx"]
