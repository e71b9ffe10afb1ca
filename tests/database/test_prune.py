"""Old rows go in pieces, one pruner at a time: a table of a year is no long transaction."""

import re

import psycopg

from tests.database.inbox import Inbox
from tests.support.stacks import ROOT


def _old_metrics(inbox: Inbox, count: int) -> None:
    inbox.run(
        "insert into public.realtime_metrics (metric_name, metric_value, timestamp, expires_at)"
        " select 'old', 1, now() - interval '60 days', now() - interval '30 days'"
        " from generate_series(1, %s)",
        count,
    )


def _prune(inbox: Inbox, max_rows: int) -> int:
    row = inbox.one("select public.prune(%s) as count", max_rows, by="service_role")
    return int(row["count"])


def test_a_call_deletes_so_many_rows_of_a_table_and_no_more(inbox: Inbox) -> None:
    """Millions of rows in one statement end at its timeout, each hour, for ever."""
    _old_metrics(inbox, 25)

    assert [_prune(inbox, 10) for _ in range(4)] == [10, 10, 5, 0]


def test_one_prunes_at_a_time(inbox: Inbox, fresh_db: str) -> None:
    """Every worker tries each minute, where there is no cron."""
    _old_metrics(inbox, 5)
    with psycopg.connect(fresh_db) as other:
        first = other.execute("select public.prune()").fetchone()
        assert _prune(inbox, 10) == 0
        other.commit()

    assert first == (5,)


def test_what_is_young_stays(inbox: Inbox) -> None:
    """Yesterday's turns are what a team looks at today."""
    inbox.open(inbox.user(), "one")
    inbox.settle(inbox.claim()[0])
    metrics = len(inbox.run("select 1 from public.realtime_metrics"))

    assert _prune(inbox, 1000) == 0
    assert len(inbox.run("select 1 from public.ai_response_queue")) == 1
    assert len(inbox.run("select 1 from public.realtime_metrics")) == metrics > 0


def test_a_piece_is_found_by_an_index(inbox: Inbox) -> None:
    """A pruner that reads whole tables each minute costs more than what it deletes."""
    for table, column in {
        "realtime_metrics": "expires_at",
        "ai_response_queue": "completed_at",
        "channel_deliveries": "created_at",
        "webhook_events": "received_at",
        "channel_changes": "received_at",
    }.items():
        found = inbox.run(
            "select indexdef from pg_indexes where tablename = %s and indexdef ~ %s",
            table,
            rf"\({column}",
        )
        assert found, table


def test_periods_are_settings_and_the_page_names_them(inbox: Inbox) -> None:
    """A team that has promised its customers a week can keep it."""
    page = (ROOT / "docs" / "privacy.md").read_text()
    said = dict(re.findall(r"^\| `(keep_\w+)` \| (\S+) \|$", page, re.MULTILINE))
    [row] = inbox.run("select to_jsonb(settings) as told from public.ai_settings as settings")
    inbox.run(
        "insert into public.webhook_events (channel_type, digest, payload, events, received_at)"
        " values ('email', 'x', '', '[]', now() - interval '8 days')"
    )
    before = _prune(inbox, 10)
    inbox.run("update public.ai_settings set keep_webhooks_days = 7", by="service_role")

    assert said == {
        name: "\u2013" if days is None else str(days)
        for name, days in row["told"].items()
        if name.startswith("keep_")
    }
    assert (before, _prune(inbox, 10)) == (0, 1)
