"""An address that a customer of the website leaves: what is mailed there, and what never is."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.database.channels import Channel, mail
from tests.database.inbox import Inbox, Row
from tests.database.outbox import Outbox

_LEAVE = "select public.leave_address(%s, %s) as is_mailed"
_ADDRESS = "ada@example.org"
_TEAM = "Help@Team.example"


@pytest.fixture
def outbox(inbox_url: str) -> Iterator[Outbox]:
    with Outbox(inbox_url) as opened, opened.connection.transaction(force_rollback=True):
        yield opened


@pytest.fixture
def channel(outbox: Outbox) -> Channel:
    """The team's mails, connected."""
    opened = Channel(outbox, "email")
    opened.store(mail(1, sender="first@example.net"))
    outbox.run("delete from public.conversations")
    return opened


def _wait(outbox: Outbox, seconds: float) -> None:
    outbox.run("select 1")  # as `postgres` again
    outbox.let_pass(seconds)


def _leave(inbox: Inbox, who: str, conversation: UUID, email: str | None = _ADDRESS) -> bool:
    return bool(inbox.one(_LEAVE, conversation, email, by=who)["is_mailed"])


def _refusal(inbox: Inbox, who: str, *values: Any) -> str | None:
    with pytest.raises(psycopg.Error) as refusal:
        inbox.run(_LEAVE, *values, by=who)
    return refusal.value.diag.message_detail or refusal.value.sqlstate


def _left(outbox: Outbox, text: str = "Are you there?") -> tuple[str, UUID]:
    """Let a visitor write and leave an address."""
    visitor = outbox.user()
    conversation = outbox.open(visitor, text)
    _leave(outbox, visitor, conversation)
    return visitor, conversation


def _send(outbox: Outbox, conversation: UUID, text: str = "We are now.") -> Row:
    """Let an agent answer, and the mail go out; return its delivery."""
    outbox.reply(conversation, text)
    _wait(outbox, 10)  # an account has a pace
    delivery = outbox.take_one()
    outbox.tell(delivery, external_ids=[f"<{delivery['delivery_id']}@team.example>"])
    return delivery


def _reply(delivery: Row, number: int = 2, sender: str = _ADDRESS, **fields: Any) -> Row:
    """Return the mail that answers ours."""
    thread = {
        "subject": "Team",
        "references": [f"<{delivery['delivery_id']}@team.example>"],
        "reply_token": str(delivery["conversation_id"]),
    }
    return mail(number, sender=sender, **{"thread": thread, "content": "Thank you."} | fields)


def test_a_humans_answer_is_mailed_once(outbox: Outbox, channel: Channel) -> None:
    """From the team's account, with why it comes and how to have no more."""
    _, conversation = _left(outbox)
    answer = outbox.reply(conversation, "We are now.")
    (delivery,) = outbox.take()
    assert (delivery["recipient"], delivery["account"]) == (_ADDRESS, _TEAM.lower())
    assert delivery["content"] == "We are now."
    assert "STOP" in delivery["thread"]["note"]
    assert delivery["thread"]["reply_token"] == str(conversation)
    assert (answer["channel_type"], answer["delivery_status"]) == ("website", "sent")
    outbox.tell(delivery, external_ids=["<out@team.example>"])
    assert outbox.take() == []
    assert outbox.conversation(conversation)["channel_id"] is None
    assert outbox.message(delivery)["delivery_status"] == "sent"


def test_nothing_automatic_is_mailed(outbox: Outbox, channel: Channel) -> None:
    """Whoever types a stranger's address has them sent nothing: no reply, no hand-over, no note."""
    visitor, conversation = _left(outbox)
    outbox.run("select public.get_next_ai_response_job('w', 10, '30')", by="service_role")
    _wait(outbox, 10)
    outbox.sweep()
    outbox.say(conversation, "Hello?", by=visitor)
    outbox.run(
        "insert into public.conversation_notes (conversation_id, content) values (%s, 'x')",
        conversation,
        by="service_role",
    )
    assert [row["sender_type"] for row in outbox.messages(conversation)].count("ai") >= 1
    assert outbox.deliveries(conversation) == []


