"""What a visitor has open comes along when they sign in, by a word of one session to the other."""

import threading
from uuid import uuid4

import psycopg
import pytest

from tests.database.identities import (
    HELLO,
    conversations_of,
    known_device,
    may_join,
    new_secret,
    new_visitor,
    refusal,
    wait,
)
from tests.database.inbox import Inbox

_BRING = "select public.bring_conversations(%s) as count"


@pytest.fixture
def box(passing_inbox: Inbox) -> Inbox:
    return passing_inbox


@pytest.fixture
def secret(box: Inbox) -> str:
    return new_secret(box)


def _offer(box: Inbox, visitor: str) -> str | None:
    token = box.one("select public.offer_conversations() as token", by=visitor)["token"]
    return None if token is None else str(token)


@pytest.mark.parametrize("kind", ["account", "signed by the page"])
def test_what_is_open_comes_along(box: Inbox, secret: str, kind: str) -> None:
    """To an account of the project as to whom the page signs: both sessions say so."""
    visitor = new_visitor(box)
    ended = box.open(visitor, "yesterday")
    box.run("update public.conversations set status = 'resolved' where id = %s", ended)
    conversation = box.open(visitor, HELLO)
    token = _offer(box, visitor)
    known = box.user() if kind == "account" else known_device(box, secret, "7")

    assert box.one(_BRING, token, by=known)["count"] == 1
    assert conversations_of(box, known) == {conversation}
    assert conversations_of(box, visitor) == {ended}
    assert not may_join(box, visitor, conversation)
    assert [row["content"] for row in box.run("select content from public.messages", by=known)] == [
        HELLO
    ]
    assert box.open(known) == conversation
    assert refusal(box, _BRING, token, by=known) == "offer_not_found"  # once


def test_nobody_takes_what_was_not_offered_to_them(box: Inbox, secret: str) -> None:
    """A word that is guessed, old, replaced, or shown by whoever is nobody."""
    visitor, known = new_visitor(box), known_device(box, secret, "7")
    conversation = box.open(visitor, HELLO)
    first = _offer(box, visitor)
    token = _offer(box, visitor)
    for wrong in (first, "", None, str(uuid4()), str(conversation)):
        assert refusal(box, _BRING, wrong, by=known) == "offer_not_found"
    for nobody in (new_visitor(box), visitor, box.user("agent")):
        assert refusal(box, _BRING, token, by=nobody) == "session_not_signed_in"
    for nobody in ("anon", "service_role"):
        assert refusal(box, _BRING, token, by=nobody) == "42501"
    wait(box, 601)
    assert refusal(box, _BRING, token, by=known) == "offer_not_found"
    assert conversations_of(box, visitor) == {conversation}


def test_who_is_known_gives_nothing_away(box: Inbox, secret: str) -> None:
    """A session on a shared device does not move a customer's history to somebody else."""
    for known in (known_device(box, secret, "7"), box.user()):
        box.open(known, HELLO)
        offer = "select public.offer_conversations()"
        assert refusal(box, offer, by=known) == "session_has_account"
    assert _offer(box, new_visitor(box)) is None


def test_bringing_is_no_way_around_the_limit(inbox: Inbox) -> None:
    secret = new_secret(inbox)
    known = known_device(inbox, secret, "7")
    inbox.run("update public.ai_settings set max_conversations_per_hour = 1")
    inbox.run(
        "update public.conversations set status = 'closed' where id = %s", inbox.open(known, "a")
    )
    visitor = new_visitor(inbox)
    inbox.open(visitor, "b")
    assert refusal(inbox, _BRING, _offer(inbox, visitor), by=known) == "too_many_conversations"


def test_one_of_two_who_show_the_word_gets_it(inbox: Inbox, fresh_db: str) -> None:
    visitor = new_visitor(inbox)
    conversation = inbox.open(visitor, HELLO)
    token, users = _offer(inbox, visitor), [inbox.user(), inbox.user()]
    told: list[str] = []

    def bring(user: str) -> None:
        with Inbox(fresh_db) as own:
            try:
                told.append(str(own.one(_BRING, token, by=user)["count"]))
            except psycopg.Error as refused:
                told.append(str(refused.diag.message_detail))

    threads = [threading.Thread(target=bring, args=[user]) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["1", "offer_not_found"]
    assert sorted(len(conversations_of(inbox, user)) for user in users) == [0, 1]
    assert conversations_of(inbox, visitor) == set()
    assert inbox.conversation(conversation)["customer_id"]
