"""What everybody may know of the widget and the team, and nothing else."""

import json
from typing import Any

import psycopg
import pytest

from tests.database.inbox import Inbox

_TOLD = "select public.get_widget_settings() as told"
_ALLOWED = {
    "texts", "color", "text_color", "logo_url", "languages", "is_team_there", "back_at", "team",
}  # fmt: skip


def _told(inbox: Inbox, by: str = "anon") -> dict[str, Any]:
    return dict(inbox.one(_TOLD, by=by)["told"])


def _writes(inbox: Inbox, name: str | None, role: str = "agent", **columns: str) -> str:
    """Somebody of the team who has written to a customer."""
    person = inbox.user(role)
    for column, value in {"full_name": name, **columns}.items():
        inbox.run(f"update public.profiles set {column} = %s where id = %s", value, person)
    inbox.say(inbox.open(inbox.user()), "Hello.", by=person, sender="agent")
    return person


def test_visitors_are_told_what_is_on_the_list_and_nothing_else(inbox: Inbox) -> None:
    """The anon key is in every page: what is told here is published."""
    _writes(inbox, "Ada Lovelace", avatar_url="https://example.com/ada.png")
    inbox.run("update public.widget_settings set texts = %s", json.dumps({"en": {"title": "Ask"}}))
    inbox.run("alter table public.widget_settings add column secret text default 'hidden'")
    told = _told(inbox)

    assert set(told) == _ALLOWED
    assert told["texts"] == {"en": {"title": "Ask"}}
    assert told["team"] == [{"first_name": "Ada", "avatar_url": "https://example.com/ada.png"}]
    assert told == _told(inbox, inbox.user()) == _told(inbox, "service_role")
    assert "hidden" not in str(told)
    assert "Lovelace" not in str(told)
    assert "example.com/ada.png" in str(told)


def test_without_a_session_nothing_else_of_it_is_read(inbox: Inbox) -> None:
    """The function's own way there is no one else's."""
    for statement in (
        "select * from public.widget_settings",
        "select * from public.business_hours",
        "select private.faces_of_team(now())",
        "select private.business_hours_of('website', null)",
        "select private.is_staff()",
        "select * from private.channel_secrets",
    ):
        for who in ("anon", inbox.user()):
            try:
                assert inbox.run(statement, by=who) in ([], [{"is_staff": False}])
            except psycopg.errors.InsufficientPrivilege:
                continue
            assert who != "anon", statement


@pytest.mark.parametrize(
    ("name", "columns", "role", "face"),
    [
        ("  Grace   Brewster Hopper ", {}, "admin", {"first_name": "Grace", "avatar_url": None}),
        ("Ada\nLovelace", {}, "agent", {"first_name": "Ada", "avatar_url": None}),
        ("Ada", {"avatar_url": "http://example.com/a.png"}, "agent",
         {"first_name": "Ada", "avatar_url": None}),
        ("Ada", {"avatar_url": "javascript:alert(1)"}, "agent",
         {"first_name": "Ada", "avatar_url": None}),
        ("Ada", {"avatar_url": 'https://example.com/"onerror="x'}, "agent",
         {"first_name": "Ada", "avatar_url": None}),
        ("x" * 100, {}, "agent", {"first_name": "x" * 40, "avatar_url": None}),
        ("ada@example.com", {}, "agent", None),
        ("Ada", {"role": "user"}, "agent", None),
        ("   ", {}, "agent", None),
        (None, {}, "agent", None),
    ],
)  # fmt: skip
def test_of_those_who_write_a_first_name_and_a_picture_are_shown(
    inbox: Inbox, name: str | None, columns: dict[str, str], role: str, face: dict[str, Any] | None
) -> None:
    """A surname and an address are the person's own."""
    left = columns.get("role")
    person = _writes(inbox, name, role, **({} if left else columns))
    if left:
        inbox.run("update public.profiles set role = %s where id = %s", left, person)

    assert _told(inbox)["team"] == ([face] if face else [])


