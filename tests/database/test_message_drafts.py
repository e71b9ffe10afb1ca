"""What agents have begun to write: theirs, on each device, and gone when it was sent."""

from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.database.inbox import Inbox, Row

_SAVE = "select public.save_draft(%s, %s, %s, %s) as revision"
_MINE = "select * from public.message_drafts order by mode"


def _save(
    inbox: Inbox, agent: str, of: UUID, text: str | None, revision: int = 0, mode: str = "reply"
) -> int:
    return int(inbox.one(_SAVE, of, text, mode, revision, by=agent)["revision"])


def _refusal(inbox: Inbox, *values: Any, by: str) -> tuple[str | None, str | None]:
    with pytest.raises(psycopg.Error) as refusal:
        inbox.run(_SAVE, *values, by=by)
    return refusal.value.sqlstate, refusal.value.diag.message_detail


def _told(inbox: Inbox, agent: str) -> list[Row]:
    return [row["payload"]["draft"] for row in inbox.events(f"drafts:{agent}")]


def test_a_draft_is_its_agents_alone(inbox: Inbox) -> None:
    """Half a sentence about a customer is nobody's to read, an admin's neither."""
    customer, agent = inbox.user(), inbox.user("agent")
    others = [inbox.user("agent"), inbox.user("admin"), customer]
    conversation = inbox.open(customer)
    _save(inbox, agent, conversation, "Dear")
    _save(inbox, agent, conversation, "He pays late", mode="note")

    assert [row["content"] for row in inbox.run(_MINE, by=agent)] == ["He pays late", "Dear"]
    assert [inbox.run(_MINE, by=other) for other in others] == [[], [], []]
    inbox.run("update public.profiles set role = 'user' where id = %s", agent)
    assert inbox.run(_MINE, by=agent) == []


def test_two_agents_and_two_modes_have_their_own(inbox: Inbox) -> None:
    """A note that becomes a reply would be read by the customer."""
    one, other = inbox.user("agent"), inbox.user("agent")
    conversation = inbox.open(inbox.user())
    for agent in (one, other):
        for mode in ("reply", "note"):
            _save(inbox, agent, conversation, f"{agent} {mode}", mode=mode)

    assert [row["content"] for row in inbox.run(_MINE, by=one)] == [f"{one} note", f"{one} reply"]
    assert len(inbox.run("select id from public.message_drafts")) == 4


def test_an_older_device_overwrites_nothing_silently(inbox: Inbox) -> None:
    """A laptop that wakes up has yesterday's half of the text."""
    agent, conversation = inbox.user("agent"), inbox.open(inbox.user())
    first = _save(inbox, agent, conversation, "Dear")
    second = _save(inbox, agent, conversation, "Dear Ada", first)
    late = [
        _refusal(inbox, conversation, text, "reply", revision, by=agent)
        for text, revision in (("Dear Bob", first), ("Hello", 0), ("", first), ("", 0))
    ]
    again = _save(inbox, agent, conversation, "Dear Ada", first)

    assert late == [("PT409", "draft_changed")] * 4
    assert second > first
    assert again == second, "the same text is no conflict: a lost answer is asked for again"
    assert [row["content"] for row in inbox.run(_MINE, by=agent)] == ["Dear Ada"]


def test_what_was_removed_does_not_come_back(inbox: Inbox) -> None:
    """A draft that was sent elsewhere would be sent again; a new one is no older one."""
    agent, conversation = inbox.user("agent"), inbox.open(inbox.user())
    first = _save(inbox, agent, conversation, "Dear")
    removed = _save(inbox, agent, conversation, "", first)
    again = _save(inbox, agent, conversation, "", first)
    late = _refusal(inbox, conversation, "Dear B", "reply", first, by=agent)
    anew = _save(inbox, agent, conversation, "Other")
    later = _refusal(inbox, conversation, "Dear C", "reply", first, by=agent)

    assert (removed, again, anew > first) == (0, 0, True)
    assert (late, later) == (("PT409", "draft_changed"),) * 2


def test_sending_removes_the_draft_of_what_was_sent(inbox: Inbox) -> None:
    """It would be offered again, on the phone, an hour later."""
    agent, colleague, customer = inbox.user("agent"), inbox.user("agent"), inbox.user()
    conversation, other = inbox.open(customer), inbox.open(inbox.user())
    for place, mode in ((conversation, "reply"), (conversation, "note"), (other, "reply")):
        _save(inbox, agent, place, "Dear", mode=mode)
    _save(inbox, colleague, conversation, "Mine")
    inbox.say(conversation, "a customer's message is none of it", by=customer)
    before = len(inbox.run(_MINE, by=agent))
    inbox.say(conversation, "Dear Ada", by=agent, sender="agent")
    left = [(row["conversation_id"], row["mode"]) for row in inbox.run(_MINE, by=agent)]
    inbox.run(
        "insert into public.conversation_notes (conversation_id, content) values (%s, 'Dear')",
        conversation, by=agent,
    )  # fmt: skip

    assert before == 3
    assert left == [(conversation, "note"), (other, "reply")]
    assert [row["conversation_id"] for row in inbox.run(_MINE, by=agent)] == [other]
    assert len(inbox.run(_MINE, by=colleague)) == 1


