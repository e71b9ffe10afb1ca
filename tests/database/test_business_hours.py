"""When somebody of the team is there, and what a hand-over says when nobody is."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.database.inbox import Inbox

_WEEK = {"days": [1, 2, 3, 4, 5], "from": "09:00", "to": "18:00"}
_BERLIN = {"timezone": "Europe/Berlin", **_WEEK}
_SHOP = {
    "timezone": "Europe/Berlin",
    "spans": [
        {"days": [1, 2, 3, 4, 5], "from": "09:00", "to": "12:30"},
        {"days": [1, 2, 3, 4, 5], "from": "13:30", "to": "18:00"},
        {"days": [6], "from": "10:00", "to": "14:00"},
    ],
    "closed": ["2026-12-25", "2026-12-26", "2027-01-01"],
}
_CLUB = {
    "timezone": "Europe/Berlin",
    "spans": [{"days": [5, 6], "from": "22:00", "to": "06:00"}],
    "closed": ["2026-12-26"],
}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "at", "then"),
    [
        (_SHOP, "2026-11-27 11:29:59", "2026-11-27 11:29:59"),
        (_SHOP, "2026-11-27 11:30", "2026-11-27 12:30"),
        (_SHOP, "2026-11-27 17:00", "2026-11-28 09:00"),
        (_SHOP, "2026-11-28 13:00", "2026-11-30 08:00"),
        # Closed days: Friday and Saturday of Christmas, then a weekend.
        (_SHOP, "2026-12-24 17:00", "2026-12-28 08:00"),
        (_SHOP, "2026-12-25 10:00", "2026-12-28 08:00"),
        (_SHOP, "2026-12-31 18:00", "2027-01-02 09:00"),
        # A night that began before a closed day goes on; one that would begin on it does not.
        (_CLUB, "2026-12-26 04:00", "2026-12-26 04:00"),
        (_CLUB, "2026-12-26 05:00", "2027-01-01 21:00"),
        (_CLUB, "2026-12-27 00:00", "2027-01-01 21:00"),
        # Clocks go back: half past two is twice, and the span is an hour longer.
        ({"timezone": "Europe/Berlin", "days": [7], "from": "02:00", "to": "04:00"},
         "2026-10-25 02:30", "2026-10-25 02:30"),
        ({"timezone": "Europe/Berlin", "days": [7], "from": "02:00", "to": "04:00"},
         "2026-10-25 03:00", "2026-11-01 01:00"),
        # Clocks go forward in the night that is open.
        (_CLUB, "2027-03-28 03:59", "2027-03-28 03:59"),
        (_CLUB, "2027-03-28 04:00", "2027-04-02 20:00"),
        ({"timezone": "Asia/Kathmandu", "days": [1], "from": "09:00", "to": "17:00"},
         "2026-11-29 20:00", "2026-11-30 03:15"),
        ({"timezone": "America/New_York", "days": [7], "from": "20:00", "to": "24:00"},
         "2026-11-30 04:59", "2026-11-30 04:59"),
        ({"timezone": "Pacific/Kiritimati", "days": [1], "from": "00:00", "to": "24:00"},
         "2026-11-29 10:00", "2026-11-29 10:00"),
        # A hundred closed Mondays, of a team that is there on Mondays.
        ({"timezone": "UTC", "days": [1], "from": "09:00", "to": "17:00", "closed": [
            str(datetime.fromordinal(datetime(2026, 11, 30).toordinal() + 7 * week).date())
            for week in range(100)]}, "2026-11-30 10:00", "2028-10-30 09:00"),
    ],
)  # fmt: skip
def test_when_somebody_is_there(
    passing_inbox: Inbox, hours: dict[str, Any], at: str, then: str
) -> None:
    """Somebody waits for it: an hour off is an hour in the rain."""
    assert passing_inbox.one("select private.are_hours(%s) as yes", json.dumps(hours))["yes"]
    found = passing_inbox.one(
        "select private.next_hours(%s, %s) as at", json.dumps(hours), _moment(at)
    )["at"]

    assert found == _moment(then)


@pytest.mark.parametrize(
    "hours",
    [
        {"timezone": "Europe/Berlin", "spans": []},
        {"timezone": "Europe/Berlin", "spans": {}},
        {"timezone": "Europe/Berlin", "spans": [_WEEK], **_WEEK},
        {"timezone": "Europe/Berlin", "spans": [_WEEK, {"days": [1], "from": "09:00"}]},
        {"timezone": "Europe/Berlin", "spans": [_WEEK, 7]},
        {"timezone": "Europe/Berlin", "spans": [_WEEK, None]},
        {"timezone": "Europe/Berlin", "spans": [_WEEK] * 51},
        {"timezone": "Mars/Olympus", "spans": [_WEEK]},
        {"spans": [_WEEK]},
        {**_BERLIN, "close": ["2026-12-25"]},
        {**_BERLIN, "closed": "2026-12-25"},
        {**_BERLIN, "closed": ["2026-02-30"]},
        {**_BERLIN, "closed": ["25.12.2026"]},
        {**_BERLIN, "closed": ["20261225"]},
        {**_BERLIN, "closed": ["tomorrow"]},
        {**_BERLIN, "closed": ["2026-12-25", None]},
        {**_BERLIN, "closed": ["2026-12-25"] * 101},
        {**_BERLIN, "to": "24:30"},
        {**_BERLIN, "from": "24:00"},
        {**_BERLIN, "days": [8]},
        {**_BERLIN, "days": [1.5]},
        {**_BERLIN, "days": 1},
        None,
        [],
        "always",
    ],
)
def test_hours_that_cannot_be_read_are_refused(passing_inbox: Inbox, hours: Any) -> None:
    """A hand-over would name a time that nobody meant, or fail."""
    insert = "insert into public.business_hours (hours) values (%s)"
    with pytest.raises(psycopg.Error) as refusal:
        passing_inbox.run(insert, json.dumps(hours))

    assert (refusal.value.sqlstate, refusal.value.diag.message_detail) == ("PT400", "bad_hours")


def _set(inbox: Inbox, hours: Any, by: str | None = None, **columns: Any) -> None:
    row = {"hours": json.dumps(hours)} | {
        name: json.dumps(value) if isinstance(value, dict) else value
        for name, value in columns.items()
    }
    names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    inbox.run(f"insert into public.business_hours ({names}) values ({marks})", *row.values(), by=by)


def _at(inbox: Inbox, moment: str) -> None:
    """Let it be this time in Berlin."""
    inbox.run("update private.test_epoch set began = %s::timestamp at time zone 'Europe/Berlin'",
              moment)  # fmt: skip
    inbox.run("select setval('private.test_ticks', 1)")


def _handed_over(inbox: Inbox, language: str | None = "en", **columns: Any) -> tuple[UUID, str]:
    conversation = inbox.open(inbox.user(), "Where is my order?")
    for name, value in columns.items():
        inbox.run(f"update public.conversations set {name} = %s where id = %s", value, conversation)
    [job] = inbox.claim()
    more = {} if language is None else {"language": language}
    inbox.settle(job, None, action="escalate", reason="human_requested", **more)
    return conversation, str(inbox.messages(conversation)[-1]["content"])


def _said(inbox: Inbox, language: str | None = "en", **columns: Any) -> str:
    return _handed_over(inbox, language, **columns)[1]


@pytest.mark.parametrize(
    ("at", "when"),
    [
        ("2026-11-30 07:59", "today at 9:00"),
        ("2026-11-30 18:00", "tomorrow at 9:00"),
        ("2026-11-27 23:59", "Monday at 9:00"),
        ("2026-11-28 00:01", "Monday at 9:00"),
        ("2026-11-29 12:00", "tomorrow at 9:00"),
        ("2026-12-24 20:00", "Monday at 9:00"),
        ("2026-12-18 20:00", "Monday 2026-12-28 at 9:00"),
    ],
)
def test_a_hand_over_says_when_somebody_is_there(inbox: Inbox, at: str, when: str) -> None:
    """ "Soon" is a promise that nobody keeps on Friday night."""
    closed = [f"2026-12-{day}" for day in (21, 22, 23, 25)]
    if at.startswith("2026-12-18"):
        closed.append("2026-12-24")
    _set(inbox, {**_BERLIN, "closed": closed})
    _at(inbox, at)

    assert _said(inbox) == (
        "Nobody of our team is here at the moment. A human will answer you here."
        f" We are back {when}."
    )


def test_within_the_hours_a_hand_over_is_as_ever(inbox: Inbox) -> None:
    """Most of them are."""
    _set(inbox, _BERLIN)
    _at(inbox, "2026-11-30 10:00")

    assert (
        _said(inbox)
        == inbox.one("select handover_texts ->> 'en' as text from public.ai_settings")["text"]
    )


@pytest.mark.parametrize(
    ("language", "texts", "said"),
    [
        ("de", {}, "Im Moment ist niemand vom Team da. Du bekommst hier eine Antwort von einem"
         " Menschen. Wir sind wieder da: morgen um 9:00 Uhr."),
        ("pt-BR", {}, "Neste momento não há ninguém da equipe. Uma pessoa responderá aqui."
         " Voltamos: amanhã às 9:00."),
        ("fr", {"en": "Away until {when}."}, "L'équipe n'est pas là pour le moment. Une personne"
         " vous répondra ici. De retour : demain à 9:00."),
        ("fr_CA", {"fr": "Fermé. À {when}, {when}."}, "Fermé. À demain à 9:00, demain à 9:00."),
        ("eo", {"eo": "Ni foriris."}, "Ni foriris."),
        ("eo", {"en": "Away until {when}."}, "Away until tomorrow at 9:00."),
        ("eo", {}, "Nobody of our team is here at the moment. A human will answer you here. We are"
         " back tomorrow at 9:00."),
    ],
)  # fmt: skip
def test_it_is_said_in_the_customers_language(
    inbox: Inbox, language: str, texts: dict[str, str], said: str
) -> None:
    """The project's own text first, then ours, then English."""
    _set(inbox, _BERLIN, away_texts=texts)
    _at(inbox, "2026-11-30 20:00")

    assert _said(inbox, language) == said


