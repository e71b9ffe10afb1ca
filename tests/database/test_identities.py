"""Customers whom the page's server vouches for: who they are on each device, and who not."""

import hashlib
import hmac
import threading
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database.identities import (
    HELLO,
    IDENTIFY,
    conversations_of,
    identify,
    known_device,
    may_join,
    new_secret,
    new_visitor,
    refusal,
    sign,
    wait,
)
from tests.database.inbox import Inbox, Row


@pytest.fixture
def box(passing_inbox: Inbox) -> Inbox:
    return passing_inbox


@pytest.fixture
def secret(box: Inbox) -> str:
    return new_secret(box)


@pytest.mark.parametrize("key", [b"", b"k", b"k" * 64, b"k" * 65, b"\xaa" * 131, bytes(range(64))])
def test_the_hmac_is_everybodys(box: Inbox, key: bytes) -> None:
    """Keys of a block, of more and of less, as RFC 2104 has them."""
    for message in (b"", b"Hi There", "Zoë\U0001f98a".encode(), b"\x00" * 200):
        row = box.one("select private.hmac_sha256(%s, %s) as made", message, key)
        assert row["made"] == hmac.new(key, message, hashlib.sha256).digest()


def test_a_customer_is_the_same_on_each_device(box: Inbox, secret: str) -> None:
    """What they wrote elsewhere is there, with its topics, turns, and files' folder."""
    phone, laptop, other = (known_device(box, secret, page_id) for page_id in ("7", "7", "8"))
    conversation = box.open(phone, HELLO)

    assert conversations_of(box, phone) == conversations_of(box, laptop) == {conversation}
    assert conversations_of(box, other) == set()
    assert box.open(laptop) == conversation
    box.say(conversation, "and now from here", by=laptop)
    texts = "select content from public.messages order by position"
    assert [row["content"] for row in box.run(texts, by=phone)] == [HELLO, "and now from here"]
    assert box.run(texts, by=other) == []
    jobs = "select id from public.ai_response_queue"
    assert box.run(jobs, by=laptop) == box.run(jobs, by=phone) != []
    for suffix in ("", ":typing"):
        assert may_join(box, laptop, conversation, suffix)
        assert not may_join(box, other, conversation, suffix)
    may = "select private.may_attach(%s) as may"
    assert box.one(may, f"{conversation}/a.png", by=laptop)["may"]
    assert not box.one(may, f"{conversation}/a.png", by=other)["may"]
    box.run("select public.rate_conversation(%s, 5)", conversation, by=laptop)
    rated = "select public.rate_conversation(%s, 1)"
    assert refusal(box, rated, conversation, by=other) == "conversation_not_found"
    assert box.conversation(conversation)["satisfaction_rating"] == 5


def test_a_read_mark_of_one_device_is_on_the_other(box: Inbox, secret: str) -> None:
    phone, laptop = known_device(box, secret, "7"), known_device(box, secret, "7")
    agent = box.user("agent")
    conversation = box.open(phone, HELLO)
    answer = box.say(conversation, "Hello Anna", by=agent, sender="agent")
    box.run("select public.mark_conversation_read(%s)", conversation, by=laptop)

    status = "select status from public.messages where id = %s"
    assert box.one(status, answer["id"], by=phone)["status"] == "read"


def test_staff_see_that_the_page_vouches(box: Inbox, secret: str) -> None:
    """What a visitor says of themselves never looks like it."""
    customer = identify(box, new_visitor(box), secret, "user-7")
    agent = box.user("agent")
    read = "select verified_id, external_id, user_id from public.customer_profiles where id = %s"
    assert box.one(read, customer, by=agent) == {
        "verified_id": "user-7",
        "external_id": None,
        "user_id": None,
    }
    for by in (new_visitor(box), agent):
        for statement in (
            "insert into public.customer_profiles (verified_id) values ('9')",
            "update public.customer_profiles set verified_id = '9'",
        ):
            assert refusal(box, statement, by=by) == "42501"


@pytest.mark.parametrize(
    "external_id", ["user-7", "USER-7"]
)  # as an Instagram id, or as staff named somebody
def test_a_channels_id_is_another_namespace(box: Inbox, secret: str, external_id: str) -> None:
    """Whom staff or a channel call so is not whom the page calls so."""
    box.run(
        "select public.create_conversation(%s, 'instagram', 'private')",
        external_id,
        by="service_role",
    )
    assert conversations_of(box, known_device(box, secret, "user-7")) == set()


