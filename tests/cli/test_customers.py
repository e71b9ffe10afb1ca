"""`romashka customers`: all that is known of a person, and that nothing of it is left."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from romashka import AsyncRomashka

from tests.support.answering import answer_next
from tests.support.commands import Command
from tests.support.customers import customer_of, new_identifier, service_of, staff_of
from tests.support.stacks import RunningStack

_TEXTS = """
select format('%I.%I', schemas.nspname, tables.relname), columns.attname
from pg_catalog.pg_attribute as columns
join pg_catalog.pg_class as tables on tables.oid = columns.attrelid
join pg_catalog.pg_namespace as schemas on schemas.oid = tables.relnamespace
where tables.relkind in ('r', 'm') and columns.attnum > 0 and not columns.attisdropped
  and schemas.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
  and columns.atttypid::regtype::text ~ '(text|json|char|xml|bytea|name|tsvector)'
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, and a word that nobody else has ever written."""

    id: str
    conversation: str
    word: str


def keys(stack: RunningStack) -> dict[str, str]:
    return {"SUPABASE_URL": stack.api_url, "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key}


@contextmanager
def superuser(stack: RunningStack) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(stack.admin_url(), autocommit=True) as database:
        yield database


def places_of(stack: RunningStack, word: str) -> set[str]:
    """Return each column, and each file of Storage, in which a word is."""
    found = set()
    with superuser(stack) as database:
        for table, column in database.execute(_TEXTS).fetchall():
            has_it = sql.SQL("select exists (select from {} where {}::text ilike {})").format(
                sql.SQL(table), sql.Identifier(column), sql.Literal(f"%{word}%")
            )
            if database.execute(has_it).fetchone() == (True,):
                found.add(f"{table}.{column}")
        row = database.execute("show data_directory").fetchone()
    assert row is not None
    for file in (Path(row[0]).parent / "storage").rglob("*"):
        if file.is_file() and (word.encode() in file.read_bytes() or word in str(file)):
            found.add("a file of Storage")
    return found


@asynccontextmanager
async def visitor(stack: RunningStack) -> AsyncIterator[tuple[AsyncRomashka, Person]]:
    """Give a visitor of a page who has left their word wherever one can."""
    word = f"heliotrope{uuid.uuid4().hex}"
    async with customer_of(stack) as client, service_of(stack) as service, staff_of(stack) as staff:
        conversation = await client.conversations.create(f"{word}@example.com", message=None)
        asked = asyncio.create_task(conversation.ask(f"I am {word}", timeout_seconds=60))
        await answer_next(service, conversation.id, f"Hello {word}")
        await asked
        file = await client.attachments.upload(conversation.id, f"{word}.txt", word.encode())
        await conversation.send(f"{word} sent this", attachment=file)
        await conversation.rate(4)
        work = await staff.conversations.get(conversation.id)
        await work.send(f"Dear {word}", sender_type="agent")
        await work.add_note(f"{word} is known to us")
        customer = str((await client.conversations.get(conversation.id)).customer_id)
        with superuser(stack) as database:
            database.execute(
                "update customer_profiles set name = %s, notes = %s, tags = %s where id = %s",
                [word, word, [word], customer],
            )
            database.execute(
                "update auth.users set raw_user_meta_data = jsonb_build_object('name', %s::text)"
                " where id = (select user_id from customer_profiles where id = %s)",
                [word, customer],
            )
            database.execute(
                "insert into private.job_traces (job_id, attempt, trace)"
                " select id, 9, jsonb_build_object('prompt', %s::text) from ai_response_queue"
                " where conversation_id = %s limit 1",
                [word, conversation.id],
            )
            database.execute(
                "insert into private.trigger_failures (table_name, trigger_name, code, reason)"
                " values ('messages', 'theirs', '22P02', %s)",
                [f"invalid input syntax: {word}"],
            )
        try:
            yield client, Person(customer, conversation.id, word)
        finally:  # else it is everybody's who looks at the project
            with superuser(stack) as database:
                database.execute(
                    "delete from private.trigger_failures where trigger_name = 'theirs'"
                )


async def by_channel(stack: RunningStack, *words: str) -> list[Person]:
    """Let people write by WhatsApp, in one webhook, with a reaction and an edit after it."""
    account = str(uuid.uuid4().int)[:12]
    numbers = [str(uuid.uuid4().int)[:12] for _ in words]
    at = "2026-11-30T12:00:00Z"
    events = [
        {"kind": "message", "account": account, "at": at, "id": f"wamid.{number}", "type": "text",
         "customer": {"id": number, "name": word, "phone": f"+{number}"}, "content": f"by {word}"}
        for number, word in zip(numbers, words, strict=True)
    ]  # fmt: skip
    edits = [
        {"kind": "edit", "account": account, "at": at, "id": f"wamid.{number}.later",
         "customer": {"id": number}, "content": f"edited by {word}"}
        for number, word in zip(numbers, words, strict=True)
    ]  # fmt: skip
    people = []
    async with service_of(stack) as service:
        for sent in (events, edits):
            await service.call(
                "receive_channel_webhook",
                channel_type="whatsapp",
                payload=json.dumps(sent),
                events=sent,
            )
        for number, word in zip(numbers, words, strict=True):
            [found] = await service.call("find_customers", id=number)
            [row] = (
                await service.supabase.table("conversations")
                .select("id")
                .eq("customer_id", found["id"])
                .execute()
            ).data
            people.append(Person(found["id"], row["id"], word))
    return people


async def test_nothing_of_a_visitor_is_left_anywhere(
    stack: RunningStack, romashka: Command, tmp_path: Path
) -> None:
    """Looked for in every text of every table, and in every file."""
    async with visitor(stack) as (_, person), visitor(stack) as (_, other):
        known = places_of(stack, person.word)
        others = places_of(stack, other.word)
        folder = tmp_path / "export"
        exported = await asyncio.to_thread(
            romashka, "customers", "export", person.conversation, str(folder), **keys(stack)
        )
        unasked = await asyncio.to_thread(romashka, "customers", "erase", person.id, **keys(stack))
        still_known = places_of(stack, person.word)
        erased = await asyncio.to_thread(
            romashka, "customers", "erase", person.id, "--yes", **keys(stack)
        )
        again = await asyncio.to_thread(
            romashka, "customers", "erase", person.id, "--yes", **keys(stack)
        )

        assert {
            "public.messages.content",
            "public.ai_response_queue.user_message",
            "public.conversations.last_message",
            "public.conversation_notes.content",
            "public.customer_profiles.name",
            "private.job_traces.trace",
            "private.trigger_failures.reason",
            "auth.users.raw_user_meta_data",
            "a file of Storage",
        } <= known
        assert any("realtime" in place for place in known)
        assert unasked.errors == (
            "romashka: nobody is there to ask whether you are sure; if you are: --yes\n"
        )
        assert still_known == known
        assert erased.exit_code == 0, erased.errors
        assert f"{person.id} is erased: 1 accounts, " in erased.output
        assert person.word not in erased.output
        assert places_of(stack, person.word) == set()
        # Their failure of a trigger may have been the other's too: its words go with either.
        assert places_of(stack, other.word) >= others - {"private.trigger_failures.reason"}
        assert again.errors == f"romashka: there is no customer {person.id}\n"

    [path] = (file for file in (folder / "files").rglob("*") if file.is_file())
    text = (folder / "customer.json").read_text()
    tables = json.loads(text)
    assert exported.output.endswith(", 1 files.\n")
    assert path.read_bytes() == person.word.encode()
    assert (folder.stat().st_mode & 0o077, path.stat().st_mode & 0o077) == (0, 0)
    for table, column in (place.rpartition(".")[::2] for place in known if "realtime" not in place):
        if table and table not in ("private.trigger_failures", "storage.objects"):
            assert person.word in json.dumps(tables[table]), (table, column)
    assert other.word not in text


async def test_nothing_of_a_customer_of_a_channel_is_left_and_others_stay(
    stack: RunningStack, romashka: Command
) -> None:
    """In one webhook with somebody else; an edit came before its message, and is kept apart."""
    words = [f"heliotrope{uuid.uuid4().hex}" for _ in range(2)]
    person, other = await by_channel(stack, *words)
    known = places_of(stack, person.word)
    erased = await asyncio.to_thread(
        romashka, "customers", "erase", person.id, "--yes", **keys(stack)
    )

    assert {"public.webhook_events.payload", "public.webhook_events.events"} <= known
    assert erased.exit_code == 0, erased.errors
    assert places_of(stack, person.word) == set()
    assert "public.messages.content" in places_of(stack, other.word)


async def test_of_a_webhook_that_failed_what_is_the_others_can_be_replayed(
    stack: RunningStack,
) -> None:
    """What nobody has read yet is no copy: it is theirs alone."""
    words = [f"heliotrope{uuid.uuid4().hex}" for _ in range(2)]
    person, other = await by_channel(stack, *words)
    async with service_of(stack) as service:
        with superuser(stack) as database:
            database.execute(
                "update webhook_events set error = 'event 2: failed' where payload like %s",
                [f"%{person.word}%"],
            )
        await service.call("erase_customer", customer_id=person.id)
        with superuser(stack) as database:
            rows = database.execute(
                "select id, payload, events::text, headers ->> 'content-type' from webhook_events"
                " where events::text like %s",
                [f"%{other.word}%"],
            ).fetchall()
        replayed = [
            await service.call("replay_channel_webhook", webhook_id=str(row[0])) for row in rows
        ]

    assert len(rows) == 2
    for _, payload, events, kind in rows:
        assert payload == ""
        assert person.word not in events
        assert kind == "application/vnd.romashka.events"
    outcomes = [result["outcome"] for one in replayed for result in one["results"]]
    assert "duplicate" in outcomes, "what is the other's was there already"
    assert places_of(stack, person.word) == set()


async def test_files_that_storage_did_not_delete_are_the_workers(stack: RunningStack) -> None:
    """Storage may be away at that moment, and is no part of the transaction."""
    async with visitor(stack) as (_, person), service_of(stack) as service:
        erased = await service.call("erase_customer", customer_id=person.id)
        abandoned = await service.call("get_abandoned_attachments")

    assert len(erased["files"]) == 1
    assert set(erased["files"]) <= set(abandoned)


async def test_what_the_project_refers_to_is_named_and_an_account_of_staff_stays(
    stack: RunningStack, romashka: Command
) -> None:
    """A shop's orders are no inbox's to delete; nor is a colleague who tried the widget."""
    async with visitor(stack) as (_, person), visitor(stack) as (_, colleague):
        with superuser(stack) as database:
            database.execute(
                "create table public.orders (customer_id uuid references public.customer_profiles)"
            )
            try:
                database.execute("insert into public.orders values (%s)", [person.id])
                refused = await asyncio.to_thread(
                    romashka, "customers", "erase", person.id, "--yes", **keys(stack)
                )
            finally:
                database.execute("drop table public.orders")
            database.execute(
                "update profiles set role = 'agent' where id ="
                " (select user_id from customer_profiles where id = %s)",
                [colleague.id],
            )
        erased = await asyncio.to_thread(
            romashka, "customers", "erase", colleague.id, "--yes", **keys(stack)
        )

        assert refused.exit_code == 1
        assert 'table "orders"' in refused.errors
        assert "public.messages.content" in places_of(stack, person.word)
        assert "stays: it is staff's" in erased.output
        assert places_of(stack, colleague.word) == {"auth.users.raw_user_meta_data"}


async def test_whom_an_id_means_is_one_person_or_named(
    stack: RunningStack, romashka: Command
) -> None:
    """An erasure of the wrong one cannot be taken back."""
    name = new_identifier()
    async with customer_of(stack) as first, customer_of(stack) as second:
        ids = []
        for client in (first, second):
            conversation = await client.conversations.create(new_identifier())
            ids.append((await client.conversations.get(conversation.id)).customer_id)
        with superuser(stack) as database:
            database.execute(
                "update customer_profiles set external_id = %s where id = %s", [name, ids[0]]
            )
            database.execute(
                "update customer_profiles set email = %s where id = %s", [name, ids[1]]
            )
        both = await asyncio.to_thread(romashka, "customers", "erase", name, "--yes", **keys(stack))
        nobody = await asyncio.to_thread(
            romashka, "customers", "export", "no-such-person", **keys(stack)
        )

    assert both.exit_code == nobody.exit_code == 1
    assert all(str(each) in both.errors for each in ids)
    assert both.errors.startswith(f"romashka: more than one customer is {name}; use an id: ")
    assert nobody.errors == "romashka: there is no customer no-such-person\n"


@pytest.mark.parametrize("days", [None, 30])
def test_conversations_are_kept_as_long_as_the_settings_say(
    fresh_db: str, days: int | None
) -> None:
    """For ever, unless somebody says otherwise; whoever wrote by a channel goes with the last."""
    with psycopg.connect(fresh_db) as database:
        database.execute("update ai_settings set keep_conversations_days = %s", [days])
        database.execute(
            "insert into customer_profiles (id, name) values (gen_random_uuid(), 'Ada')"
        )
        database.execute(
            "insert into conversations (customer_id, last_message_at) select id, age from"
            " customer_profiles, unnest(array[now() - interval '31 days', now()]) as age"
        )
        first = database.execute("select prune()").fetchone()
        left = database.execute("select count(*) from conversations").fetchone()
        database.execute("update conversations set last_message_at = now() - interval '31 days'")
        database.execute("select prune()")
        people = database.execute("select count(*) from customer_profiles").fetchone()
        database.rollback()

    assert (first, left, people) == (((0,), (2,), (1,)) if days is None else ((1,), (1,), (0,)))