def test_every_language_of_the_hand_over_has_its_words(passing_inbox: Inbox) -> None:
    """A language that is added there is added here."""
    rows = passing_inbox.run(
        "select language, private.away_words(language) as words"
        " from public.ai_settings, jsonb_object_keys(handover_texts) as language"
    )

    assert len(rows) > 30
    for row in rows:
        words = row["words"]
        assert words, row["language"]
        assert "{when}" in words["text"]
        assert "{day}" in words["at"]
        assert "{time}" in words["at"]
        assert len(set(words["days"])) == 7
        assert words["today"] != words["tomorrow"]


def test_each_channel_has_its_own(inbox: Inbox) -> None:
    """The shop's telephone number is served on Saturdays, its mails are not."""
    [account] = inbox.run(
        "insert into public.communication_channels (name, type) values ('Shop', 'whatsapp')"
        " returning id"
    )
    for text, columns in (
        ("all", {}),
        ("whatsapp", {"channel_type": "whatsapp"}),
        ("account", {"channel_id": account["id"]}),
    ):
        _set(inbox, _BERLIN, away_texts={"en": text}, **columns)
    _at(inbox, "2026-11-28 12:00")

    assert _said(inbox) == "all"
    assert _said(inbox, channel_type="whatsapp") == "whatsapp"
    assert _said(inbox, channel_type="whatsapp", channel_id=account["id"]) == "account"
    inbox.run("delete from public.communication_channels")
    assert len(inbox.run("select * from public.business_hours")) == 2
    with pytest.raises(psycopg.errors.UniqueViolation):
        _set(inbox, _BERLIN)
    with pytest.raises(psycopg.errors.CheckViolation):
        _set(inbox, _BERLIN, channel_type="website", channel_id=account["id"])