LOOKALIKES = [
    "anna",
    "Anna",
    "ANNA",
    "ann\u0430",
    "anna\u0301",
    "ann\u00e1",
    "anna\u00a0",
    "\uff41nna",
]


def test_an_id_is_itself_byte_for_byte(box: Inbox, secret: str) -> None:
    """No case, form or width of letters makes somebody another one, and each needs its own hash."""
    found = {identify(box, new_visitor(box), secret, page_id) for page_id in LOOKALIKES}
    assert len(found) == len(LOOKALIKES)
    for_anna = sign(secret, LOOKALIKES[0])
    for page_id in LOOKALIKES[1:]:
        assert (
            refusal(box, IDENTIFY, page_id, for_anna, None, by=new_visitor(box)) == "bad_signature"
        )


@pytest.mark.parametrize(
    "page_id",
    ["", " ", " 7", "7 ", "null", "undefined", "None", "nil", "NaN", "[object Object]",
     "0", "False", "<nil>", "AnonymousUser", "00000000-0000-0000-0000-000000000000",
     "7\n9999999999", "7\x01", "x" * 256, None],
)  # fmt: skip
def test_no_id_of_a_user_is_nobody(box: Inbox, secret: str, page_id: str | None) -> None:
    """A page that signs for whoever has not signed in would make one customer of all of them."""
    signature = sign(secret, page_id or "")
    assert refusal(box, IDENTIFY, page_id, signature, None, by=new_visitor(box)) == "bad_id"


def _wrong(secret: str) -> dict[str, str | None]:
    right = sign(secret, "7")
    return {
        "another id's": sign(secret, "8"),
        "another secret's": sign("idsec_" + "0" * 64, "7"),
        "an empty secret's": sign("", "7"),
        "cut": right[:63],
        "longer": right + "0",
        "one digit off": right[:63] + ("0" if right[63] != "0" else "1"),
        "with a line's end": right + "\n",
        "no hex": "z" * 64,
        "empty": "",
        "null": None,
        "the id": "7",
        "SHA-1": hmac.new(secret.encode(), b"7", hashlib.sha1).hexdigest(),
        "no HMAC": hashlib.sha256((secret + "7").encode()).hexdigest(),
        "the secret's bytes": hmac.new(
            bytes.fromhex(secret.removeprefix("idsec_")), b"7", hashlib.sha256
        ).hexdigest(),
    }


@pytest.mark.parametrize("kind", _wrong("idsec_"))
def test_a_wrong_signature_is_nobody(box: Inbox, secret: str, kind: str) -> None:
    """What is refused leaves nothing behind: no customer, no session."""
    visitor = new_visitor(box)
    assert refusal(box, IDENTIFY, "7", _wrong(secret)[kind], None, by=visitor) == "bad_signature"
    assert box.run("select 1 from public.customer_profiles") == []
    assert box.run("select 1 from private.customer_sessions") == []


def test_nothing_is_signed_without_a_secret(box: Inbox) -> None:
    for key in ("", "idsec_", "null"):
        signature = sign(key, "7")
        assert refusal(box, IDENTIFY, "7", signature, None, by=new_visitor(box)) == "bad_signature"


def _now(box: Inbox) -> int:
    return int(box.one("select extract(epoch from private.test_clock())::bigint as now")["now"])


def test_a_signature_may_have_an_end(box: Inbox, secret: str) -> None:
    """Not lengthened, not taken off, not made of an id with a line's end."""
    soon = _now(box) + 60
    signed = sign(secret, f"7\n{soon}")
    year = _now(box) + 365 * 86400
    assert identify(box, new_visitor(box), secret, "7", expires_at=soon)
    assert identify(box, new_visitor(box), secret, "7", expires_at=year)
    for page_id, signature, expires_at in (
        ("7", signed, None),
        ("7", signed, soon + 1),
        ("7", sign(secret, "7"), soon),
        ("7", sign(secret, f"7{soon}"), soon),
        ("7", sign(secret, f"7\n{soon - 70}"), soon - 70),
        ("7", sign(secret, "7\n-1"), -1),
        ("7", sign(secret, f"7\n{soon}000"), soon * 1000),  # milliseconds
    ):
        assert (
            refusal(box, IDENTIFY, page_id, signature, expires_at, by=new_visitor(box))
            == "bad_signature"
        )
    wait(box, 61)
    assert refusal(box, IDENTIFY, "7", signed, soon, by=new_visitor(box)) == "bad_signature"