@pytest.mark.parametrize("language", ["de", "pt-BR", "xx", None])
def test_the_note_is_in_their_language(
    outbox: Outbox, channel: Channel, language: str | None
) -> None:
    _, conversation = _left(outbox)
    outbox.run(
        "update public.conversations set language = %s where id = %s", language, conversation
    )
    words = {"de": "Sie erhalten", "pt-BR": "Recebe este e-mail"}.get(str(language), "You get")
    outbox.reply(conversation)
    assert words in outbox.take_one()["thread"]["note"]


def test_without_a_mail_channel_staff_see_the_address(outbox: Outbox) -> None:
    visitor = outbox.user()
    conversation = outbox.open(visitor, "Are you there?")
    assert _leave(outbox, visitor, conversation, " Ada@Example.ORG ") is False
    agent = outbox.user("agent")
    seen = outbox.one("select answer_email from public.conversations", by=agent)
    assert seen["answer_email"] == _ADDRESS
    outbox.reply(conversation)
    assert outbox.deliveries(conversation) == []


def test_a_disabled_or_unconnected_account_mails_nothing(outbox: Outbox, channel: Channel) -> None:
    visitor, conversation = _left(outbox)
    for change in ("status = 'disabled'", "status = 'active', connected_at = null"):
        outbox.run(f"update public.communication_channels set {change} where type = 'email'")
        assert _leave(outbox, visitor, conversation) is False
        outbox.reply(conversation)
    assert outbox.deliveries(conversation) == []


def test_a_reply_comes_back_into_the_conversation(outbox: Outbox, channel: Channel) -> None:
    """By its thread or its address; the customer reads it, a human has it, and goes on by mail."""
    visitor, conversation = _left(outbox)
    delivery = _send(outbox, conversation)
    by_thread = _reply(delivery, 2) | {
        "thread": {"references": _reply(delivery)["thread"]["references"]}
    }
    by_token = _reply(delivery, 3) | {"thread": {"reply_token": str(conversation)}}
    for event in (by_thread, by_token):
        row = channel.store(event)
        assert (row["conversation_id"], row["channel_type"]) == (conversation, "email")
        assert (
            channel.receive(event | {"at": event["at"]}, payload="again" + event["id"])[0][
                "outcome"
            ]
            == "duplicate"
        )
    assert [row["content"] for row in outbox.messages(conversation)][-2:] == ["Thank you."] * 2
    seen = outbox.run("select content from public.messages", by=visitor)
    assert len(seen) == len(outbox.messages(conversation))
    assert outbox.conversation(conversation)["requires_human"]
    assert _send(outbox, conversation, "You are welcome.")["recipient"] == _ADDRESS


@pytest.mark.parametrize("state", ["resolved", "returned"])
def test_what_comes_by_mail_is_a_humans(outbox: Outbox, channel: Channel, state: str) -> None:
    """Nothing automatic is mailed there, so an AI that has it would leave them in silence."""
    _, conversation = _left(outbox)
    delivery = _send(outbox, conversation)
    call = {"resolved": "resolve_conversation", "returned": "return_conversation_to_ai"}[state]
    outbox.run(f"select public.{call}(%s)", conversation, by="service_role")
    _wait(outbox, 3600)
    outbox.sweep()
    channel.store(_reply(delivery))
    told = outbox.conversation(conversation)
    assert told["requires_human"]
    assert told["status"] in ("active", "escalated")
    assert outbox.claim() == []
    assert len(outbox.deliveries(conversation)) == 1


def test_whose_address_it_is_stays_who_they_are(outbox: Outbox, channel: Channel) -> None:
    """Who leaves a stranger's address reads nothing that the stranger writes elsewhere."""
    stranger = channel.store(mail(5, sender=_ADDRESS, content="my own secret"))
    visitor, conversation = _left(outbox)
    delivery = _send(outbox, conversation)
    channel.store(_reply(delivery, 6))
    later = channel.store(mail(7, sender=_ADDRESS, content="another secret"))
    seen = {row["id"] for row in outbox.run("select id from public.conversations", by=visitor)}
    assert seen == {conversation}
    assert later["conversation_id"] not in seen
    customers = {
        row["conversation_id"]: outbox.conversation(row["conversation_id"])["customer_id"]
        for row in (stranger, later)
    }
    assert outbox.conversation(conversation)["customer_id"] not in customers.values()
    profile = channel.customer_of(conversation)
    assert (profile["email"], profile["phone"]) == (None, None)


