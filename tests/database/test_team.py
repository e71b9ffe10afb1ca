"""Who is staff: roles by admins, and invitations that only whoever has the address can accept."""

import json
import threading
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database.inbox import Inbox

_SET = "select public.set_staff_role(%s, %s)"
_INVITE = "select public.invite_staff(%s, %s) as told"


def _role(inbox: Inbox, user: str) -> str:
    return str(inbox.one("select role from public.profiles where id = %s", user)["role"])


def _refusal(
    inbox: Inbox, statement: str, *values: Any, by: str | None
) -> tuple[str | None, str | None]:
    with pytest.raises(psycopg.Error) as refusal:
        inbox.run(statement, *values, by=by)
    return refusal.value.sqlstate, refusal.value.diag.message_detail


def _sign_up(
    inbox: Inbox, email: str, *, confirmed: bool = False, mailed: bool = True,
    provider: str = "email",
) -> str:  # fmt: skip
    """Sign somebody up, as Auth does it: a mail is sent in a second step."""
    user = str(uuid4())
    inbox.run(
        "insert into auth.users (id, email, raw_app_meta_data, email_confirmed_at)"
        " values (%s, %s, %s, case when %s then now() end)",
        user, email, json.dumps({"provider": provider}), confirmed,
    )  # fmt: skip
    if mailed:
        inbox.run("update auth.users set confirmation_sent_at = now() where id = %s", user)
    return user


def _confirm(inbox: Inbox, user: str) -> None:
    inbox.run("update auth.users set email_confirmed_at = now() where id = %s", user)


def test_admins_give_roles(inbox: Inbox) -> None:
    """No operator is called when somebody joins the team, or leaves it."""
    admin, other = inbox.user("admin"), inbox.user()
    for role in ("agent", "admin", "user"):
        inbox.run(_SET, other, role, by=admin)
        assert _role(inbox, other) == role


@pytest.mark.parametrize(
    ("by", "to", "role", "refusal"),
    [
        ("agent", "other", "agent", ("PT403", "admin_only")),
        ("other", "other", "admin", ("PT403", "admin_only")),
        ("anon", "other", "agent", ("42501", None)),
        ("admin", "admin", "agent", ("PT403", "own_role")),
        ("admin", "admin", "admin", ("PT403", "own_role")),
        ("admin", "other", "owner", ("PT400", "bad_role")),
        ("admin", "other", None, ("PT400", "bad_role")),
        ("admin", "nobody", "agent", ("PT404", "user_not_found")),
        ("admin", None, "agent", ("PT404", "user_not_found")),
        ("service_role", "admin", "user", ("PT409", "last_admin")),
        (None, "admin", "agent", ("PT409", "last_admin")),
    ],
)
def test_who_may_not_gives_no_role(
    inbox: Inbox, by: str | None, to: str | None, role: str | None, refusal: tuple[str, str | None]
) -> None:
    """Nobody raises themselves, and somebody is left who may."""
    people = {"admin": inbox.user("admin"), "agent": inbox.user("agent"), "other": inbox.user()}
    people["nobody"] = str(UUID(int=0))
    user = people.get(to) if to else None

    assert _refusal(inbox, _SET, user, role, by=people.get(by or "", by)) == refusal
    assert _role(inbox, people["admin"]) == "admin"
    assert _role(inbox, people["other"]) == "user"


def test_the_table_gives_no_role(inbox: Inbox) -> None:
    """The function would be of no use beside it."""
    admin, other = inbox.user("admin"), inbox.user()
    statement = "update public.profiles set role = 'admin' where id = %s"

    assert _refusal(inbox, statement, other, by=other)[0] == "42501"
    assert _refusal(inbox, statement, other, by=admin)[0] == "42501"


def test_of_two_admins_who_demote_each_other_one_stays(inbox: Inbox, fresh_db: str) -> None:
    """Both were admins when they began."""
    one, other = inbox.user("admin"), inbox.user("admin")
    refused: list[tuple[str | None, str | None]] = []
    with Inbox(fresh_db) as second:
        pid = second.connection.info.backend_pid
        late = threading.Thread(
            target=lambda: refused.append(_refusal(second, _SET, one, "user", by=other))
        )
        with inbox.connection.transaction():
            inbox.run(_SET, other, "user", by=one)
            late.start()
            with Inbox(fresh_db) as watcher:
                waits = "select cardinality(pg_blocking_pids(%s)) as count"
                while not watcher.one(waits, pid)["count"]:
                    pass
        late.join(30)

    assert refused == [("PT403", "admin_only")]
    assert (_role(inbox, one), _role(inbox, other)) == ("admin", "user")