def test_a_repeated_hand_over_says_it_too(inbox: Inbox) -> None:
    """Who writes again in the night is told again, and not that somebody comes soon."""
    _set(inbox, _BERLIN)
    _at(inbox, "2026-11-30 17:59")
    conversation, first = _handed_over(inbox)
    inbox.let_pass(3600)
    customer = inbox.one("select user_id::text as id from public.customer_profiles limit 1")["id"]
    inbox.say(conversation, "Hello?", by=customer)
    second = inbox.messages(conversation)[-1]

    assert "soon" in first
    assert "tomorrow at 9:00" in second["content"]
    assert second["metadata"]["repeated"] is True


@pytest.mark.parametrize(
    "texts", [[], "x", {"en": ""}, {"en": 7}, {"en": {"a": "b"}}, {"en": "x" * 50_001}]
)
def test_what_is_no_away_text_is_refused(passing_inbox: Inbox, texts: Any) -> None:
    """A customer would read nothing."""
    with pytest.raises(psycopg.errors.CheckViolation):
        passing_inbox.run(
            "insert into public.business_hours (hours, away_texts) values (%s, %s)",
            json.dumps(_BERLIN), json.dumps(texts),
        )  # fmt: skip


def test_admins_write_them_and_staff_read_them(inbox: Inbox) -> None:
    """The inbox shows the team what customers are told."""
    admin, agent, customer = inbox.user("admin"), inbox.user("agent"), inbox.user()
    _set(inbox, _BERLIN, by=admin)
    for who in (agent, customer):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            _set(inbox, _BERLIN, by=who, channel_type="email")
    update = "update public.business_hours set hours = hours returning id"
    select = "select id from public.business_hours"

    assert len(inbox.run(select, by=agent)) == 1
    assert inbox.run(select, by=customer) == inbox.run(update, by=agent) == []
    assert len(inbox.run(update, by=admin)) == 1
    with pytest.raises(psycopg.Error) as refusal:
        inbox.run("update public.business_hours set hours = '{}'", by=admin)
    assert refusal.value.diag.message_detail == "bad_hours"