FORGED: dict[str, Row] = {
    "nobody vouches for it": {"is_separate": True},
    "another author": {},
    "closed": {},
    "the address was changed": {},
    "no mail of ours went out": {},
}


@pytest.mark.parametrize("kind", FORGED)
def test_no_other_mail_joins(outbox: Outbox, channel: Channel, kind: str) -> None:
    """A conversation's id is known to its customer, who might send anything by it."""
    visitor, conversation = _left(outbox)
    sender = "mallory@example.org" if kind == "another author" else _ADDRESS
    if kind == "no mail of ours went out":
        event = mail(2, sender=sender, thread={"reply_token": str(conversation)})
    else:
        event = _reply(_send(outbox, conversation), sender=sender)
        event["thread"] |= FORGED[kind]
    if kind == "closed":
        outbox.run("update public.conversations set status = 'closed' where id = %s", conversation)
    elif kind == "the address was changed":
        _leave(outbox, visitor, conversation, "eve@example.org")
    assert channel.store(event)["conversation_id"] != conversation


@pytest.mark.parametrize("said", ["STOP!", " unsubscribe "])
@pytest.mark.parametrize("place", ["content", "subject", "below a subject", "unproven", "too late"])
def test_who_wants_no_mails_gets_none(
    outbox: Outbox, channel: Channel, said: str, place: str
) -> None:
    """Of this conversation and any other; nobody who leaves the address is told so."""
    visitor, conversation = _left(outbox)
    event = _reply(_send(outbox, conversation))
    if place == "too late":  # whoever left it has another one by now
        _leave(outbox, visitor, conversation, "eve@example.org")
    if place == "subject":
        event["thread"]["subject"] = said
        event["content"] = "[Empty mail]"
    else:
        event["content"] = f"Team\n\n{said}" if place == "below a subject" else said
        event["thread"]["is_separate"] = place == "unproven"
    row = channel.store(event)
    assert (row["conversation_id"] == conversation) == (place not in ("unproven", "too late"))
    assert channel.receive(event, payload="again")[0]["outcome"] == "duplicate"
    assert outbox.claim() == []
    if place != "too late":
        outbox.reply(conversation, "But one more thing")
    visitor = outbox.user()
    another = outbox.open(visitor, "I am the same")
    assert _leave(outbox, visitor, another) is True
    outbox.reply(another)
    assert outbox.take() == []


def test_a_stranger_is_not_flooded(outbox: Outbox, channel: Channel) -> None:
    """Five mails of a conversation until they write back, ten a day of all, and no more."""
    _, conversation = _left(outbox)
    for number in range(7):
        outbox.reply(conversation, f"answer {number}")
    assert len(outbox.deliveries(conversation)) == 5
    conversations = [conversation]
    for _ in range(3):
        conversations.append(_left(outbox)[1])
        for number in range(4):
            outbox.reply(conversations[-1], f"answer {number}")
    assert [len(outbox.deliveries(one)) for one in conversations] == [5, 4, 1, 0]


def test_who_writes_back_is_mailed_on(outbox: Outbox, channel: Channel) -> None:
    _, conversation = _left(outbox)
    deliveries = [_send(outbox, conversation, f"answer {number}") for number in range(5)]
    outbox.reply(conversation, "a sixth")
    assert outbox.take() == []
    channel.store(_reply(deliveries[0], is_automatic=True))  # a vacation's
    outbox.reply(conversation, "a seventh")
    assert outbox.take() == []
    channel.store(_reply(deliveries[0], 3))
    assert _send(outbox, conversation, "an eighth")["content"] == "an eighth"


