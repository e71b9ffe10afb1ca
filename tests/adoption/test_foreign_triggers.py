"""Whose rights a guarded trigger has, which are guarded, and that a copy follows its model."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from romashka._installation import install
from romashka_local.postgres import Cluster

from tests.adoption.originals import install_original
from tests.database.inbox import Inbox
from tests.support import databases

_LOG = "create table public.log (text text)"


@pytest.fixture
def bare_original(cluster: Cluster) -> Iterator[str]:
    """The original's database without its team's own triggers, before Romashka."""
    name = databases.make_template(cluster, "for_triggers", exposes_new_tables=True)
    install_original(cluster.url("postgres", name), "full product")
    with databases.clone(cluster, name) as url:
        yield url
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)'.encode())


def _trigger(url: str, body: str, *more: str, when: str = "after") -> None:
    """Make a trigger on messages, as most are written: nothing is set on its function."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in (
            _LOG,
            f"create function public.note() returns trigger language plpgsql as $f$ {body} $f$",
            f"create trigger note {when} insert on public.messages"
            " for each row execute function public.note()",
            *more,
        ):
            connection.execute(statement.encode())


def _logged(inbox: Inbox) -> list[Any]:
    return [row["text"] for row in inbox.run("select text from public.log")]


def test_a_function_that_builds_statements_keeps_the_callers_rights(bare_original: str) -> None:
    """A visitor wrote SQL into a message, and made themselves an admin."""
    _trigger(
        bare_original,
        "begin"
        " execute 'insert into public.log values (''' || new.content || ''')'; return new; end",
    )
    install(bare_original)
    with Inbox(bare_original) as inbox:
        visitor = inbox.user()
        attack = f"x'); update public.profiles set role = 'admin' where id = '{visitor}'; --"
        conversation = inbox.open(visitor, attack)
        profile = inbox.one("select role from public.profiles where id = %s", visitor)

        assert profile["role"] == "user"
        assert [message["content"] for message in inbox.messages(conversation)] == [attack]


def test_a_function_that_writes_messages_writes_none_of_the_ais(bare_original: str) -> None:
    """A project's own automatic answer was a second one, also after a takeover."""
    _trigger(
        bare_original,
        "begin if new.sender_type = 'user' then insert into messages (conversation_id, sender_type,"
        " content) values (new.conversation_id, 'ai', 'We got it.'); end if; return new; end",
    )
    install(bare_original)
    with Inbox(bare_original) as inbox:
        conversation = inbox.open(inbox.user(), "one")
        assert [message["sender_type"] for message in inbox.messages(conversation)] == ["user"]


@pytest.mark.parametrize(
    "body",
    [
        "-- why it is here\n<<top>> begin insert into log values (new.content); return new; end;",
        "/* a\nb */ #variable_conflict use_column\nbegin insert into log values (new.content);"
        " return new; end",
        "begin insert into log values (new.content); return new; end -- done",
    ],
)
def test_every_form_of_a_body_is_copied(bare_original: str, body: str) -> None:
    """What is not copied finds no table inside our functions."""
    _trigger(bare_original, body)
    install(bare_original)
    with Inbox(bare_original) as inbox:
        inbox.open(inbox.user(), "one")
        assert _logged(inbox) == ["one"]


@pytest.mark.parametrize("state", ["enable always", "disable"])
def test_a_trigger_keeps_its_state(bare_original: str, state: str) -> None:
    """One that was switched off and comes back must be guarded then."""
    failing = "begin perform 1 / 0; return new; end"
    _trigger(bare_original, failing, f"alter table public.messages {state} trigger note")
    install(bare_original)
    with Inbox(bare_original) as inbox:
        [trigger] = inbox.run(
            "select tgenabled::text as state, tgfoid::regproc::text as function from pg_trigger"
            " where tgname = 'note'"
        )
        conversation = inbox.open(inbox.user(), "one")

        assert trigger["state"] == {"enable always": "A", "disable": "D"}[state]
        assert trigger["function"].startswith("private.guarded_note_")
        assert len(inbox.messages(conversation)) == 1


def test_a_changed_function_is_copied_by_the_next_migrate(bare_original: str) -> None:
    """The corrected one never ran."""
    body = "begin insert into log values ('{}'); return new; end"
    _trigger(bare_original, body.format("first"))
    install(bare_original)
    assert install(bare_original) == []
    with Inbox(bare_original) as inbox:
        inbox.run(
            "create or replace function public.note() returns trigger language plpgsql as"
            f" $f$ {body.format('second')} $f$"
        )
        assert install(bare_original) != []
        inbox.open(inbox.user(), "one")
        assert _logged(inbox) == ["second"]
    assert install(bare_original) == []


def test_a_trigger_that_waits_for_a_lock_stops_no_message(bare_original: str) -> None:
    """A counter's row that somebody holds ended each customer's message."""
    _trigger(
        bare_original,
        "begin update log set text = 'x'; return new; end",
        "insert into public.log values ('held')",
    )
    install(bare_original)
    with psycopg.connect(bare_original) as holder, Inbox(bare_original) as inbox:
        holder.execute("select from public.log for update")
        conversation = inbox.open(inbox.user(), "one")
        assert len(inbox.messages(conversation)) == 1
        holder.rollback()