def test_who_is_known_already_stays_known(box: Inbox, secret: str) -> None:
    """A page identifies at each load, hours after the session was made."""
    user = new_visitor(box)
    customer = identify(box, user, secret, "7")
    box.open(user, HELLO)
    wait(box, 7200)
    assert identify(box, user, secret, "7") == customer


def test_a_session_that_was_in_use_is_not_made_somebodys(box: Inbox, secret: str) -> None:
    """Fixation: whoever left a session on a shared device has a copy of it."""
    old, wrote = new_visitor(box), new_visitor(box)
    box.open(wrote, "who was here before")
    signature = sign(secret, "7")
    assert refusal(box, IDENTIFY, "7", signature, None, by=wrote) == "session_not_new"
    wait(box, 601)
    assert refusal(box, IDENTIFY, "7", signature, None, by=old) == "session_not_new"


def test_the_next_person_on_the_device_is_not_the_last_one(box: Inbox, secret: str) -> None:
    """With or without a log-out; and what a copy of the old session sees after it is nothing."""
    device = known_device(box, secret, "7")
    conversation = box.open(device, HELLO)
    signature = sign(secret, "8")
    assert refusal(box, IDENTIFY, "8", signature, None, by=device) == "session_of_another"
    assert conversations_of(box, device) == {conversation}

    box.run("select public.sign_out_customer()", by=device)
    assert conversations_of(box, device) == set()
    for page_id in ("7", "8"):  # whoever has a copy of it would be that one
        signature = sign(secret, page_id)
        assert refusal(box, IDENTIFY, page_id, signature, None, by=device) == "session_not_new"
    assert not may_join(box, device, conversation)
    assert conversations_of(box, known_device(box, secret, "8")) == set()
    assert conversations_of(box, known_device(box, secret, "7")) == {conversation}


def test_an_account_is_who_it_is(box: Inbox, secret: str) -> None:
    """Neither a customer with an account nor staff become whom a page signs."""
    signature = sign(secret, "7")
    for user in (box.user(), box.user("agent"), box.user("admin")):
        assert refusal(box, IDENTIFY, "7", signature, None, by=user) == "session_has_account"
    for nobody in ("anon", "service_role"):
        assert refusal(box, IDENTIFY, "7", signature, None, by=nobody) == "42501"
    assert refusal(box, IDENTIFY, "7", signature, None, by=str(uuid4())) == "session_required"


def test_a_new_secret_and_the_old_one_go_on_together(box: Inbox, secret: str) -> None:
    """For the overlap; then the old one signs nothing, and who was signed by it stays."""
    device = known_device(box, secret, "7")
    new = new_secret(box, overlap_hours=1)
    assert new != secret
    assert identify(box, new_visitor(box), new, "7") == identify(box, new_visitor(box), secret, "7")
    wait(box, 3601)
    signature = sign(secret, "7")
    assert refusal(box, IDENTIFY, "7", signature, None, by=new_visitor(box)) == "bad_signature"
    assert identify(box, new_visitor(box), new, "7")
    assert box.one("select private.current_customer_id() as id", by=device)["id"]
    new_secret(box, overlap_hours=0)
    assert refusal(box, IDENTIFY, "7", sign(new, "7"), None, by=new_visitor(box)) == "bad_signature"
    kept = box.run("select secret from private.identity_secrets where secret is not null")
    assert len(kept) == 1  # what signs nothing is not kept


def test_a_secret_that_leaked_goes_with_all_that_it_signed(box: Inbox, secret: str) -> None:
    """Whoever had it could be anybody: what it signed ends with it, the others stay."""
    (listed,) = box.one("select public.get_identity_secrets() as all", by="service_role")["all"]
    forged, again = known_device(box, secret, "7"), known_device(box, secret, "7")
    conversation = box.open(again, HELLO)
    identify(box, again, new_secret(box), "7")  # the page was loaded again
    revoke = "select public.revoke_identity_secret(%s) as ended"
    assert box.one(revoke, listed["id"], by="service_role")["ended"] == 1
    assert conversations_of(box, forged) == set()
    assert conversations_of(box, again) == {conversation}
    assert (
        refusal(box, IDENTIFY, "7", sign(secret, "7"), None, by=new_visitor(box)) == "bad_signature"
    )
    assert refusal(box, revoke, listed["id"], by="service_role") == "secret_not_found"