def test_who_does_not_write_is_not_shown(inbox: Inbox) -> None:
    """An administrator who only set it up; who left customers alone for a month; and no crowd."""
    idle = inbox.user("admin")
    inbox.run("update public.profiles set full_name = 'Idle' where id = %s", idle)
    _writes(inbox, "Away")
    inbox.run("update public.messages set created_at = created_at - interval '31 days'")
    for number in range(7):
        _writes(inbox, f"N{number}")
    names = [face["first_name"] for face in _told(inbox)["team"]]
    inbox.run("update public.widget_settings set shows_team = false")

    assert len(names) == 5
    assert {name[0] for name in names} == {"N"}
    assert _told(inbox)["team"] == []


def test_whether_somebody_is_there_is_what_the_hours_say(inbox: Inbox) -> None:
    """Of the website; without hours nothing is claimed."""
    always = {"timezone": "UTC", "days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "to": "24:00"}
    unknown = _told(inbox)
    insert = "insert into public.business_hours (channel_type, hours) values (%s, %s)"
    inbox.run(insert, "email", json.dumps(always))
    of_mails = _told(inbox)
    inbox.run(insert, None, json.dumps(always))
    there = _told(inbox)
    day = inbox.one("select to_char(private.test_clock() at time zone 'UTC', 'YYYY-MM-DD') as day")
    inbox.run(insert, "website", json.dumps({**always, "closed": [day["day"]]}))
    away = _told(inbox)

    assert (unknown["is_team_there"], unknown["back_at"]) == (None, None)
    assert of_mails["is_team_there"] is None
    assert (there["is_team_there"], there["back_at"]) == (True, None)
    assert away["is_team_there"] is False
    assert away["back_at"] > day["day"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("color", "red"),
        ("color", "#FFFFFF"),
        ("color", "#fff; background: url(x)"),
        ("color", None),
        ("text_color", "#12345"),
        ("text_color", "#123456\n"),
        ("logo_url", "http://example.com/logo.png"),
        ("logo_url", "javascript:alert(1)"),
        ("logo_url", "data:image/svg+xml,<svg/>"),
        ("logo_url", "https://"),
        ("logo_url", "https://user:word@example.com/a.png"),
        ("logo_url", "https://example.com/a.png\nhttps://b"),
        ("logo_url", 'https://example.com/"><script>'),
        ("logo_url", f"https://example.com/{'x' * 2000}"),
        ("texts", "[]"),
        ("texts", '{"en": "Ask us"}'),
        ("texts", '{"en": {"title": 7}}'),
        ("texts", '{"en": {"title": {"a": "b"}}}'),
        ("texts", '{"en": ["a"]}'),
        ("texts", json.dumps({"en": {"title": "x" * 50_000}})),
        ("languages", ["English"]),
        ("languages", ["en", ""]),
        ("languages", ["en,de"]),
        ("languages", ["en", None]),
        ("languages", ["en"] * 51),
        ("languages", None),
    ],
)
def test_what_a_page_could_not_show_is_refused(
    passing_inbox: Inbox, column: str, value: Any
) -> None:
    """It goes into the pages of every customer."""
    with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.NotNullViolation)):
        passing_inbox.run(f"update public.widget_settings set {column} = %s", value)


def test_admins_change_what_everybody_sees(inbox: Inbox) -> None:
    """Staff see what is set, too."""
    admin, agent, customer = inbox.user("admin"), inbox.user("agent"), inbox.user()
    update = (
        "update public.widget_settings set color = '#00aa55', languages = '{de,en-GB}',"
        " logo_url = 'https://example.com/logo.svg?v=2#x', texts = '{}' returning id"
    )
    for who in (agent, customer):
        assert inbox.run(update, by=who) == []
    assert len(inbox.run(update, by=admin)) == 1
    told = _told(inbox)

    assert (told["color"], told["languages"]) == ("#00aa55", ["de", "en-GB"])
    assert len(inbox.run("select * from public.widget_settings", by=agent)) == 1
    assert inbox.run("select * from public.widget_settings", by=customer) == []


def test_it_is_cheap_where_visitors_are_many(inbox: Inbox) -> None:
    """Every page of every visitor asks; each visitor has a profile."""
    inbox.run(
        "with people as (insert into auth.users (id) select gen_random_uuid()"
        " from generate_series(1, 3000) returning id) select count(*) from people"
    )
    inbox.run("analyze public.profiles")
    plan = str(inbox.run(
        "explain select id from public.profiles where role in ('agent', 'admin')"
        " order by created_at, id limit 5"
    ))  # fmt: skip

    assert "profiles_staff_idx" in plan
    assert "Seq Scan" not in plan
