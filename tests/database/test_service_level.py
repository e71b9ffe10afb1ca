"""The service level as a chart shows it, and the conversations behind its figures."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.database.inbox import Inbox
from tests.database.test_slo import answer, report

START, END = "2026-03-01T00:00:00Z", "2026-03-11T00:00:00Z"


def level(inbox: Inbox, *arguments: Any, by: str = "service_role") -> Any:
    marks = ", ".join(["%s"] * len(arguments))
    return inbox.one(f"select public.get_service_level({marks}) as level", *arguments, by=by)[
        "level"
    ]


def behind(inbox: Inbox, filters: Any, after: Any = None, most: int = 50) -> Any:
    return inbox.one(
        "select public.get_service_level_conversations(%s, %s, %s, %s, %s) as page",
        START,
        END,
        Jsonb(filters),
        Jsonb(after),
        most,
        by="service_role",
    )["page"]


def turn(
    inbox: Inbox, at: str, seconds: float = 1, channel: str = "website", reason: str | None = None
) -> UUID:
    """Write a turn that was answered so long after it began; return its conversation."""
    [row] = inbox.run(
        "insert into public.conversations (channel_type) values (%s) returning id", channel
    )
    again(inbox, row["id"], at, seconds, reason)
    return UUID(str(row["id"]))


def again(
    inbox: Inbox, conversation: UUID, at: str, seconds: float = 1, reason: str | None = None
) -> None:
    turn_id = uuid4()
    [message] = inbox.run(
        "insert into public.messages (conversation_id, sender_type, content, turn_id, metadata)"
        " values (%s, 'ai', 'x', %s, %s) returning id",
        conversation,
        turn_id,
        Jsonb({"kind": "handover", "reason": reason} if reason else {}),
    )
    inbox.run(
        "insert into public.ai_response_queue (conversation_id, message_id, user_message, status,"
        " outcome, turn_id, turn_started_at, deadline, completed_at)"
        " values (%s, %s, 'x', 'completed', %s, %s, %s, %s::timestamptz,"
        " %s::timestamptz + make_interval(secs => %s))",
        conversation,
        message["id"],
        "escalated" if reason else "replied",
        turn_id,
        at,
        at,
        at,
        seconds,
    )


def cells(found: Any, name: str, channel: str = "all") -> list[Any]:
    """Return a figure of each bucket; None for one without turns."""
    return [
        next((cell[name] for cell in bucket["channels"] if cell["channel_type"] == channel), None)
        for bucket in found["buckets"]
    ]


def test_each_turn_is_in_its_bucket_by_its_channel(inbox: Inbox) -> None:
    """An empty day is shown as one: a chart that leaves it out lies about the others."""
    turn(inbox, "2026-03-02T10:00:00Z", 1)
    turn(inbox, "2026-03-02T11:00:00Z", 7)
    turn(inbox, "2026-03-04T10:00:00Z", 3, "email", "legal")
    found = level(inbox, "2026-03-02T00:00:00Z", "2026-03-05T00:00:00Z")

    assert [bucket["starts_at"][:10] for bucket in found["buckets"]] == [
        "2026-03-02", "2026-03-03", "2026-03-04"
    ]  # fmt: skip
    assert cells(found, "turns") == [2, None, 1]
    assert cells(found, "turns", "website") == [2, None, None]
    assert cells(found, "within_6s") == [0.5, None, 1]
    assert cells(found, "p50_ms") == [4_000, None, 3_000]
    assert cells(found, "escalations") == [{}, None, {"legal": 1}]
    assert cells(found, "resolved_by_ai") == [1, None, 0]
    assert found["buckets"][1]["channels"] == []
    assert [(cell["channel_type"], cell["turns"]) for cell in found["channels"]] == [
        ("email", 1), ("website", 2), ("all", 3)
    ]  # fmt: skip


def test_it_says_the_same_as_the_report_of_the_last_minutes(inbox: Inbox) -> None:
    """Two pages with two truths are two bugs."""
    answer(inbox, after=1)
    answer(inbox, after=5, reason="low_confidence")
    _, stepped_in = answer(inbox)
    inbox.say(stepped_in, "Let me.", by=inbox.user("agent"), sender="agent")
    inbox.run("update public.messages set delivery_status = 'failed' where turn_id is not null")
    now = inbox.one("select clock_timestamp() as now")["now"]
    found = level(inbox, now - timedelta(hours=1), now + timedelta(hours=1))["channels"]
    expected = report(inbox)
    for cell in found:
        for name, value in cell.items():
            if name not in ("conversations", "channel_type"):
                told = expected[name]
                same = told if isinstance(told, dict) else pytest.approx(float(told))
                assert value == same, name
    assert [cell["channel_type"] for cell in found] == ["website", "all"]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Europe/Berlin", "2026-07-01", 24),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("America/Santiago", "2026-09-06", 23),  # midnight itself is left out
        ("Asia/Kathmandu", "2026-01-01", 24),
        ("UTC", "2026-03-29", 24),
    ],
)
def test_a_day_is_as_long_as_its_clock_says(
    inbox: Inbox, zone: str, day: str, hours: float
) -> None:
    """A day of 24 hours of UTC shows evenings as the next morning."""
    middle = f"{day} 12:00 {zone}"
    before, after = datetime.fromisoformat(day), datetime.fromisoformat(day) + timedelta(days=1)
    margin = timedelta(days=2)
    found = level(inbox, f"{before - margin} {zone}", f"{after + margin} {zone}", "day", zone)
    found = found["buckets"]
    turn(inbox, inbox.one("select %s::timestamptz::text as at", middle)["at"])
    lengths = [
        datetime.fromisoformat(each["ends_at"]) - datetime.fromisoformat(each["starts_at"])
        for each in found
    ]
    by_hour = level(inbox, found[2]["starts_at"], found[2]["ends_at"], "hour", zone)

    assert len(found) == 5
    assert lengths[2] == timedelta(hours=hours)
    assert [one["ends_at"] for one in found[:-1]] == [other["starts_at"] for other in found[1:]]
    assert sum(count or 0 for count in cells(by_hour, "turns")) == 1
    assert len(by_hour["buckets"]) in (hours, hours + 0.5)


def test_buckets_cover_the_range_and_nothing_else(inbox: Inbox) -> None:
    """What is cut at an end is counted once, and what is outside not at all."""
    for at in ("2026-03-02T08:59:59Z", "2026-03-02T09:00:00Z", "2026-03-15T22:59:59Z",
               "2026-03-15T23:00:00Z"):  # fmt: skip
        turn(inbox, at)
    for bucket, count in (("day", 14), ("week", 2), ("month", 1), ("hour", 326)):
        found = level(inbox, "2026-03-02T09:00:00Z", "2026-03-15T23:00:00Z", bucket)
        assert len(found["buckets"]) == count
        assert found["buckets"][0]["starts_at"].startswith("2026-03-02T09:00:00")
        assert found["buckets"][-1]["ends_at"].startswith("2026-03-15T23:00:00")
        assert sum(each or 0 for each in cells(found, "turns")) == 2


def test_a_figure_opens_its_conversations(inbox: Inbox) -> None:
    """A number that nobody can look behind is believed by nobody."""
    late = turn(inbox, "2026-03-02T10:00:00Z", 7)
    handed = turn(inbox, "2026-03-03T10:00:00Z", 1, "email", "legal")
    good = turn(inbox, "2026-03-04T10:00:00Z", 2)
    again(inbox, good, "2026-03-05T10:00:00Z", 2)
    turn(inbox, END)
    expected: dict[str, tuple[Any, list[UUID]]] = {
        "all": ({}, [good, handed, late]),
        "channel": ({"channel_type": "email"}, [handed]),
        "late": ({"within_6s": False}, [late]),
        "reason": ({"reason": "legal"}, [handed]),
        "replied": ({"outcome": "replied"}, [good, late]),
        "resolved": ({"resolved_by_ai": True, "channel_type": "website"}, [good, late]),
        "not resolved": ({"resolved_by_ai": False}, [handed]),
        "not delivered": ({"delivered": False}, []),
    }
    for name, (filters, conversations) in expected.items():
        rows = behind(inbox, filters)["rows"]
        assert [row["conversation"]["id"] for row in rows] == [*map(str, conversations)], name
    [newest, *_] = behind(inbox, {})["rows"]
    paged, after = [], None
    for _ in range(4):
        page = behind(inbox, {}, after, most=1)
        paged += page["rows"]
        after = page["next"]
        if after is None:
            break

    assert (newest["turns"], newest["started_at"][:10]) == (2, "2026-03-05")
    assert newest["conversation"]["turn"]["outcome"] == "replied"
    assert paged == behind(inbox, {})["rows"]


REFUSED = {
    "backwards": ("get_service_level(now(), now() - interval '1 day')", "bad_range"),
    "too long": ("get_service_level(now() - interval '401 days')", "bad_range"),
    "without end": ("get_service_level('-infinity')", "bad_range"),
    "no beginning": ("get_service_level(null)", "bad_range"),
    "no bucket": ("get_service_level(now() - interval '1 day', now(), 'minute')", "bad_range"),
    "no zone": (
        "get_service_level(now() - interval '1 day', now(), 'day', 'Mars/Sea')",
        "bad_range",
    ),
    "null zone": ("get_service_level(now() - interval '1 day', now(), 'day', null)", "bad_range"),
    "many hours": ("get_service_level(now() - interval '32 days', now(), 'hour')", "bad_range"),
    "no filter": (
        "get_service_level_conversations(now() - interval '1 day', now(), '{\"x\": 1}')",
        "bad_filters",
    ),
    "no outcome": (
        "get_service_level_conversations("
        "now() - interval '1 day', now(), '{\"outcome\": \"won\"}')",
        "bad_filters",
    ),
    "no filters": (
        "get_service_level_conversations(now() - interval '1 day', now(), '[]')",
        "bad_filters",
    ),
    "no page": (
        "get_service_level_conversations(now() - interval '1 day', now(), '{}', '{\"at\": 1}')",
        "bad_filters",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_reported_is_said(passing_inbox: Inbox, name: str) -> None:
    """An empty chart would look like a quiet year."""
    call, code = REFUSED[name]
    with pytest.raises(psycopg.Error) as refusal:
        passing_inbox.run(f"select public.{call}", by="service_role")

    assert refusal.value.diag.message_detail == code


def test_customers_see_no_figures(inbox: Inbox) -> None:
    """How good the team is, is the team's to say."""
    customer = inbox.user()
    for name in ("get_service_level", "get_service_level_conversations"):
        with pytest.raises(psycopg.Error) as refusal:
            inbox.run(f"select public.{name}(%s, %s)", START, datetime.now(UTC), by=customer)
        assert refusal.value.diag.message_detail == "staff_only"