def test_only_admins_and_operators_have_to_do_with_secrets(box: Inbox, secret: str) -> None:
    """It is shown once, to whoever makes it, and never again to anybody."""
    calls = [
        ("select public.rotate_identity_secret()", ()),
        ("select public.get_identity_secrets()", ()),
        ("select public.revoke_identity_secret(%s)", (uuid4(),)),
    ]
    for by in (new_visitor(box), box.user("agent")):
        for statement, values in calls:
            assert refusal(box, statement, *values, by=by) == "admin_only"
    for by in (new_visitor(box), box.user("agent"), box.user("admin"), "service_role"):
        for table in ("identity_secrets", "customer_sessions", "conversation_offers"):
            assert refusal(box, f"select * from private.{table}", by=by) == "42501"
    admin = box.user("admin")
    made = new_secret(box, by=admin)
    told = box.one("select public.get_identity_secrets()::text as told", by=admin)["told"]
    assert secret not in told
    assert made not in told
    for hours in (-1, 721, None):
        rotate = "select public.rotate_identity_secret(%s)"
        assert refusal(box, rotate, hours, by=admin) == "bad_overlap"


def test_limits_are_the_customers_on_all_devices(inbox: Inbox) -> None:
    """A second device, or a third, is no second allowance."""
    secret = new_secret(inbox)
    phone, laptop = known_device(inbox, secret, "7"), known_device(inbox, secret, "7")
    inbox.run(
        "update public.ai_settings set max_messages_per_minute = 2, max_conversations_per_hour = 1"
    )
    conversation = inbox.open(phone, HELLO)
    inbox.say(conversation, "two", by=laptop)
    for device in (phone, laptop, known_device(inbox, secret, "7")):
        with pytest.raises(psycopg.Error, match="messages a minute"):
            inbox.say(conversation, "three", by=device)
    inbox.run("update public.conversations set status = 'closed' where id = %s", conversation)
    opened = "select public.create_conversation('', 'website')"
    assert refusal(inbox, opened, by=laptop) == "too_many_conversations"


def test_a_customer_has_at_most_fifty_sessions(box: Inbox, secret: str) -> None:
    """A page that signs in anew at each load costs no more than that; the newest stay."""
    first = known_device(box, secret, "7")
    for _ in range(50):
        wait(box, 1)
        last = known_device(box, secret, "7")
    assert box.one("select count(*) from private.customer_sessions")["count"] == 50
    own = "select private.current_customer_id() as id"
    assert box.one(own, by=first)["id"] is None
    assert box.one(own, by=last)["id"]


def test_two_devices_at_once_are_one_customer(inbox: Inbox, fresh_db: str) -> None:
    secret = new_secret(inbox)
    users = [new_visitor(inbox) for _ in range(4)]
    found: list[UUID] = []

    def come(user: str) -> None:
        with Inbox(fresh_db) as own:
            found.append(identify(own, user, secret, "7"))

    threads = [threading.Thread(target=come, args=[user]) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


# What is kept


def _erase(box: Inbox, customer: UUID) -> Row:
    row = box.one("select public.erase_customer(%s) as told", customer, by="service_role")
    return dict(row["told"])


def test_who_is_forgotten_is_forgotten_on_each_device(box: Inbox, secret: str) -> None:
    """And comes back as a new customer, if they do."""
    devices = [known_device(box, secret, "user-7") for _ in range(2)]
    customer = identify(box, devices[0], secret, "user-7")
    box.open(devices[0], HELLO)
    for said in ("user-7", devices[1]):
        found = box.one("select public.find_customers(%s) as found", said, by="service_role")
        assert [one["id"] for one in found["found"]] == [str(customer)]
    export = "select public.export_customer(%s) as told"
    told = box.one(export, customer, by="service_role")["told"]
    assert {user["id"] for user in told["auth.users"]} == set(devices)
    assert told["public.customer_profiles"][0]["verified_id"] == "user-7"
    assert secret not in str(told)

    assert _erase(box, customer)["accounts_deleted"] == 2
    assert box.run("select 1 from auth.users where id = any(%s)", devices) == []
    assert box.run("select 1 from private.customer_sessions") == []
    assert identify(box, new_visitor(box), secret, "user-7") != customer


def test_a_device_that_does_not_come_back_goes_and_the_customer_stays(
    box: Inbox, secret: str
) -> None:
    device = known_device(box, secret, "7")
    conversation = box.open(device, HELLO)
    box.run(
        "update auth.users set created_at = now() - interval '31 days', last_sign_in_at = null"
        " where id = %s",
        device,
    )
    box.run("select public.prune()", by="service_role")
    assert box.run("select 1 from auth.users where id = %s", device) == []
    assert conversations_of(box, known_device(box, secret, "7")) == {conversation}
