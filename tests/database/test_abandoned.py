"""Visitors who do not come back, and files that no message shows, go by themselves."""

from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database.inbox import Inbox


def _visitor(inbox: Inbox, *, days: int) -> str:
    """Somebody who signed in anonymously so many days ago, and not since."""
    user_id = str(uuid4())
    inbox.run(
        "insert into auth.users (id, is_anonymous, created_at, last_sign_in_at)"
        " values (%s, true, now() - %s * interval '1 day', now() - %s * interval '1 day')",
        user_id,
        days,
        days,
    )
    return user_id


def _users(inbox: Inbox) -> set[str]:
    return {str(row["id"]) for row in inbox.run("select id from auth.users")}


def _prune(inbox: Inbox) -> int:
    return int(inbox.one("select public.prune() as count", by="service_role")["count"])


def test_who_never_wrote_goes_after_a_month(inbox: Inbox) -> None:
    """A page makes an anonymous user for each of its visitors."""
    gone, young = _visitor(inbox, days=31), _visitor(inbox, days=29)
    opened = _visitor(inbox, days=31)
    inbox.open(opened)

    assert _prune(inbox) == 2
    assert _users(inbox) == {young}
    assert gone not in _users(inbox)
    assert inbox.run("select 1 from public.customer_profiles") == []
    assert inbox.run("select 1 from public.conversations") == []


def test_who_wrote_goes_after_a_year_and_the_conversation_stays(inbox: Inbox) -> None:
    """Their session opens it until then; after that it is the team's."""
    recent, gone = _visitor(inbox, days=300), _visitor(inbox, days=366)
    for visitor in (recent, gone):
        inbox.open(visitor, "one")

    assert _prune(inbox) == 1
    assert _users(inbox) == {recent}
    assert len(inbox.run("select 1 from public.conversations")) == 2
    assert len(inbox.run("select 1 from public.messages")) == 2


def test_whose_session_was_used_stays(inbox: Inbox) -> None:
    """A visitor signs in once; what tells of a visit is that the session was renewed."""
    visitor = _visitor(inbox, days=90)
    inbox.run(
        "insert into auth.sessions (id, user_id, created_at, updated_at, refreshed_at) values"
        " (gen_random_uuid(), %s, now() - interval '90 days', now() - interval '90 days',"
        " (now() - interval '2 days') at time zone 'utc')",
        visitor,
    )

    assert _prune(inbox) == 0
    assert _users(inbox) == {visitor}


def test_nobody_with_an_address_or_a_role_is_a_visitor(inbox: Inbox) -> None:
    """Accounts are their owners' matter."""
    customer, agent = inbox.user(), inbox.user("agent")
    inbox.run("update auth.users set created_at = now() - interval '9 years'")
    promoted = _visitor(inbox, days=400)
    inbox.run("update public.profiles set role = 'agent' where id = %s", promoted)

    assert _prune(inbox) == 0
    assert _users(inbox) == {customer, agent, promoted}


@pytest.mark.parametrize("column", ["email", "phone", "external_id", "notes"])
def test_a_customer_whom_the_team_knows_stays(inbox: Inbox, column: str) -> None:
    """Only the session goes."""
    visitor = _visitor(inbox, days=366)
    inbox.open(visitor)
    inbox.run(f"update public.customer_profiles set {column} = 'ada@example.com'")

    assert _prune(inbox) == 1
    [customer] = inbox.run("select user_id from public.customer_profiles")
    assert customer["user_id"] is None


def test_who_is_writing_at_this_moment_stays(inbox: Inbox, fresh_db: str) -> None:
    """Their first message holds the conversation."""
    visitor = _visitor(inbox, days=31)
    conversation = inbox.open(visitor)
    with psycopg.connect(fresh_db) as other:
        other.execute(
            "insert into public.messages (conversation_id, sender_type, content)"
            " values (%s, 'user', 'one')",
            [conversation],
        )
        assert _prune(inbox) == 0
        other.commit()

    assert _prune(inbox) == 0
    assert _users(inbox) == {visitor}


def test_one_who_cannot_go_keeps_nobody_else(inbox: Inbox) -> None:
    """A project's own table may refer to users without saying what follows."""
    kept, _ = _visitor(inbox, days=31), _visitor(inbox, days=31)
    inbox.run("create table public.carts (user_id uuid references auth.users (id))")
    inbox.run("insert into public.carts values (%s)", kept)

    assert _prune(inbox) == 1
    assert _users(inbox) == {kept}