def test_whoever_was_invited_is_staff_once_they_have_confirmed(inbox: Inbox) -> None:
    """The admin knows an address, and no id of an account that is not there yet."""
    admin = inbox.user("admin")
    told = inbox.one(_INVITE, " Ada@Example.com ", "admin", by=admin)["told"]
    ada, bob = _sign_up(inbox, "ada@example.com"), _sign_up(inbox, "bob@example.com")
    before = _role(inbox, ada)
    for user in (ada, bob):
        _confirm(inbox, user)

    assert (told["email"], told["role"], told["invited_by"]) == ("ada@example.com", "admin", admin)
    assert (before, _role(inbox, ada), _role(inbox, bob)) == ("user", "admin", "user")
    assert inbox.run("select * from public.staff_invitations", by=admin) == []


def test_another_provider_may_vouch_for_the_address(inbox: Inbox) -> None:
    """Who signs in with Google is sent no mail; Auth confirms at once, or in a second step."""
    admin = inbox.user("admin")
    for email in ("ada@example.com", "bob@example.com"):
        inbox.one(_INVITE, email, "agent", by=admin)
    ada = _sign_up(inbox, "ada@example.com", confirmed=True, mailed=False, provider="google")
    bob = _sign_up(inbox, "bob@example.com", mailed=False, provider="google")
    _confirm(inbox, bob)

    assert (_role(inbox, ada), _role(inbox, bob)) == ("agent", "agent")


@pytest.mark.parametrize("email", [
    "ada+sales@example.com", "ada@example.com.evil.example", "ada@sub.example.com",
    "\u212aada@example.com", "ad\u0430@example.com", "ada@example.com ", "ada.@example.com",
])  # fmt: skip
def test_another_address_is_nobodys_invitation(inbox: Inbox, email: str) -> None:
    """Letters that look alike, or become the same in small letters, are another mailbox."""
    inbox.one(_INVITE, "ada@example.com", "agent", by=inbox.user("admin"))
    inbox.one(_INVITE, "kada@example.com", "agent", by=inbox.user("admin"))
    somebody = _sign_up(inbox, email)
    _confirm(inbox, somebody)

    assert _role(inbox, somebody) == "user"


def test_where_nobody_confirms_addresses_nobody_is_taken_at_their_word(inbox: Inbox) -> None:
    """Auth calls each address confirmed there, whosever it is."""
    inbox.one(_INVITE, "ada@example.com", "admin", by=inbox.user("admin"))
    liar = _sign_up(inbox, "ada@example.com", confirmed=True, mailed=False)

    assert _role(inbox, liar) == "user"


def test_an_address_that_is_changed_to_is_no_invitation(inbox: Inbox) -> None:
    """The proof was of the one before."""
    inbox.one(_INVITE, "ada@example.com", "admin", by=inbox.user("admin"))
    early, late = _sign_up(inbox, "eve@example.com"), _sign_up(inbox, "mal@example.com")
    inbox.run(
        "update auth.users set email = 'ada@example.com', email_confirmed_at = now() where id = %s",
        early,
    )
    inbox.run("update auth.users set email = 'eve@example.com' where id = %s", early)
    _confirm(inbox, late)
    inbox.run("update auth.users set email = 'ada@example.com' where id = %s", late)
    _confirm(inbox, late)

    assert (_role(inbox, early), _role(inbox, late)) == ("user", "user")


def test_an_invitation_is_accepted_once(inbox: Inbox) -> None:
    """Who got the address next, or made a second account, is nobody who was invited."""
    inbox.one(_INVITE, "ada@example.com", "agent", by=inbox.user("admin"))
    ada = _sign_up(inbox, "ada@example.com")
    _confirm(inbox, ada)
    inbox.run("update auth.users set email = 'ada@new.example' where id = %s", ada)
    second = _sign_up(inbox, "ada@example.com")
    _confirm(inbox, second)
    inbox.run("update public.profiles set role = 'user' where id = %s", ada)
    inbox.run("update auth.users set email_confirmed_at = null where id = %s", ada)
    _confirm(inbox, ada)

    assert (_role(inbox, ada), _role(inbox, second)) == ("user", "user")


