"""What channels send is kept, and applied event by event; nonsense harms nobody."""

import json
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.database.channels import ACCOUNT, RECEIVE, Channel, about, message
from tests.database.inbox import Inbox
from tests.support.databases import as_user


@pytest.fixture
def channel(passing_inbox: Inbox) -> Channel:
    return Channel(passing_inbox)


def test_a_webhook_is_kept_once_without_what_opens_doors(channel: Channel) -> None:
    """A replay needs the payload; a token in the table would be one more to steal."""
    first = channel.answer(message(), **{"content-type": "json", "Authorization": "Bearer x"})
    again = channel.answer(message())
    kept = channel.webhook(first["webhook_id"])

    assert again["webhook_id"] == first["webhook_id"]
    assert (kept["attempts"], kept["outcomes"], kept["error"]) == (2, {"duplicate": 1}, None)
    assert kept["headers"] == {}
    assert json.loads(kept["payload"]) == kept["events"] == [message()]
    assert kept["processed_at"] is not None
    row = channel.answer(message(), payload="x", Cookie="x", Apikey="x", signature="y")
    assert channel.webhook(row["webhook_id"])["headers"] == {"signature": "y"}


NONSENSE: dict[str, Any] = {
    "it is not an object": 3,
    "its kind is unknown": {"kind": "telegram"},
    "the channel's function could not read it": {"kind": "unreadable", "account": None},
    "its account is missing or too long": message(account=None),
    "its time is not ISO 8601": message(at="yesterday"),
    "its id is missing or too long": message(id="x" * 4001),
    "its customer's id is missing or too long": message(customer={"name": "Nobody"}),
    "its content is no text": message(content=7),
    "its media is no list of objects": message(media=["x"]),
    "it has neither content nor media": message(content=""),
    "its type is too long": message(type="x" * 51),
    "its metadata is no object": message(metadata=[1]),
    "its thread is no object": message(thread="x"),
    "its references are no list": message(thread={"references": "x"}),
    "is_automatic is neither true nor false": message(is_automatic="yes"),
    "its status is unknown": about(1, "status", status="lost"),
    "its emoji is no text": about(1, "reaction", emoji=1),
}


def test_an_event_that_makes_no_sense_undoes_nothing_of_the_others(channel: Channel) -> None:
    """Meta puts the events of many customers into one call."""
    answer = channel.answer(*NONSENSE.values(), message(1), about(1, "edit", content=None))
    results = answer["results"]

    assert [result["error"] for result in results] == [*NONSENSE, None, "its content is no text"]
    assert {result["outcome"] for result in results[:-2]} == {"failed"}
    assert results[-2]["outcome"] == "stored"
    kept = channel.webhook(answer["webhook_id"])
    assert kept["outcomes"] == {"failed": len(NONSENSE) + 1, "stored": 1}
    assert kept["error"].startswith("event 1: it is not an object; event 2: its kind is unknown")


def test_nonsense_about_a_mail_that_came_to_another_account_is_refused(inbox: Inbox) -> None:
    """What the mail was before is not looked up for an event that makes no sense."""
    mail = Channel(inbox, "email")
    mail.store(message(account="first@example.com"))
    nonsense = message(account="second@example.com", is_automatic=7)

    assert mail.outcomes(nonsense, nonsense) == ["failed", "failed"]


NO_WEBHOOKS = [
    ("whatsapp", "x", "{}", "{}"),
    ("whatsapp", "x", None, "{}"),
    ("whatsapp", None, "[]", "{}"),
    ("whatsapp", "x", "[]", "[]"),
    ("website", "x", "[]", "{}"),
    ("What's up", "x", "[]", "{}"),
    (None, "x", "[]", "{}"),
    ("whatsapp", "x", json.dumps([1] * 5001), "{}"),
]


def test_what_is_no_webhook_is_refused(channel: Channel) -> None:
    """The author of a channel hears of a mistake at once."""
    for arguments in NO_WEBHOOKS:
        with pytest.raises(psycopg.Error) as refusal:
            channel.inbox.run(
                "select public.receive_channel_webhook(%s, %s, %s, %s)",
                *arguments,
                by="service_role",
            )
        assert refusal.value.sqlstate == "PT400"
        assert refusal.value.diag.message_detail == "bad_webhook"

    assert channel.inbox.run("select id from public.webhook_events") == []