def test_whoever_the_projects_own_tables_know_stays(inbox: Inbox) -> None:
    """Their cart went with them, by cascade: the project has anonymous users of its own."""
    owner, author = _visitor(inbox, days=400), _visitor(inbox, days=400)
    inbox.run(
        "create table public.carts (user_id uuid references auth.users (id) on delete cascade)"
    )
    inbox.run(
        "create table public.posts (by uuid references public.profiles (id) on delete cascade)"
    )
    inbox.run("insert into public.carts values (%s)", owner)
    inbox.run("insert into public.posts values (%s)", author)

    assert _prune(inbox) == 0
    assert _users(inbox) == {owner, author}


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("customer_profiles", "name", "Ada"),
        ("customer_profiles", "tags", "{vip}"),
        ("customer_profiles", "status", "vip"),
        ("conversations", "tags", "{vip}"),
        ("conversations", "priority", "high"),
    ],
)
def test_what_staff_noted_on_a_visitor_who_never_wrote_stays(
    inbox: Inbox, table: str, column: str, value: str
) -> None:
    """The team knows why; their year is not over."""
    visitor = _visitor(inbox, days=31)
    inbox.open(visitor)
    inbox.run(f"update public.{table} set {column} = %s", value)

    assert _prune(inbox) == 0
    assert _users(inbox) == {visitor}


def test_who_comes_back_while_it_is_decided_stays(inbox: Inbox) -> None:
    """What was seen before the locks is looked at again under them."""
    visitor = _visitor(inbox, days=31)
    inbox.run(
        "insert into auth.sessions (id, user_id, created_at, updated_at)"
        " values (gen_random_uuid(), %s, now(), now())",
        visitor,
    )

    removed = inbox.one("select private.remove_visitor(%s) as count", visitor)
    assert removed["count"] == 0
    assert _users(inbox) == {visitor}


def _store(inbox: Inbox, path: str, *, days: int) -> str:
    inbox.run(
        "insert into storage.objects (bucket_id, name, created_at) values"
        " ('conversation-attachments', %s, now() - %s * interval '1 day')",
        path,
        days,
    )
    return path


def _abandoned(inbox: Inbox) -> set[str]:
    rows = inbox.run("select * from public.get_abandoned_attachments() as path", by="service_role")
    return {row["path"] for row in rows}


def test_files_that_no_message_shows_are_named_after_a_week(inbox: Inbox) -> None:
    """Uploaded and never sent; or sent, and the conversation deleted."""
    conversation = inbox.open(inbox.user(), "one")
    never_sent = _store(inbox, f"{conversation}/a.png", days=8)
    deleted = _store(inbox, f"{uuid4()}/b.png", days=8)
    _store(inbox, f"{conversation}/young.png", days=6)
    _store(inbox, "not-a-conversation/c.png", days=800)

    assert _abandoned(inbox) == {never_sent, deleted}


def test_files_that_a_message_shows_stay(inbox: Inbox) -> None:
    """As the SDK sends them, and as channels store them."""
    conversation = inbox.open(inbox.user(), "one")
    sent = _store(inbox, f"{conversation}/a.png", days=800)
    received = _store(inbox, f"{conversation}/b.png", days=800)
    _message(inbox, conversation, media_url=sent)
    _message(inbox, conversation, metadata=f'{{"media": [{{"path": "{received}"}}]}}')

    assert _abandoned(inbox) == set()


@pytest.mark.parametrize("where", ["media_url", "metadata", "content"])
def test_a_file_that_a_message_names_in_any_way_stays(inbox: Inbox, where: str) -> None:
    """A frontend may keep a signed URL."""
    conversation = inbox.open(inbox.user(), "one")
    path = _store(inbox, f"{conversation}/a.png", days=800)
    url = f"https://example.com/storage/v1/object/sign/conversation-attachments/{path}?token=x"
    value = f'{{"attachment": {{"url": "{url}"}}}}' if where == "metadata" else url
    inbox.run(f"update public.messages set {where} = %s", value)

    assert _abandoned(inbox) == set()


def _message(
    inbox: Inbox, conversation: UUID, *, media_url: str | None = None, metadata: str = "{}"
) -> None:
    inbox.run(
        "insert into public.messages (conversation_id, sender_type, content, media_url, metadata)"
        " values (%s, 'user', 'see', %s, %s)",
        conversation,
        media_url,
        metadata,
    )
