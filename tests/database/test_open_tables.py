"""A project's other tables, once visitors have sessions: what the signed-in had is not theirs."""

import pytest

from tests.database.inbox import Inbox

_SIGNED_IN = "auth.role() = 'authenticated'"


def _table(inbox: Inbox, *policies: str, anon: str = "select") -> None:
    inbox.run("create table public.posts (id int, body text, user_id uuid, is_old boolean)")
    inbox.run("alter table public.posts enable row level security")
    inbox.run(f"grant {anon} on public.posts to anon")
    inbox.run("grant all on public.posts to authenticated, service_role")
    for number, policy in enumerate(policies):
        inbox.run(f"create policy p{number} on public.posts {policy}")


def _found(inbox: Inbox) -> dict[str, set[str]]:
    rows = inbox.run("select open_to, command from private.open_tables()")
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["open_to"], set()).add(row["command"])
    return found


def test_what_everybody_reads_and_the_signed_in_write_is_closed_to_writing(inbox: Inbox) -> None:
    """The commonest shape: visitors wrote there, and the anon key could not."""
    _table(inbox, "for select using (true)", "to authenticated using (true) with check (true)")
    assert _found(inbox) == {"everybody": {"select"}, "visitors": {"insert", "update", "delete"}}
    inbox.run("select private.close_tables_to_visitors()")

    assert _found(inbox) == {"everybody": {"select"}}


@pytest.mark.parametrize(
    "condition",
    [
        f"{_SIGNED_IN} and is_old is null",
        "not is_old and id = 1",
        "body in ('a', 'b')",
        "auth.role() in ('authenticated', 'service_role')",
        "(select auth.uid()) is not null",
        "auth.jwt() ->> 'role' = 'authenticated'",
    ],
)
def test_a_condition_about_nobody_is_open(inbox: Inbox, condition: str) -> None:
    """Whoever has a session meets it."""
    _table(inbox, f"to authenticated using ({condition})")

    assert _found(inbox) == {"visitors": {"select", "insert", "update", "delete"}}


@pytest.mark.parametrize(
    "condition",
    [
        "user_id = auth.uid()",
        "user_id = (select auth.uid())",
        "id in (select 1 where auth.uid() is not null)",
        "private.is_staff()",
        "false",
    ],
)
def test_a_condition_about_somebody_is_not(inbox: Inbox, condition: str) -> None:
    """Its author thought of who is asking."""
    _table(inbox, f"to authenticated using ({condition})")

    assert _found(inbox) == {}


def test_only_anonymous_users_are_shut_out(inbox: Inbox) -> None:
    """Accounts, the service role and roles of the project's own go on."""
    _table(inbox, "to authenticated using (true) with check (true)")
    inbox.run("insert into public.posts (id) values (1)")
    user = inbox.user()
    inbox.run("select private.close_tables_to_visitors()")
    with inbox.connection.transaction():
        inbox.connection.execute(
            "select set_config('request.jwt.claims',"
            """ '{"role": "authenticated", "is_anonymous": true}', true)"""
        )
        inbox.connection.execute("set local role authenticated")
        seen = inbox.connection.execute("select 1 from public.posts").fetchall()

    assert seen == []
    assert len(inbox.run("select 1 from public.posts", by=user)) == 1
    assert len(inbox.run("select 1 from public.posts", by="service_role")) == 1


def test_what_its_owner_opens_again_stays_open(inbox: Inbox) -> None:
    """Each migration came back."""
    _table(inbox, "for select to authenticated using (true)", anon="insert")
    inbox.run("select private.close_tables_to_visitors()")
    inbox.run('drop policy "romashka: not for anonymous users: select" on public.posts')

    assert inbox.run("select private.close_tables_to_visitors()") == []


def test_a_table_of_the_widgets_name_and_other_columns_is_no_trouble(inbox: Inbox) -> None:
    """It stopped the whole installation."""
    inbox.run("create table public.typing_indicators (room_id int)")
    inbox.run("alter table public.typing_indicators enable row level security")
    inbox.run("grant all on public.typing_indicators to authenticated")
    inbox.run("create policy p on public.typing_indicators to authenticated using (true)")
    closed = inbox.run("select private.close_tables_to_visitors() as name")

    assert {row["name"] for row in closed} == {"typing_indicators"}