def test_leaving_it_again_floods_nobody(outbox: Outbox, channel: Channel) -> None:
    """Nor does whoever writes back from another address that was left there."""
    visitor, conversation = _left(outbox)
    for _ in range(2):
        for number in range(5):
            outbox.reply(conversation, f"answer {number}")
        _leave(outbox, visitor, conversation, None)
        _leave(outbox, visitor, conversation)
    assert len(outbox.deliveries(conversation)) == 5
    for number in range(5):
        outbox.tell(outbox.take_one(), external_ids=[f"<{number}@team.example>"])
        _wait(outbox, 10)
    _leave(outbox, visitor, conversation, "eve@example.org")
    channel.store(_reply(_send(outbox, conversation), sender="eve@example.org"))
    _leave(outbox, visitor, conversation)
    outbox.reply(conversation, "an eleventh")
    assert len(outbox.deliveries(conversation)) == 6


def test_nothing_of_anothers_mail_is_mailed(outbox: Outbox, channel: Channel) -> None:
    """A subject is as good a place for an advertisement as a text."""
    visitor, conversation = _left(outbox)
    _leave(outbox, visitor, conversation, "eve@example.org")
    event = _reply(_send(outbox, conversation), sender="eve@example.org")
    event["thread"]["subject"] = "You have won: https://evil.example"
    channel.store(event)
    delivery = _send(outbox, conversation)
    assert delivery["thread"]["subject"] == "You have won: https://evil.example"
    assert delivery["reply_to"] == event["id"]
    _leave(outbox, visitor, conversation)
    delivery = _send(outbox, conversation)
    assert (delivery["recipient"], delivery["reply_to"]) == (_ADDRESS, None)
    assert set(delivery["thread"]) == {"reply_token", "note"}


@pytest.mark.parametrize("kind", ["alias", "tag", "a signature", "changed before it went out"])
def test_who_answers_from_elsewhere_gets_no_more(
    outbox: Outbox, channel: Channel, kind: str
) -> None:
    """Mail is passed on, and a button of the mail program's writes from the main address."""
    visitor, conversation = _left(outbox)
    address, sender, said = _ADDRESS, _ADDRESS, "STOP"
    if kind == "alias":
        sender = "ada@home.example"
    elif kind == "tag":
        address = "ada+shop@example.org"
    elif kind == "a signature":
        said = "Stop\n\nSent from my iPhone"
    if kind == "changed before it went out":
        _leave(outbox, visitor, conversation, "eve@example.org")
        outbox.reply(conversation, "We are now.")
    _leave(outbox, visitor, conversation, address)
    if kind == "changed before it went out":
        _wait(outbox, 10)
        delivery = outbox.take_one()
        outbox.tell(delivery, external_ids=[f"<{delivery['delivery_id']}@team.example>"])
    else:
        delivery = _send(outbox, conversation)
    assert delivery["recipient"] == address
    row = channel.store(_reply(delivery, sender=sender, content=said))
    assert row["metadata"].get("needs_no_answer") == (None if kind == "a signature" else True)
    outbox.reply(conversation, "But one more thing")
    another = outbox.user()
    opened = outbox.open(another, "I am the same")
    _leave(outbox, another, opened, address)
    outbox.reply(opened)
    _wait(outbox, 10)
    assert outbox.take() == []


@pytest.mark.parametrize(
    "email",
    ["ada", "ada@", "@example.org", "ada@localhost", "ada@example", "a@b@example.org",
     "ada@example.org, eve@example.org", "ada@example.org;eve@example.org",
     "ada@example.org\nBcc: eve@example.org", "Ada <ada@example.org>", "ada@exa mple.org",
     "a%b@example.org", "a!b@example.org", "ada\x01@example.org", "ada@[127.0.0.1]",
     "ada@127.0.0.1", '"a b"@example.org', "ada@ex\u00e4mple.org", "ada@-example.org",
     "ada@example..org", ".ada@example.org", "ada.@example.org", "-ada@example.org",
     "a" * 65 + "@example.org", "ada@" + "a" * 250 + ".org", "help@team.example",
     "HELP+tag@Team.example"],
)  # fmt: skip
def test_what_is_no_address_is_refused(outbox: Outbox, channel: Channel, email: str) -> None:
    """Nothing that a header or a server could read as more than one mailbox; nor our own."""
    visitor = outbox.user()
    conversation = outbox.open(visitor, "Hello")
    assert _refusal(outbox, visitor, conversation, email) == "bad_email"