def test_an_invitation_runs_out_and_is_made_anew(inbox: Inbox) -> None:
    """A forgotten one would be a door for years."""
    admin = inbox.user("admin")
    first = inbox.one(_INVITE, "ada@example.com", "agent", by=admin)["told"]
    inbox.let_pass(8 * 86_400)
    ada = _sign_up(inbox, "ada@example.com")
    _confirm(inbox, ada)
    inbox.run("delete from auth.users where id = %s", ada)
    again = inbox.one(_INVITE, "ADA@example.com", "admin", by=admin)["told"]

    assert (again["id"], again["role"]) == (first["id"], "admin")
    assert inbox.run("select id from public.profiles where id = %s", ada) == []
    assert len(inbox.run("select * from public.staff_invitations", by=admin)) == 1


def test_an_invitation_that_was_taken_back_is_none(inbox: Inbox) -> None:
    """It was the wrong address."""
    admin = inbox.user("admin")
    inbox.one(_INVITE, "ada@example.com", "agent", by=admin)
    inbox.run("delete from public.staff_invitations where email = 'ada@example.com'", by=admin)
    ada = _sign_up(inbox, "ada@example.com")
    _confirm(inbox, ada)

    assert _role(inbox, ada) == "user"


@pytest.mark.parametrize("how", ["by the function", "by the table", "gone"])
def test_an_invitation_goes_with_the_role_of_who_made_it(inbox: Inbox, how: str) -> None:
    """A dismissed admin would be back by a second address."""
    admin, boss = inbox.user("admin"), inbox.user("admin")
    inbox.one(_INVITE, "mallory@example.com", "admin", by=admin)
    if how == "by the function":
        inbox.run(_SET, admin, "agent", by=boss)
    elif how == "by the table":
        inbox.run("update public.profiles set role = 'agent' where id = %s", admin)
    else:
        inbox.run("delete from auth.users where id = %s", admin)
    mallory = _sign_up(inbox, "mallory@example.com")
    _confirm(inbox, mallory)

    assert _role(inbox, mallory) == "user"


@pytest.mark.parametrize("confirmed", [True, False])
def test_an_address_that_has_an_account_is_not_invited(inbox: Inbox, confirmed: bool) -> None:
    """Whoever signed up first may have chosen the password, and wait for its owner to confirm."""
    _sign_up(inbox, "ada@example.com", confirmed=confirmed)
    admin = inbox.user("admin")

    assert _refusal(inbox, _INVITE, "Ada@example.com", "agent", by=admin) == (
        "PT409", "account_exists",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("by", "email", "role", "refusal"),
    [
        ("agent", "ada@example.com", "agent", ("PT403", "admin_only")),
        ("user", "ada@example.com", "agent", ("PT403", "admin_only")),
        ("anon", "ada@example.com", "agent", ("42501", None)),
        ("admin", "ada@example.com", "user", ("PT400", "bad_role")),
        ("admin", "ada@example.com", None, ("PT400", "bad_role")),
        ("admin", None, "agent", ("PT400", "bad_email")),
        ("admin", "", "agent", ("PT400", "bad_email")),
        ("admin", "ada", "agent", ("PT400", "bad_email")),
        ("admin", "ada@example", "agent", ("PT400", "bad_email")),
        ("admin", "ada@example.com,eve@example.com", "agent", ("PT400", "bad_email")),
        ("admin", "Ada <ada@example.com>", "agent", ("PT400", "bad_email")),
        ("admin", "ada@example.com\neve", "agent", ("PT400", "bad_email")),
        ("admin", f"{'a' * 250}@example.com", "agent", ("PT400", "bad_email")),
    ],
)
def test_what_is_no_invitation_is_refused(
    inbox: Inbox, by: str, email: str | None, role: str | None, refusal: tuple[str, str | None]
) -> None:
    """By name, and before anything is kept."""
    who = by if by == "anon" else inbox.user(by)

    assert _refusal(inbox, _INVITE, email, role, by=who) == refusal
    assert inbox.run("select * from public.staff_invitations") == []


def test_invitations_are_seen_by_admins(inbox: Inbox) -> None:
    """They are addresses of people who are not there yet."""
    admin, agent, customer = inbox.user("admin"), inbox.user("agent"), inbox.user()
    inbox.one(_INVITE, "ada@example.com", "agent", by=admin)
    select = "select email from public.staff_invitations"

    assert inbox.run(select, by=admin) == [{"email": "ada@example.com"}]
    assert inbox.run(select, by=agent) == inbox.run(select, by=customer) == []
    assert inbox.run("delete from public.staff_invitations returning id", by=agent) == []


def test_a_sign_up_never_fails_because_of_an_invitation(inbox: Inbox) -> None:
    """A table that is broken would lock everybody out."""
    inbox.run("alter table public.staff_invitations rename to broken")
    user = _sign_up(inbox, "ada@example.com")
    _confirm(inbox, user)

    assert _role(inbox, user) == "user"