_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS
)
_ANYTHING = st.recursive(
    _SCALARS | st.sampled_from(["message", "1e999", "2026-13-45T00:00:00Z", "\ufeff", "x" * 5000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=5,
)
_KINDS = ("message", "echo", "status", "reaction", "edit", "deletion", "problem", "ignored")
_SENSIBLE = message(1, status="read", emoji="x", media=[{"id": "1"}], thread={"references": ["a"]})
_EVENTS = st.builds(
    lambda kind, fields: _SENSIBLE | {"kind": kind} | fields,
    st.sampled_from(_KINDS),
    st.dictionaries(
        st.sampled_from([*_SENSIBLE, "reference", "error", "reply_to", "metadata", "is_automatic"]),
        _ANYTHING,
        max_size=3,
    ),
)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(events=st.lists(_EVENTS | _ANYTHING, max_size=6))
def test_whatever_comes_has_a_result(passing_inbox: Inbox, events: list[Any]) -> None:
    """An error of ours would make the sender come again with the same, for days."""
    for kind in ("whatsapp", "email"):
        results = Channel(passing_inbox, kind).receive(*events, payload=str(uuid4()))

        assert len(results) == len(events)
        assert not [one for one in results if "refused it" in (one["error"] or "")]


def test_what_may_pass_by_itself_is_raised(inbox: Inbox, fresh_db: str) -> None:
    """The sender comes again: an event that was only unlucky is not lost as failed."""
    channel = Channel(inbox)
    stored = channel.store(message(1))
    with psycopg.connect(fresh_db) as holder, psycopg.connect(fresh_db) as caller:
        lock = "select from public.conversations where id = %s for update"
        holder.execute(lock, [stored["conversation_id"]])
        caller.execute("set local lock_timeout = '50ms'")
        as_user(caller, "service_role")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            caller.execute(RECEIVE, ["whatsapp", "later", json.dumps([message(2)])])

    kept = channel.inbox.run("select payload from public.webhook_events where payload = 'later'")
    assert kept == []
    assert channel.outcomes(message(2)) == ["stored"]


def test_a_disabled_account_takes_nothing_until_it_is_replayed(channel: Channel) -> None:
    """Nothing is lost by switching a channel off for a while."""
    channel.store(message(1))
    switch = "update public.communication_channels set status = %s"
    channel.inbox.run(switch, "disabled")
    answer = channel.answer(message(2))
    (ignored,) = answer["results"]
    replay = "select public.replay_channel_webhook(%s) as answer"
    channel.inbox.run(switch, "active")
    again = channel.inbox.one(replay, answer["webhook_id"], by="service_role")["answer"]

    assert (ignored["outcome"], ignored["error"]) == ("ignored", "the account is disabled")
    assert [result["outcome"] for result in again["results"]] == ["stored"]
    assert channel.webhook(answer["webhook_id"])["attempts"] == 2
    with pytest.raises(psycopg.Error) as refusal:
        channel.inbox.run(replay, uuid4(), by="service_role")
    assert refusal.value.diag.message_detail == "webhook_not_found"


def test_what_was_kept_long_enough_goes(channel: Channel) -> None:
    """Raw webhooks are what customers wrote, a second time."""
    for number, days in ((1, 15), (2, 13)):
        answer = channel.answer(about(number, "edit", content="x"))
        age = "set received_at = received_at - make_interval(days => %s)"
        channel.inbox.run(
            f"update public.webhook_events {age} where id = %s", days, answer["webhook_id"]
        )
        channel.inbox.run(
            f"update private.channel_changes {age} where digest = private.id_digest(%s)",
            *(days - 7, f"wamid.{number}"),
        )
    channel.inbox.run("select public.prune()")

    assert len(channel.inbox.run("select id from public.webhook_events")) == 1
    assert len(channel.inbox.run("select kind from private.channel_changes")) == 1


def test_an_account_shows_what_came(channel: Channel) -> None:
    """The first look when customers say that nobody answers."""
    problem = {"code": "131", "message": "Quality is low."}
    channel.receive(
        message(1), message(1), message(2, kind="echo"), {"kind": "ignored", "account": None}
    )
    fine = channel.account()
    channel.receive({"kind": "problem", "account": ACCOUNT, "error": problem})
    troubled = channel.account()
    channel.receive(message(3))
    healed = channel.account()

    assert (fine["external_account_id"], fine["name"]) == (ACCOUNT, f"WhatsApp {ACCOUNT}")
    assert (fine["received_count"], fine["status"]) == (1, "active")
    assert None not in (fine["connected_at"], fine["last_received_at"])
    assert (troubled["status"], troubled["last_error"]) == ("error", "131 Quality is low.")
    assert troubled["last_error_at"] is not None
    assert (healed["status"], healed["received_count"]) == ("active", 2)
    assert healed["last_received_at"] > fine["last_received_at"]


@pytest.mark.parametrize(("rows", "taken"), [(1, True), (2, False)])
def test_the_only_row_without_an_account_is_taken(channel: Channel, rows: int, taken: bool) -> None:
    """The original has a row a channel, and its conversations refer to it."""
    for _ in range(rows):
        channel.inbox.run(
            "insert into public.communication_channels (name, type) values ('Ours', 'whatsapp')"
        )
    channel.receive(message(1))
    channel.receive(message(1, account="105"))
    named = channel.inbox.run(
        "select name, external_account_id as account from public.communication_channels"
        " where external_account_id is not null order by 2"
    )

    first = "Ours" if taken else "WhatsApp 104"
    assert named == [
        {"name": first, "account": "104"},
        {"name": "WhatsApp 105", "account": "105"},
    ]


def test_credentials_are_found_by_what_they_are(channel: Channel) -> None:
    """What adoption moved goes on working; what an operator sets counts more."""
    channel.receive(message(1))
    channel_id = channel.account()["id"]
    for name in ("configuration.accessToken", "webhook_secret", "configuration.smtp.password"):
        channel.inbox.run(
            "insert into private.channel_secrets values (%s, %s, %s)", channel_id, name, name
        )
    read = "select account, name, value from public.get_channel_credentials('whatsapp')"
    write = "select public.set_channel_secret(%s, %s, %s)"
    moved = channel.inbox.run(read, by="service_role")
    channel.inbox.run(
        "insert into private.channel_secrets values (%s, 'api_credentials.appSecret', 'app')",
        channel_id,
    )
    channel.inbox.run(write, channel_id, "access_token", "old", by="service_role")
    channel.inbox.run(write, channel_id, "access_token", "new", by="service_role")
    channel.inbox.run(write, channel_id, "verify_token", "x", by="service_role")
    channel.inbox.run(write, channel_id, "verify_token", None, by="service_role")
    chosen = channel.inbox.run(read, by="service_role")

    assert moved == [
        {"account": ACCOUNT, "name": "access_token", "value": "configuration.accessToken"},
        {"account": ACCOUNT, "name": "app_secret", "value": "webhook_secret"},
    ]
    assert [row["value"] for row in chosen] == ["new", "app"]
    for arguments, name in (
        ((channel_id, "password", "x"), "bad_secret"),
        ((uuid4(), "app_secret", "x"), "channel_not_found"),
    ):
        with pytest.raises(psycopg.Error) as refusal:
            channel.inbox.run(write, *arguments, by="service_role")
        assert refusal.value.diag.message_detail == name


def test_a_backlog_is_applied_part_by_part(channel: Channel) -> None:
    """Each part is a transaction of its own: its messages are seen, and answered, at its end."""
    events = [message(number) for number in range(1, 8)]
    inbox, payload = channel.inbox, json.dumps(events)
    part = inbox.one(
        "select public.receive_channel_webhook('whatsapp', %s, %s, '{}', 3) as told",
        payload,
        payload,
        by="service_role",
    )["told"]
    places, nexts = [result["place"] for result in part["results"]], [part["next"]]
    while part["next"] is not None:
        part = inbox.one(
            "select public.continue_channel_webhook(%s, %s, 3) as told",
            part["webhook_id"],
            part["next"],
            by="service_role",
        )["told"]
        places += [result["place"] for result in part["results"]]
        nexts.append(part["next"])

    assert sorted(places) == list(range(1, 8))
    assert nexts == [3, 6, None]
    assert channel.webhook(part["webhook_id"])["outcomes"] == {"stored": 7}


def test_more_than_64_events_are_applied_in_one_call_too(channel: Channel) -> None:
    """Each is a subtransaction; above 64 of them Postgres keeps them elsewhere."""
    events = [message(number, customer={"id": f"4915{number}"}) for number in range(1, 101)]
    answer = channel.answer(*events)

    assert {result["outcome"] for result in answer["results"]} == {"stored"}
    assert answer["next"] is None


def test_the_turns_of_a_backlog_begin_when_they_can_be_seen(inbox: Inbox) -> None:
    """2,500 messages took longer than the deadline: all were handed over beside an idle worker."""
    events = json.dumps(
        [message(number, customer={"id": f"4915{number}"}) for number in range(1, 51)]
    )
    inbox.run(
        "create function public.be_slow() returns trigger language plpgsql as $$"
        " begin perform setval('private.test_ticks', nextval('private.test_ticks') + 500000);"
        " return new; end $$"
    )
    inbox.run(
        "create trigger be_slow before insert on public.messages"
        " for each row execute function public.be_slow()"
    )  # half a second a message
    inbox.run("grant usage, update on sequence private.test_ticks to service_role")
    inbox.run(
        "select public.receive_channel_webhook('whatsapp', %s, %s)",
        events,
        events,
        by="service_role",
    )
    jobs = inbox.claim(max_jobs=100)

    assert len(jobs) == 50
    assert min(job["budget_ms"] for job in jobs) > 5_000
