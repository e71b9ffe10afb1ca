"""What is tried: each step is a few calls as somebody, and says what came of it.

What a role may not call is read from the catalog, not tried: images of Supabase's Postgres of 2026
crash, and end everybody's connections, when anon, authenticated or service_role calls a function
without the right to (supautils, fixed since).
"""

import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import psycopg
from romashka import AsyncRomashka, NotFound, PermissionDenied
from romashka._errors import translated
from romashka._grants import read_grants
from romashka._listener import Broadcast, Listener

from romashka_worker.doctor.finding import Finding
from romashka_worker.trial.cast import Cast

QUESTION = "What is Romashka?"
ANSWER = "Romashka is an inbox in which customers are answered in time."

_ROLES = ("anon", "authenticated", "service_role")
_RIGHTS = """
select roles.name, 'execute', objects.name
from unnest(array['anon', 'authenticated', 'service_role']) as roles (name)
cross join (
  select functions.oid, schemas.nspname || '.' || functions.proname as name
  from pg_catalog.pg_proc as functions
  join pg_catalog.pg_namespace as schemas on schemas.oid = functions.pronamespace
) as objects
where objects.name = any (%(ours)s) and has_function_privilege(roles.name, objects.oid, 'execute')
union all
select roles.name, kinds.privilege, objects.name
from unnest(array['anon', 'authenticated', 'service_role']) as roles (name)
cross join unnest(array['select', 'insert', 'update', 'delete']) as kinds (privilege)
cross join (
  select tables.oid, schemas.nspname || '.' || tables.relname as name
  from pg_catalog.pg_class as tables
  join pg_catalog.pg_namespace as schemas on schemas.oid = tables.relnamespace
  where tables.relkind = 'r'
) as objects
where objects.name = any (%(ours)s)
  and has_table_privilege(roles.name, objects.oid, kinds.privilege)
"""


class Differs(Exception):
    """Something came out otherwise than it must; the message says what."""


async def ask(cast: Cast) -> str:
    """Ask as a customer; the worker answers."""
    async with cast.customer.topics.listen(cast.topic) as listener:
        await anext(listener)
        asked = time.monotonic()
        answer = await cast.conversation.ask(QUESTION)
        seconds = time.monotonic() - asked
        _expect(answer.content == ANSWER, f"the answer was a {answer.kind}, not what is known")
        await hear(listener, answer.id)
    return f"asked, was answered in {seconds:.2f} s, and heard of it through Realtime"


async def look_as_a_stranger(cast: Cast) -> str:
    """Look for the conversation as another customer."""
    theirs = cast.conversation.id
    rows = cast.stranger.supabase.table("messages").select("id").eq("conversation_id", theirs)
    with translated():
        _expect(not (await rows.execute()).data, "another customer reads the messages")
    await _refused(cast.stranger.conversations.get(theirs), "another customer reads it")
    await _refused(
        cast.stranger.attachments.upload(theirs, "note.txt", b"Hello"),
        "another customer attaches files to it",
    )
    await _refused(_join(cast.stranger, cast.topic), "another customer hears it")
    return "another customer neither reads nor hears it, and attaches nothing"


async def listen_without_a_session(cast: Cast) -> str:
    """Join the conversation's topic with the anon key alone."""
    await _refused(_join(cast.nobody, cast.topic), "whoever has the anon key hears it")
    return "the anon key alone hears nothing"


async def attach(cast: Cast) -> str:
    """Send a file as the customer; staff read it."""
    file = await cast.customer.attachments.upload(cast.conversation.id, "note.txt", b"Hello")
    await cast.conversation.send("It looks like this.", attachment=file)
    read = await cast.staff.attachments.download(file)
    _expect(read == b"Hello", "the file is not what was sent")
    return "sent by the customer, read by staff"


async def help_as_staff(cast: Cast) -> str:
    """Take the conversation over, write, note, and resolve."""
    work = await cast.staff.conversations.get(cast.conversation.id)
    await work.take_over()
    sent = await work.send("I am here.", sender_type="agent")
    await work.add_note("Tries us.")
    seen = await cast.conversation.messages()
    _expect(
        sent.id in [message.id for message in seen], "the customer does not see what staff wrote"
    )
    _expect(not await cast.conversation.notes(), "the customer reads what staff noted")
    await work.resolve()
    now = await cast.conversation.refresh()
    _expect(now.status == "resolved", f"the conversation is {now.status}, not resolved")
    return "took over, wrote, noted, resolved"


STEPS: Mapping[str, Callable[[Cast], Coroutine[Any, Any, str]]] = {
    "customer": ask,
    "stranger": look_as_a_stranger,
    "no session": listen_without_a_session,
    "attachment": attach,
    "staff": help_as_staff,
}


def look_at_rights(db_url: str) -> Finding:
    """Compare what each role may do, however it came to it, with what the files grant."""
    ours = read_grants()
    with psycopg.connect(db_url, prepare_threshold=None) as database:
        found = set(database.execute(_RIGHTS.encode(), {"ours": list(ours.objects)}).fetchall())
    granted = {
        (role, grant.privilege, grant.object)
        for grant in ours.granted
        for role in (_ROLES if grant.role == "public" else (grant.role,))
        if grant.column is None and grant.privilege != "usage"
    }
    if surplus := sorted(found - granted):
        says = "; ".join(f"{role} may {right} {name}" for role, right, name in surplus[:3])
        return Finding("rights", "problem", says)
    return Finding.ok("rights", f"{len(found)}, and no role has another")


def look_at_traces(db_url: str) -> Finding:
    """Look for the trace that a worker leaves of a turn when it has ended."""
    with psycopg.connect(db_url, prepare_threshold=None) as database:
        if database.execute("select from private.job_traces").rowcount:
            return Finding.ok("traces", "the worker told how it came to its answer")
    return Finding("traces", "problem", "the worker left none")


async def _join(client: AsyncRomashka, topic: str) -> None:
    async with client.topics.listen(topic) as listener:
        await anext(listener)


async def hear(listener: Listener, message_id: str) -> None:
    async for signal in listener:
        if isinstance(signal, Broadcast) and signal.event == "message.created":
            if signal.payload["message"]["id"] == message_id:
                return


async def _refused(call: Awaitable[object], otherwise: str) -> None:
    try:
        await call
    except (NotFound, PermissionDenied):
        return
    raise Differs(otherwise)


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Differs(otherwise)