@pytest.mark.parametrize(
    "email", ["a@b.co", "o'hara+x_y@mail.example.co.uk", "ada@xn--exmple-cua.org"]
)
def test_what_is_one_is_taken(outbox: Outbox, email: str) -> None:
    visitor = outbox.user()
    conversation = outbox.open(visitor, "Hello")
    _leave(outbox, visitor, conversation, email)
    assert outbox.conversation(conversation)["answer_email"] == email
    for nothing in ("", None):
        assert _leave(outbox, visitor, conversation, nothing) is False
        assert outbox.conversation(conversation)["answer_email"] is None


def test_nobody_leaves_an_address_in_anothers_conversation(outbox: Outbox) -> None:
    """Nor staff, nor by the table: it is the customer's to say where their answers go."""
    visitor, other, agent = outbox.user(), outbox.user(), outbox.user("agent")
    conversation = outbox.open(visitor, "Hello")
    for who in (other, agent):
        assert _refusal(outbox, who, conversation, _ADDRESS) == "conversation_not_found"
    for nobody in ("anon", "service_role"):
        assert _refusal(outbox, nobody, conversation, _ADDRESS) == "42501"
    for who in (visitor, agent):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            outbox.run("update public.conversations set answer_email = 'x'", by=who)
    by_mail = outbox.hear(channel="email")
    assert _refusal(outbox, visitor, by_mail, _ADDRESS) == "conversation_not_found"


def test_addresses_are_few(inbox: Inbox) -> None:
    """Of one customer an hour, in whichever conversation; and one address of many customers."""
    visitor = inbox.user()
    conversation = inbox.open(visitor, "Hello")
    for number in range(5):
        for _ in range(2):  # the same again is none more
            _leave(inbox, visitor, conversation, f"a{number}@example.org")
    assert _refusal(inbox, visitor, conversation, "b@example.org") == "too_many_addresses"
    inbox.let_pass(3601)
    _leave(inbox, visitor, conversation, "b@example.org")
    for number in range(6):
        other = inbox.user()
        values = (inbox.open(other, "Hello"), _ADDRESS)
        if number < 5:
            inbox.run(_LEAVE, *values, by=other)
        else:
            assert _refusal(inbox, other, *values) == "too_many_addresses"


def test_many_connections_leave_no_more(inbox: Inbox, fresh_db: str) -> None:
    """What counts what is committed counts none of those who come at once."""
    visitor = inbox.user()
    conversations = []
    for _ in range(8):
        conversations.append(inbox.open(visitor, "Hello"))
        inbox.run("update public.conversations set status = 'resolved'")

    def leave(number: int) -> bool:
        with Inbox(fresh_db) as own:
            try:
                _leave(own, visitor, conversations[number], f"a{number}@example.org")
            except psycopg.Error:  # too many, or busy with the others
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        left = list(pool.map(leave, range(8)))
    assert 1 <= sum(left) <= 5


def test_what_is_taken_along_is_mailed_on(outbox: Outbox, channel: Channel) -> None:
    """A visitor who signs in has their answers mailed as before."""
    visitor, conversation = _left(outbox)
    outbox.run("update auth.users set is_anonymous = true where id = %s", visitor)
    token = outbox.one("select public.offer_conversations() as token", by=visitor)["token"]
    known = outbox.user()
    outbox.run("select public.bring_conversations(%s)", token, by=known)
    delivery = _send(outbox, conversation)
    assert delivery["recipient"] == _ADDRESS
    assert channel.store(_reply(delivery))["conversation_id"] == conversation


def test_a_mail_that_fails_is_shown(outbox: Outbox, channel: Channel) -> None:
    """Staff see that a typed address takes none."""
    _, conversation = _left(outbox)
    outbox.reply(conversation)
    delivery = outbox.take_one()
    outbox.tell(delivery, "failed", error_code="550", error="who?")
    message = outbox.message(delivery)
    assert message["delivery_status"] == "failed"
    assert message["metadata"]["delivery_error"]["code"] == "550"