@pytest.mark.parametrize("mode", ["reply", "note"])
def test_a_first_save_that_comes_after_the_message_is_no_draft(inbox: Inbox, mode: str) -> None:
    """Who writes quickly sends before the first save is through; it would come back for ever."""
    agent, conversation = inbox.user("agent"), inbox.open(inbox.user())
    if mode == "reply":
        inbox.say(conversation, "Dear Ada, yes.", by=agent, sender="agent")
    else:
        inbox.run(
            "insert into public.conversation_notes (conversation_id, content, created_at)"
            " values (%s, 'Dear Ada, yes.', private.test_clock())", conversation,
        )  # fmt: skip
        inbox.run("update public.conversation_notes set author_id = %s", agent)
    late = [
        _save(inbox, agent, conversation, text, mode=mode) for text in ("Dear", "Dear Ada, yes. ")
    ]
    other = _save(inbox, agent, conversation, "And", mode=mode)
    _save(inbox, agent, conversation, "", other, mode=mode)
    inbox.let_pass(11)

    assert late == [0, 0]
    assert other > 0
    assert _save(inbox, agent, conversation, "Dear", mode=mode) > 0


def test_a_message_that_is_refused_keeps_its_draft(inbox: Inbox) -> None:
    """Both go in one transaction, or none."""
    agent, conversation = inbox.user("agent"), inbox.open(inbox.user())
    _save(inbox, agent, conversation, "  ")
    with pytest.raises(psycopg.Error):
        inbox.say(conversation, "  ", by=agent, sender="agent")

    assert len(inbox.run(_MINE, by=agent)) == 1


def test_drafts_go_with_the_conversation_and_with_the_person(inbox: Inbox) -> None:
    """Erasing a customer leaves no half sentence about them, in broadcasts neither."""
    one, other, customer = inbox.user("agent"), inbox.user("agent"), inbox.user()
    conversation = inbox.open(customer, "one")
    for agent in (one, other):
        _save(inbox, agent, conversation, "Dear")
    inbox.run("delete from auth.users where id = %s", one)
    left = inbox.run("select agent_id from public.message_drafts")
    profile = inbox.one("select id from public.customer_profiles")["id"]
    inbox.run("select public.erase_customer(%s)", profile, by="service_role")

    assert left == [{"agent_id": UUID(other)}]
    assert inbox.run("select id from public.message_drafts") == []
    assert [draft["content"] for draft in _told(inbox, other) if draft["content"]] == []


def test_the_agents_other_devices_hear_of_it(inbox: Inbox) -> None:
    """Writing is begun on the phone and ended at the desk."""
    agent, conversation = inbox.user("agent"), inbox.open(inbox.user())
    first = _save(inbox, agent, conversation, "Dear")
    second = _save(inbox, agent, conversation, "Dear Ada", first)
    inbox.say(conversation, "Dear Ada", by=agent, sender="agent")
    told = _told(inbox, agent)

    assert [draft["content"] for draft in told] == ["Dear", "Dear Ada", ""]
    assert [draft["revision"] for draft in told][:2] == [first, second]
    assert told[2]["revision"] > second, "what is gone is the latest news of it"
    assert {draft["conversation_id"] for draft in told} == {str(conversation)}
    assert inbox.events("inbox")[-1:] != [], "and the inbox hears of the message alone"
    assert all("Dear Ada" not in str(row) or row["event"] != "draft.changed"
               for row in inbox.events("inbox"))  # fmt: skip


@pytest.mark.parametrize(
    ("values", "by", "refusal"),
    [
        ({}, "customer", ("PT403", "staff_only")),
        ({}, "service_role", ("42501", None)),
        ({"mode": "mail"}, "agent", ("PT400", "bad_draft")),
        ({"mode": None}, "agent", ("PT400", "bad_draft")),
        ({"content": None}, "agent", ("PT400", "bad_draft")),
        ({"revision": None}, "agent", ("PT400", "bad_draft")),
        ({"revision": -1}, "agent", ("PT400", "bad_draft")),
        ({"content": "x" * 20_001}, "agent", ("PT413", "draft_too_long")),
        ({"conversation": UUID(int=0)}, "agent", ("PT404", "conversation_not_found")),
    ],
)
def test_what_is_no_draft_is_refused(
    inbox: Inbox, values: Row, by: str, refusal: tuple[str, str | None]
) -> None:
    """Each with the name that the SDKs know."""
    people = {"customer": inbox.user(), "agent": inbox.user("agent"), "service_role": by}
    given = {
        "conversation": inbox.open(people["customer"]), "content": "Dear", "mode": "reply",
        "revision": 0,
    } | values  # fmt: skip

    assert _refusal(inbox, *given.values(), by=people[by]) == refusal


def test_two_devices_at_once_lose_nothing(inbox: Inbox, fresh_db: str) -> None:
    """Both knew the same revision: one is told."""
    agent, conversation = inbox.user("agent"), inbox.open(inbox.user())
    first = _save(inbox, agent, conversation, "Dear")
    with Inbox(fresh_db) as device, inbox.connection.transaction():
        _save(inbox, agent, conversation, "Dear Ada", first)
        device.connection.execute("set lock_timeout = '50ms'")
        assert _refusal(device, conversation, "Dear Bob", "reply", first, by=agent)[0] == "55P03"
    assert _refusal(inbox, conversation, "Dear Bob", "reply", first, by=agent)[0] == "PT409"
    assert [row["content"] for row in inbox.run(_MINE, by=agent)] == ["Dear Ada"]
